"""The tables of governance: reviews, schedules, launches, ramps and alarms."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.audit import ActorKind
from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from core.tenancy import Governance
from experiments.lifecycle import ExperimentStatus
from experiments.models import KEY_LENGTH, TEXT_LENGTH
from experiments.plan import HarmAction

HASH_LENGTH = 64
NAME_LENGTH = 320


class ReviewVerdict(StrEnum):
    """What a reviewer says of a design."""

    APPROVE = "APPROVE"
    REQUEST_CHANGES = "REQUEST_CHANGES"


class ReviewOutcome(StrEnum):
    """How a review ended."""

    CHANGES_REQUESTED = "CHANGES_REQUESTED"
    WITHDRAWN = "WITHDRAWN"
    STARTED = "STARTED"


class ScheduleStatus(StrEnum):
    """What became of a scheduled start."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"


class AlarmKind(StrEnum):
    """What an alarm is about."""

    HARM = "HARM"
    """A guardrail is worse than its margin allows."""
    SRM = "SRM"
    """The arms' sizes contradict the split."""


class DesignAuthor(SQLModel, table=True):
    """Somebody who changed an experiment's design, and so does not approve it."""

    __tablename__ = "design_author"
    __table_args__ = (UniqueConstraint("experiment_id", "actor"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id")
    actor: str = Field(max_length=NAME_LENGTH + 20)
    name: str = Field(max_length=NAME_LENGTH)
    at: datetime = utc_column()


class Review(SQLModel, table=True):
    """One submission of an experiment's design; at most one of them is open."""

    __table_args__ = (UniqueConstraint("experiment_id", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    experiment_id: UUID = Field(foreign_key="experiment.id")
    number: int
    submitted_at: datetime = utc_column()
    submitter_kind: ActorKind = enum_column(ActorKind)
    submitter_name: str = Field(max_length=NAME_LENGTH)
    note: str = Field(default="", max_length=TEXT_LENGTH)
    as_of: datetime = utc_column()
    """When the design last changed in it: accounts from before are existing ones."""
    outcome: ReviewOutcome | None = enum_column(ReviewOutcome, default=None)
    closed_at: datetime | None = utc_column(default=None)


class Assessment(SQLModel, table=True):
    """What one person said of one design in a review. A change of it revokes this."""

    __table_args__ = (
        Index(
            "uq_assessment_in_force",
            "review_id",
            "actor",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    review_id: UUID = Field(foreign_key="review.id", index=True)
    verdict: ReviewVerdict = enum_column(ReviewVerdict)
    note: str = Field(default="", max_length=TEXT_LENGTH)
    design_hash: str = Field(max_length=HASH_LENGTH)
    actor: str = Field(max_length=NAME_LENGTH + 20)
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_name: str = Field(max_length=NAME_LENGTH)
    at: datetime = utc_column()
    revoked_at: datetime | None = utc_column(default=None)


class Schedule(SQLModel, table=True):
    """A start at an instant, as it was written on somebody's wall clock."""

    __tablename__ = "experiment_schedule"
    __table_args__ = (
        Index(
            "uq_experiment_schedule_pending",
            "experiment_id",
            unique=True,
            sqlite_where=text("status = 'PENDING'"),
            postgresql_where=text("status = 'PENDING'"),
        ),
        Index(
            "ix_experiment_schedule_due",
            "due_at",
            sqlite_where=text("status = 'PENDING'"),
            postgresql_where=text("status = 'PENDING'"),
        ),
        Index("ix_experiment_schedule_experiment_id", "experiment_id", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id")
    local_time: str = Field(max_length=32)
    """The date and time as they were given, without an offset."""
    time_zone: str = Field(max_length=64)
    due_at: datetime = utc_column()
    status: ScheduleStatus = enum_column(ScheduleStatus, default=ScheduleStatus.PENDING)
    settled_at: datetime | None = utc_column(default=None)
    refusal_code: str | None = Field(default=None, max_length=80)
    refusal: str | None = Field(default=None, max_length=TEXT_LENGTH)
    created_at: datetime = utc_column()


class Launch(SQLModel, table=True):
    """How a phase came to begin: under which rules, reviewed or not, and when meant."""

    phase_id: UUID = Field(foreign_key="phase.id", primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    governance: Governance = enum_column(Governance)
    reviewed: bool
    review_id: UUID | None = Field(default=None, foreign_key="review.id")
    approvals: int
    scheduled_for: datetime | None = utc_column(default=None)

    @property
    def not_reviewed(self) -> tuple[str, ...]:
        """What went on without the review that it asks for, as sentences."""
        if self.reviewed:
            return ()
        if self.review_id is not None:
            return ("The design of this phase was changed after the review.",)
        return ("Nobody reviewed the design before it started.",)


class RampPlan(SQLModel, table=True):
    """The steps by which a draft's coverage is to rise; part of its design."""

    __tablename__ = "ramp_plan"

    experiment_id: UUID = Field(foreign_key="experiment.id", primary_key=True)
    steps: list[dict[str, Any]] = json_column(default_factory=list)


class Ramp(SQLModel, table=True):
    """A phase on its way through its steps, which were frozen at the start."""

    __table_args__ = (
        Index(
            "ix_ramp_unfinished",
            "phase_id",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    phase_id: UUID = Field(foreign_key="phase.id", primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    steps: list[dict[str, Any]] = json_column()
    step: int = 0
    """The index of the step that it stands at."""
    entered_at: datetime = utc_column()
    approvals: list[dict[str, Any]] = json_column(default_factory=list)
    """Who let which step begin, why and when."""
    holds: list[dict[str, Any]] = json_column(default_factory=list)
    """Why it did not go on when it was last looked at."""
    exposed: int = 0
    checked_at: datetime | None = utc_column(default=None)
    finished_at: datetime | None = utc_column(default=None)


class AlarmRow(SQLModel, table=True):
    """One alarm of one phase, acted on once. A person may dismiss it."""

    __tablename__ = "alarm"
    __table_args__ = (
        UniqueConstraint("phase_id", "kind", "metric_key", "arm"),
        Index("ix_alarm_experiment_id_raised_at", "experiment_id", "raised_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    snapshot_id: UUID = Field(foreign_key="snapshot.id")
    kind: AlarmKind = enum_column(AlarmKind)
    metric_key: str = Field(default="", max_length=KEY_LENGTH)
    arm: str = Field(default="", max_length=KEY_LENGTH)
    asked: HarmAction = enum_column(HarmAction)
    """What its metric says is to be done."""
    done: HarmAction = enum_column(HarmAction)
    """What was done: ALERT where the experiment stood still already."""
    sentence: str = Field(max_length=TEXT_LENGTH)
    raised_at: datetime = utc_column()
    dismissed_at: datetime | None = utc_column(default=None)
    dismissed_by: str | None = Field(default=None, max_length=NAME_LENGTH)
    dismissal: str | None = Field(default=None, max_length=TEXT_LENGTH)


class Invalidation(SQLModel, table=True):
    """Why nothing may be concluded from an experiment any more."""

    experiment_id: UUID = Field(foreign_key="experiment.id", primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    source: ExperimentStatus = enum_column(ExperimentStatus)
    """Where it stood before."""
    reason: str = Field(max_length=TEXT_LENGTH)
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_name: str = Field(max_length=NAME_LENGTH)
    at: datetime = utc_column()
