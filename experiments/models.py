"""The tables of the experiments domain."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.audit import ActorKind
from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from experiments.design import (
    STEPS_PER_UNIT,
    Direction,
    MetricKind,
    MetricRole,
    SourceValue,
    UnitKind,
)
from experiments.lifecycle import DecisionOutcome, ExperimentStatus
from experiments.treatments import TreatmentKind

KEY_LENGTH = 128
NAME_LENGTH = 200
TEXT_LENGTH = 4_000


class Metric(SQLModel, table=True):
    """What is measured of a unit. A phase freezes its own copy at the start."""

    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    key: str = Field(max_length=KEY_LENGTH)
    name: str = Field(max_length=NAME_LENGTH)
    kind: MetricKind = enum_column(MetricKind)
    event_name: str = Field(max_length=NAME_LENGTH)
    value: SourceValue = enum_column(SourceValue)
    denominator_event: str | None = Field(default=None, max_length=NAME_LENGTH)
    denominator_value: SourceValue | None = enum_column(SourceValue, default=None)
    window_days: int = 7
    delay_days: int = 0
    retention_day: int | None = None
    cap: int | None = Field(default=None, sa_type=BigInteger)
    cap_quantile: float | None = None
    direction: Direction = enum_column(Direction)
    steps: int = Field(default=STEPS_PER_UNIT, sa_type=BigInteger)
    unit: str = Field(default="", max_length=40)
    version: int = 1
    created_at: datetime = utc_column()
    archived_at: datetime | None = utc_column(default=None)


class Experiment(SQLModel, table=True):
    """A question with its hypothesis, its arms and what became of it."""

    __table_args__ = (
        UniqueConstraint("project_id", "key"),
        Index("ix_experiment_project_id_created_at", "project_id", "created_at", "id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    key: str = Field(max_length=KEY_LENGTH)
    name: str = Field(max_length=NAME_LENGTH)
    status: ExperimentStatus = enum_column(
        ExperimentStatus, default=ExperimentStatus.DRAFT
    )
    treatment: TreatmentKind = enum_column(TreatmentKind)
    unit: UnitKind = enum_column(UnitKind)
    statement: str = Field(default="", max_length=TEXT_LENGTH)
    hypothesis_metric: str | None = Field(default=None, max_length=KEY_LENGTH)
    hypothesis_direction: Direction | None = enum_column(Direction, default=None)
    minimum_effect: float | None = None
    targeting: dict[str, Any] | None = json_column(default=None)
    coverage: float = 1.0
    planned_units: int | None = None
    owner_kind: ActorKind = enum_column(ActorKind, default=ActorKind.MEMBER)
    owner_id: UUID | None = None
    owner_name: str = Field(default="", max_length=320)
    decision: DecisionOutcome | None = enum_column(DecisionOutcome, default=None)
    decision_note: str = Field(default="", max_length=TEXT_LENGTH)
    decided_variant: str | None = Field(default=None, max_length=KEY_LENGTH)
    decided_at: datetime | None = utc_column(default=None)
    version: int = 1
    created_at: datetime = utc_column()
    updated_at: datetime = utc_column()


class Variant(SQLModel, table=True):
    """One arm, with the payload that its units receive."""

    __table_args__ = (UniqueConstraint("experiment_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id")
    position: int
    key: str = Field(max_length=KEY_LENGTH)
    name: str = Field(max_length=NAME_LENGTH)
    weight: float
    is_control: bool = False
    payload: dict[str, Any] = json_column()


class ExperimentMetric(SQLModel, table=True):
    """A metric's part in an experiment."""

    __tablename__ = "experiment_metric"

    experiment_id: UUID = Field(foreign_key="experiment.id", primary_key=True)
    metric_id: UUID = Field(foreign_key="metric.id", primary_key=True, index=True)
    position: int
    role: MetricRole = enum_column(MetricRole)
    margin: float | None = None


class Phase(SQLModel, table=True):
    """One randomisation in one environment, its design frozen at the start.

    `version` counts what the event log must hear of; `published_at` is null until
    the current one was sent there.
    """

    __table_args__ = (
        UniqueConstraint("experiment_id", "number"),
        Index(
            "ix_phase_unpublished",
            "id",
            sqlite_where=text("published_at IS NULL"),
            postgresql_where=text("published_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id", index=True)
    experiment_id: UUID = Field(foreign_key="experiment.id")
    number: int
    seed: str = Field(max_length=32)
    design: dict[str, Any] = json_column()
    design_hash: str = Field(max_length=64)
    coverage: float
    planned_units: int
    started_at: datetime = utc_column()
    pauses: list[dict[str, Any]] = json_column(default_factory=list)
    ended_at: datetime | None = utc_column(default=None)
    imported: bool = False
    """Its units were assigned elsewhere: it is analysed and never served here."""
    finished_import: bool = False
    version: int = 1
    published_at: datetime | None = utc_column(default=None)


class DefinitionsVersion(SQLModel, table=True):
    """Counts what changed in what an environment serves; caches follow it."""

    __tablename__ = "definitions_version"

    environment_id: UUID = Field(foreign_key="environment.id", primary_key=True)
    version: int = 1
