"""Surveys, their published versions, and the responses pinned to one of them."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from core.subjects import MAX_ID
from surveys.questions import QuestionKind

_UNLOGGED = text("logged_at IS NULL")
_UNHARVESTED = text("harvested_at IS NULL AND text IS NOT NULL")


class SurveyStatus(StrEnum):
    """Where a survey stands; only a LIVE one is offered."""

    DRAFT = "DRAFT"
    LIVE = "LIVE"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"


class Survey(SQLModel, table=True):
    """A survey as it is being written, and how it is offered."""

    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    key: str = Field(max_length=64)
    title: str = Field(max_length=200)
    status: SurveyStatus = enum_column(SurveyStatus, default=SurveyStatus.DRAFT)
    version: int = 1
    """Counts every change of the row; what was published is in `published_number`."""
    draft: list[dict[str, Any]] = json_column()
    published_number: int = 0
    targeting: dict[str, Any] | None = json_column(default=None)
    rest_days: int = 90
    """Days before the same subject is shown it again."""
    created_at: datetime = utc_column()
    updated_at: datetime = utc_column()


class SurveyVersion(SQLModel, table=True):
    """What was asked, frozen. A response stays with the version it answered."""

    __tablename__ = "survey_version"
    __table_args__ = (UniqueConstraint("survey_id", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    survey_id: UUID = Field(foreign_key="survey.id")
    number: int
    title: str = Field(max_length=200)
    document: list[dict[str, Any]] = json_column()
    content_hash: str = Field(max_length=64)
    published_at: datetime = utc_column()


class Response(SQLModel, table=True):
    """One person's answers to one version; partial until `completed_at` is set."""

    __tablename__ = "survey_response"
    __table_args__ = (
        UniqueConstraint("environment_id", "survey_id", "submission_id"),
        Index(
            "ix_survey_response_newest",
            "survey_id",
            "environment_id",
            "submitted_at",
            "id",
        ),
        Index("ix_survey_response_user", "environment_id", "user_id"),
        Index("ix_survey_response_visitor", "environment_id", "anonymous_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    survey_id: UUID = Field(foreign_key="survey.id")
    survey_version_id: UUID = Field(foreign_key="survey_version.id")
    submission_id: str = Field(max_length=128)
    revision: int
    body_hash: str = Field(max_length=64)
    user_id: str | None = Field(default=None, max_length=MAX_ID)
    anonymous_id: str | None = Field(default=None, max_length=MAX_ID)
    account_id: str | None = Field(default=None, max_length=MAX_ID)
    context: dict[str, Any] = json_column(default_factory=dict)
    assignments_at: dict[str, str] = json_column(default_factory=dict)
    """The variant of each experiment that the person was in when answering."""
    submitted_at: datetime = utc_column()
    updated_at: datetime = utc_column()
    completed_at: datetime | None = utc_column(default=None)


class Answer(SQLModel, table=True):
    """One answer in the column of its kind; free text is redacted before it is kept."""

    __tablename__ = "survey_answer"
    __table_args__ = (
        UniqueConstraint("response_id", "question_key"),
        Index("ix_survey_answer_question", "survey_id", "question_key"),
        Index(
            "ix_survey_answer_unlogged",
            "id",
            sqlite_where=_UNLOGGED,
            postgresql_where=_UNLOGGED,
        ),
        Index(
            "ix_survey_answer_unharvested",
            "id",
            sqlite_where=_UNHARVESTED,
            postgresql_where=_UNHARVESTED,
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    response_id: UUID = Field(foreign_key="survey_response.id")
    survey_id: UUID = Field(foreign_key="survey.id")
    question_key: str = Field(max_length=64)
    kind: QuestionKind = enum_column(QuestionKind)
    number: int | None = None
    choice_ids: list[str] | None = json_column(default=None)
    text: str | None = None
    logged_at: datetime | None = utc_column(default=None)
    harvested_at: datetime | None = utc_column(default=None)
