"""The tables of the experiments domain."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from core.audit import ActorKind
from core.database import enum_column, json_column, utc_column
from core.ids import new_id
from core.subjects import MAX_ID, SubjectKind
from experiments.design import (
    STEPS_PER_UNIT,
    Direction,
    MetricKind,
    MetricRole,
    SourceValue,
    UnitKind,
)
from experiments.lifecycle import DecisionOutcome, ExperimentStatus
from experiments.plan import HarmAction, MarginKind
from experiments.treatments import TreatmentKind

KEY_LENGTH, NAME_LENGTH, TEXT_LENGTH = 128, 200, 4_000

_EMPTY_LIST, _EMPTY_OBJECT, _ONE = ({"server_default": d} for d in ("[]", "{}", "1"))
"""What rows have that were written before their column was there."""


def _added(value: StrEnum) -> Any:
    """A column that rows from before it have with this value."""
    return enum_column(
        type(value), default=value, sa_column_kwargs={"server_default": value.value}
    )


class PhaseKind(StrEnum):
    """What a phase compares."""

    RANDOMISED = "RANDOMISED"
    """The arms of the experiment, while it runs."""
    HOLDBACK = "HOLDBACK"
    """What was shipped with those who were held back from it."""


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
    filters: list[dict[str, Any]] = json_column(
        default_factory=list, sa_column_kwargs=_EMPTY_LIST
    )
    """Conditions on properties of the event, in the form of `SourceFilter`."""
    value_property: str | None = Field(default=None, max_length=NAME_LENGTH)
    retention_span: int = Field(default=1, sa_column_kwargs=_ONE)
    weeks: int | None = None
    quantile: float | None = None
    later_steps: list[str] = json_column(
        default_factory=list, sa_column_kwargs=_EMPTY_LIST
    )
    """The events of a FUNNEL's second and later steps, in order."""
    minimum_units: int | None = None
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
    plan: dict[str, Any] = json_column(
        default_factory=dict, sa_column_kwargs=_EMPTY_OBJECT
    )
    """How it will be analysed, in the form of `AnalysisPlan`; what it leaves out has
    its default."""
    area: str | None = Field(default=None, max_length=KEY_LENGTH)
    """The part of the product it belongs to, for holdouts of that part."""
    layer_id: UUID | None = Field(default=None, foreign_key="layer.id", index=True)
    layer_ranges: list[list[float]] = json_column(default_factory=list)
    """Its slots of the layer, as [start, end) parts of [0, 1)."""
    prerequisites: list[dict[str, Any]] = json_column(default_factory=list)
    """Other experiments, with the variants of which a subject must have one."""
    exempt_from_holdouts: bool = False
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
    margin_kind: MarginKind = _added(MarginKind.ABSOLUTE)
    harm_action: HarmAction = _added(HarmAction.ALERT)


class Phase(SQLModel, table=True):
    """One randomisation in one environment, its design frozen at the start.

    `version` counts what the event log must hear of; `published_at` is null until
    the current one was sent there; `dropped` are arms that were taken out.
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
    eligibility: dict[str, Any] = json_column(default_factory=dict)
    """Who may be in, frozen at the start: the condition with its segments written
    out, the layer's slots, the holdouts and the prerequisites."""
    kind: PhaseKind = _added(PhaseKind.RANDOMISED)
    dropped: list[dict[str, Any]] = json_column(
        default_factory=list, sa_column_kwargs=_EMPTY_LIST
    )
    version: int = 1
    published_at: datetime | None = utc_column(default=None)


class Layer(SQLModel, table=True):
    """Experiments that exclude each other: each holds slots that no other has."""

    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    key: str = Field(max_length=KEY_LENGTH)
    name: str = Field(max_length=NAME_LENGTH)
    unit: UnitKind = enum_column(UnitKind)
    seed: str = Field(max_length=32)
    version: int = 1
    created_at: datetime = utc_column()
    archived_at: datetime | None = utc_column(default=None)


