"""The tables of what follows a stop: memos, decisions, shipments, measuring again."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.audit import ActorKind
from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from experiments.analysis.results import Outcome
from experiments.lifecycle import DecisionOutcome
from experiments.models import KEY_LENGTH, TEXT_LENGTH

MEMO_LENGTH = 40_000
HASH_LENGTH = 64
NAME = 320


class MemoKind(StrEnum):
    """How a version of a memo came about."""

    GENERATED = "GENERATED"
    """Written from what is known."""
    EDITED = "EDITED"
    """Changed by a person."""
    DECIDED = "DECIDED"
    """What a decision is bound to."""
    REMEASURED = "REMEASURED"
    """With what was measured after shipping."""


class Basis(StrEnum):
    """What a measurement after shipping compares."""

    HOLDBACK = "HOLDBACK"
    """Those held back with those who had the variant from the start."""
    OBSERVATIONAL = "OBSERVATIONAL"
    """Before with after: whatever else has changed is in it."""
    CANNOT_MEASURE = "CANNOT_MEASURE"
    """There are too few to see an effect of the size that was shipped."""


class Memo(SQLModel, table=True):
    """One version of an experiment's memo. Immutable; a change is a later version."""

    __table_args__ = (UniqueConstraint("experiment_id", "version"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    experiment_id: UUID = Field(foreign_key="experiment.id")
    version: int
    kind: MemoKind = enum_column(MemoKind)
    text: str = Field(max_length=MEMO_LENGTH)
    """Markdown."""
    parts: dict[str, Any] = json_column()
    """What it is made of, in the form of `MemoParts`."""
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_id: UUID | None = None
    actor_name: str = Field(max_length=NAME)
    at: datetime = utc_column()


class DecisionApproval(SQLModel, table=True):
    """A reviewer agrees with what somebody else is about to decide."""

    __tablename__ = "decision_approval"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    memo_version: int
    """The version that was read; a later one is approved anew."""
    outcome: DecisionOutcome = enum_column(DecisionOutcome)
    variant: str | None = Field(default=None, max_length=KEY_LENGTH)
    reason: str = Field(max_length=TEXT_LENGTH)
    actor_id: UUID
    actor_name: str = Field(max_length=NAME)
    at: datetime = utc_column()


class DecisionRecord(SQLModel, table=True):
    """What was decided of one experiment, on what memo, by whom. Append-only."""

    __tablename__ = "decision_record"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    memo_id: UUID = Field(foreign_key="memo.id")
    outcome: DecisionOutcome = enum_column(DecisionOutcome)
    variant: str | None = Field(default=None, max_length=KEY_LENGTH)
    note: str = Field(max_length=TEXT_LENGTH)
    recommendation: Outcome | None = enum_column(Outcome, default=None)
    opposes: bool = False
    """Whether it goes against the recommendation."""
    approved_by: str | None = Field(default=None, max_length=NAME)
    reviewed: bool = False
    """False where it opposes and nobody else agreed: it is stamped with that."""
    acceptances: list[dict[str, Any]] = json_column(default_factory=list)
    """Guardrails that nothing is known of, by whom and why they were accepted."""
    early_reason: str | None = Field(default=None, max_length=TEXT_LENGTH)
    """Why it was shipped before the planned number, or a valid bound, was there."""
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_id: UUID | None = None
    actor_name: str = Field(max_length=NAME)
    at: datetime = utc_column()


class ShipPreview(SQLModel, table=True):
    """What shipping would do, as it was shown, and the token that stands for it."""

    __tablename__ = "ship_preview"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    experiment_version: int
    token_hash: str = Field(max_length=HASH_LENGTH, unique=True)
    inputs_hash: str = Field(max_length=HASH_LENGTH)
    body: dict[str, Any] = json_column()
    at: datetime = utc_column()
    expires_at: datetime = utc_column()
    used_at: datetime | None = utc_column(default=None)


class Shipment(SQLModel, table=True):
    """A variant on its way to everyone, or there. At most one goes on at a time."""

    __table_args__ = (
        Index(
            "ix_shipment_active",
            "experiment_id",
            unique=True,
            sqlite_where=text("rolled_back_at IS NULL"),
            postgresql_where=text("rolled_back_at IS NULL"),
        ),
        Index(
            "ix_shipment_next_at",
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    """The randomised phase that was decided on."""
    variant: str = Field(max_length=KEY_LENGTH)
    holdback: float
    """The share of all units that keeps the control."""
    steps: list[float] = json_column()
    """The shares of all units that are reached, in order."""
    hold_hours: int
    step: int = 0
    """Which of the steps is in force."""
    share: float
    next_at: datetime | None = utc_column(default=None)
    """When the next step is due; null on the last, while held, and once over."""
    held_reason: str | None = Field(default=None, max_length=TEXT_LENGTH)
    started_at: datetime = utc_column()
    completed_at: datetime | None = utc_column(default=None)
    holdback_phase_id: UUID | None = Field(default=None, foreign_key="phase.id")
    rolled_back_at: datetime | None = utc_column(default=None)
    rolled_back_reason: str | None = Field(default=None, max_length=TEXT_LENGTH)


class Remeasurement(SQLModel, table=True):
    """One measuring of what was shipped, some days after everyone had it."""

    __table_args__ = (
        UniqueConstraint("shipment_id", "day"),
        Index(
            "ix_remeasurement_due_at",
            "due_at",
            sqlite_where=text("done_at IS NULL"),
            postgresql_where=text("done_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    shipment_id: UUID = Field(foreign_key="shipment.id")
    day: int
    due_at: datetime = utc_column()
    done_at: datetime | None = utc_column(default=None)
    basis: Basis | None = enum_column(Basis, default=None)
    metric_key: str | None = Field(default=None, max_length=KEY_LENGTH)
    control_units: int | None = None
    treatment_units: int | None = None
    control_mean: float | None = None
    treatment_mean: float | None = None
    absolute: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    note: str = Field(default="", max_length=TEXT_LENGTH)
