"""The tables of the analysis: looks, alarms, snapshots and what was accepted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.audit import ActorKind
from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from experiments.analysis.labels import HorizonState, Outcome, Verdict
from experiments.models import KEY_LENGTH, TEXT_LENGTH
from experiments.plan import HarmAction

HASH_LENGTH = 64
HEADLINE_LENGTH = 4_000


class Look(SQLModel, table=True):
    """One reading of one metric in one arm that spent error rate. Append-only.

    `state` is the exact state that it read, so the effect shown after it never moves.
    """

    __table_args__ = (UniqueConstraint("phase_id", "metric_id", "arm", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    metric_id: UUID
    metric_key: str = Field(max_length=KEY_LENGTH)
    arm: str = Field(max_length=KEY_LENGTH)
    number: int
    cut: datetime = utc_column()
    at: datetime = utc_column()
    position: int = Field(sa_type=BigInteger)
    watermark: datetime = utc_column()
    information: float
    alpha_spent: float
    boundary: float | None = None
    statistic: float | None = None
    design_hash: str = Field(max_length=HASH_LENGTH)
    state: dict[str, Any] = json_column()
    inputs_hash: str = Field(max_length=HASH_LENGTH)
    horizon: HorizonState | None = enum_column(HorizonState, default=None)
    """Null for looks from before there were boundaries: they were at the horizon."""
    precision: float | None = None
    """1 / standard error squared: how much was known."""
    estimate: float | None = None
    level: float | None = None
    """Error rate of this arm's hypothesis; null where no boundary was drawn."""
    p_value: float | None = None


class LookStudy(SQLModel, table=True):
    """What studies of the log said when a look was taken, beside what it read.

    Append-only: between looks nobody sees a series move.
    """

    __tablename__ = "look_study"
    __table_args__ = (UniqueConstraint("phase_id", "number"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    number: int
    at: datetime = utc_column()
    watermark: datetime = utc_column()
    reach: dict[str, Any] | None = json_column(default=None)
    """How many units came by, in the form of `Reach`."""
    series: list[Any] = json_column(default_factory=list)
    """In the form of `Series`."""


class HarmAlarm(SQLModel, table=True):
    """A guardrail that got worse beyond doubt, at its first crossing. Append-only."""

    __tablename__ = "harm_alarm"
    __table_args__ = (UniqueConstraint("phase_id", "metric_id", "arm"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    metric_id: UUID
    metric_key: str = Field(max_length=KEY_LENGTH)
    arm: str = Field(max_length=KEY_LENGTH)
    action: HarmAction = enum_column(HarmAction)
    bound: float
    p_value: float
    at: datetime = utc_column()
    position: int = Field(sa_type=BigInteger)
    watermark: datetime = utc_column()
    state: dict[str, Any] = json_column()


class InteractionTest(SQLModel, table=True):
    """The newest test of whether a phase's effect depends on another's variant.

    It is of the phase's primary metric, among the units that both phases have.
    """

    __tablename__ = "interaction_test"
    __table_args__ = (UniqueConstraint("phase_id", "other_phase_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id", index=True)
    phase_id: UUID = Field(foreign_key="phase.id")
    other_phase_id: UUID = Field(foreign_key="phase.id", index=True)
    metric_key: str = Field(default="", max_length=KEY_LENGTH)
    units: int = Field(sa_type=BigInteger)
    """Matured units in both phases."""
    tests: int
    """How often the pair was tested."""
    p_value: float
    """Of the newest test alone."""
    sequential_p_value: float
    """Over all its tests."""
    adjusted_p_value: float
    """Among all pairs of the environment."""
    degrees: int
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    at: datetime = utc_column()


class AttendedCut(SQLModel, table=True):
    """The last cut that an environment is done with: its looks taken, or missed.

    Folding holds the watermark at the next one until then.
    """

    __tablename__ = "attended_cut"

    environment_id: UUID = Field(foreign_key="environment.id", primary_key=True)
    cut: datetime = utc_column()
    at: datetime = utc_column()


class Snapshot(SQLModel, table=True):
    """Everything a results page says, computed once from known inputs. Immutable.

    Only `distilled_at` is ever written afterwards: it is null until the snapshot was
    handed on.
    """

    __table_args__ = (
        UniqueConstraint("phase_id", "inputs_hash"),
        UniqueConstraint("phase_id", "number"),
        Index(
            "ix_snapshot_undistilled",
            "id",
            sqlite_where=text("distilled_at IS NULL"),
            postgresql_where=text("distilled_at IS NULL"),
        ),
        Index("ix_snapshot_experiment_id_computed_at", "experiment_id", "computed_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    number: int
    computed_at: datetime = utc_column()
    code_version: str = Field(max_length=40)
    inputs_hash: str = Field(max_length=HASH_LENGTH)
    position: int = Field(sa_type=BigInteger)
    watermark: datetime = utc_column()
    verdict: Verdict = enum_column(Verdict)
    recommendation: Outcome = enum_column(Outcome)
    headline: str = Field(max_length=HEADLINE_LENGTH)
    body: dict[str, Any] = json_column()
    distilled_at: datetime | None = utc_column(default=None)


class CurrentSnapshot(SQLModel, table=True):
    """Which snapshot a phase shows now, and how fresh its inputs are.

    A retraction can bring back earlier inputs, and with them an earlier snapshot: the
    newest one is not always the current one.
    """

    __tablename__ = "current_snapshot"

    phase_id: UUID = Field(foreign_key="phase.id", primary_key=True)
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    snapshot_id: UUID = Field(foreign_key="snapshot.id")
    position: int = Field(sa_type=BigInteger)
    watermark: datetime = utc_column()
    backlog: int = Field(sa_type=BigInteger)
    last_event_at: datetime | None = utc_column(default=None)
    refreshed_at: datetime = utc_column()


class Acknowledgement(SQLModel, table=True):
    """A reviewer's acceptance that a phase's INVALID results are shown, and why."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    phase_id: UUID = Field(foreign_key="phase.id", unique=True)
    snapshot_id: UUID = Field(foreign_key="snapshot.id")
    reason: str = Field(max_length=TEXT_LENGTH)
    actor_kind: ActorKind = enum_column(ActorKind)
    actor_id: UUID | None = None
    actor_name: str = Field(max_length=320)
    at: datetime = utc_column()