class Holdout(SQLModel, table=True):
    """A share of the units that phases started meanwhile leave alone."""

    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    key: str = Field(max_length=KEY_LENGTH)
    name: str = Field(max_length=NAME_LENGTH)
    area: str | None = Field(default=None, max_length=KEY_LENGTH)
    """Null holds for every area."""
    unit: UnitKind = enum_column(UnitKind)
    share: float
    seed: str = Field(max_length=32)
    version: int = 1
    created_at: datetime = utc_column()
    ended_at: datetime | None = utc_column(default=None)


class Segment(SQLModel, table=True):
    """A group that targeting may name: a list of values, or a condition."""

    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    key: str = Field(max_length=KEY_LENGTH)
    name: str = Field(max_length=NAME_LENGTH)
    attribute: str | None = Field(default=None, max_length=KEY_LENGTH)
    """What the listed values are values of; null for a condition."""
    listed: list[str] = json_column(default_factory=list)
    condition: dict[str, Any] | None = json_column(default=None)
    version: int = 1
    created_at: datetime = utc_column()
    updated_at: datetime = utc_column()
    archived_at: datetime | None = utc_column(default=None)


class SwitchScope(StrEnum):
    """What a kill switch turns off."""

    EXPERIMENT = "EXPERIMENT"
    LAYER = "LAYER"
    ALL = "ALL"


class KillSwitch(SQLModel, table=True):
    """While it is thrown, everyone gets the control of what it covers."""

    __tablename__ = "kill_switch"
    __table_args__ = (
        Index("ix_kill_switch_environment_id_thrown_at", "environment_id", "thrown_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    scope: SwitchScope = enum_column(SwitchScope)
    target_id: UUID | None = None
    """The experiment or layer; null for all."""
    reason: str = Field(max_length=TEXT_LENGTH)
    thrown_by: str = Field(max_length=320)
    thrown_at: datetime = utc_column()
    released_at: datetime | None = utc_column(default=None)


class Override(SQLModel, table=True):
    """One subject gets one variant by name, whatever the rules say; not analysed."""

    __tablename__ = "assignment_override"
    __table_args__ = (
        UniqueConstraint("environment_id", "experiment_id", "kind", "subject_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    experiment_id: UUID = Field(foreign_key="experiment.id", index=True)
    kind: SubjectKind = enum_column(SubjectKind)
    subject_id: str = Field(max_length=MAX_ID)
    variant_key: str = Field(max_length=KEY_LENGTH)
    reason: str = Field(max_length=TEXT_LENGTH)
    created_at: datetime = utc_column()


class StickyAssignment(SQLModel, table=True):
    """The variant that a subject keeps, where its own id alone would get another.

    `revision` is the environment's count of links when the row was last written. A row
    that keeps nothing any more stays, so that whoever reads on from a revision sees it.
    """

    __tablename__ = "sticky_assignment"
    __table_args__ = (
        UniqueConstraint("phase_id", "kind", "subject_id"),
        Index(
            "ix_sticky_assignment_environment_id_revision", "environment_id", "revision"
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    kind: SubjectKind = enum_column(SubjectKind)
    subject_id: str = Field(max_length=MAX_ID)
    variant_key: str | None = Field(default=None, max_length=KEY_LENGTH)
    revision: int = Field(sa_type=BigInteger)
    exposed_id: str = Field(max_length=MAX_ID)
    """The id whose earlier exposure is kept."""
    exposed_at: datetime = utc_column()
    created_at: datetime = utc_column()


class DefinitionsVersion(SQLModel, table=True):
    """Counts what changed in what an environment serves; caches follow it.

    Links are counted apart: there is one at many a sign-up, and it concerns one person.
    """

    __tablename__ = "definitions_version"

    environment_id: UUID = Field(foreign_key="environment.id", primary_key=True)
    version: int = 1
    links: int = Field(default=0, sa_type=BigInteger)
