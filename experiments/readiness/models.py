"""The tables of launch readiness: what people say, what is found, what is waived."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from core.audit import ActorKind
from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from experiments.models import NAME_LENGTH, TEXT_LENGTH
from experiments.readiness.items import ItemCode, ItemStatus

ACTOR_LENGTH = 320


class LaunchNotes(SQLModel, table=True):
    """What only people know of an experiment before it starts; one row for each."""

    __tablename__ = "launch_notes"

    experiment_id: UUID = Field(foreign_key="experiment.id", primary_key=True)
    decider: str = Field(default="", max_length=NAME_LENGTH)
    """Who decides in the end."""
    decision_date: date | None = None
    """By when it is meant to be decided."""
    ethics: str = Field(default="", max_length=TEXT_LENGTH)
    """Why it is fair to those who are in it, and what of them is read."""
    identity: str = Field(default="", max_length=TEXT_LENGTH)
    """How a visitor's ids become a user's."""
    support_briefed: str = Field(default="", max_length=TEXT_LENGTH)
    """Who in support was told what."""
    version: int = 1
    updated_at: datetime = utc_column()


class LaunchWaiver(SQLModel, table=True):
    """Somebody lets an item of the checklist pass, by name and with a reason."""

    __tablename__ = "launch_waiver"
    __table_args__ = (UniqueConstraint("experiment_id", "code"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id")
    code: ItemCode = enum_column(ItemCode)
    reason: str = Field(max_length=TEXT_LENGTH)
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_name: str = Field(max_length=ACTOR_LENGTH)
    design: str = Field(max_length=64)
    """The draft that it was given for; it covers no other."""
    waived_at: datetime = utc_column()


class LaunchEvidence(SQLModel, table=True):
    """What a worker found of one item, for one draft in one environment."""

    __tablename__ = "launch_evidence"
    __table_args__ = (UniqueConstraint("experiment_id", "environment_id", "code"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id")
    environment_id: UUID = Field(foreign_key="environment.id", index=True)
    code: ItemCode = enum_column(ItemCode)
    design: str = Field(max_length=64)
    """The draft that was looked at; evidence of another one counts for nothing."""
    status: ItemStatus = enum_column(ItemStatus)
    message: str = Field(max_length=TEXT_LENGTH)
    body: dict[str, Any] = json_column(default_factory=dict)
    evaluated_at: datetime = utc_column()


class LaunchRecord(SQLModel, table=True):
    """The checklist as it stood when a phase began; never changed."""

    __tablename__ = "launch_record"
    __table_args__ = (UniqueConstraint("experiment_id", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id")
    environment_id: UUID = Field(foreign_key="environment.id", index=True)
    number: int
    """The phase's."""
    items: list[dict[str, Any]] = json_column(default_factory=list)
    launched_at: datetime = utc_column()
