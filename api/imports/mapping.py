"""The mapping file: what the columns of a table mean to an experiment. Pure."""

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec

from experiments.design import (
    STEPS_PER_UNIT,
    Direction,
    MetricKind,
    MetricRole,
    SourceValue,
    UnitKind,
)
from experiments.treatments import TreatmentKind

Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
Column = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?")


class MappingWrong(Exception):
    """The mapping cannot be read, or contradicts itself."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the mapping file; an unknown key in it is a mistake."""


class ExperimentPart(_Part, frozen=True):
    """What the experiment is called, and what its arms vary."""

    key: Key
    name: Text
    treatment: TreatmentKind = TreatmentKind.FEATURE
    unit: UnitKind = UnitKind.USER


class HypothesisPart(_Part, frozen=True):
    """What was expected of the primary metric."""

    statement: Text
    metric: Key
    direction: Direction
    minimum_effect: Annotated[float, msgspec.Meta(gt=0)]


class ColumnsPart(_Part, frozen=True):
    """The columns that say who, and in which arm."""

    unit: Column
    arm: Column


class ExposurePart(_Part, frozen=True):
    """When units met their arm: all at one instant, spread evenly, or by a column."""

    at: datetime | None = None
    until: datetime | None = None
    column: Column | None = None


class ArmPart(_Part, frozen=True):
    """One arm, and the value of the arm column that stands for it."""

    value: str
    key: Key
    name: Text
    weight: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    control: bool = False
    payload: dict[str, Any] = {}


class MetricPart(_Part, frozen=True):
    """The metric that an outcome column feeds."""

    key: Key
    name: Text
    kind: MetricKind
    role: MetricRole
    direction: Direction
    window_days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 7
    delay_days: Annotated[int, msgspec.Meta(ge=0, le=366)] = 0
    retention_day: Annotated[int, msgspec.Meta(ge=1, le=366)] | None = None
    cap_quantile: Annotated[float, msgspec.Meta(gt=0.5, lt=1)] | None = None
    steps: Annotated[int, msgspec.Meta(ge=1, le=STEPS_PER_UNIT)] = STEPS_PER_UNIT
    unit: Annotated[str, msgspec.Meta(max_length=40)] = ""


class OutcomePart(_Part, frozen=True):
    """A column that becomes events: one a row, unless it says that none happened."""

    column: Column
    event: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    after: str
    value: SourceValue = SourceValue.ONE
    metric: MetricPart | None = None

    @property
    def offset(self) -> timedelta:
        """From the exposure to the event."""
        return duration(self.after)


class Mapping(_Part, frozen=True):
    """A whole mapping file."""

    experiment: ExperimentPart
    hypothesis: HypothesisPart
    columns: ColumnsPart
    exposure: ExposurePart
    arms: Annotated[tuple[ArmPart, ...], msgspec.Meta(min_length=2, max_length=20)]
    outcomes: Annotated[
        tuple[OutcomePart, ...], msgspec.Meta(min_length=1, max_length=50)
    ]

    @property
    def metrics(self) -> tuple[tuple[OutcomePart, MetricPart], ...]:
        """Every metric with the outcome that feeds it, the primary one first."""
        pairs = [(o, o.metric) for o in self.outcomes if o.metric is not None]
        return tuple(
            sorted(pairs, key=lambda pair: pair[1].role is not MetricRole.PRIMARY)
        )

    @property
    def needed_columns(self) -> tuple[str, ...]:
        """The columns that the table must have."""
        named = [self.columns.unit, self.columns.arm, self.exposure.column]
        named += [outcome.column for outcome in self.outcomes]
        return tuple(dict.fromkeys(name for name in named if name is not None))


def load(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        MappingWrong: It is no TOML, a part is missing or wrong, or parts disagree.
        OSError: There is no such file.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise MappingWrong("The mapping is not UTF-8.") from error


def parse(text: str) -> Mapping:
    """Read a mapping.

    Raises:
        MappingWrong: It is no TOML, a part is missing or wrong, or parts disagree.
    """
    try:
        mapping = msgspec.convert(tomllib.loads(text), Mapping)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise MappingWrong(str(error)) from error
    for problem in _problems(mapping):
        raise MappingWrong(problem)
    return mapping


def duration(text: str) -> timedelta:
    """A span such as `12h`, `1d12h` or `30m`.

    Raises:
        MappingWrong: It is none.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        raise MappingWrong(f"{text!r} is no time span such as 12h or 7d12h.")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


def instant(text: str) -> datetime:
    """An ISO 8601 instant; one without a zone is UTC.

    Raises:
        ValueError: It is none.
    """
    read = datetime.fromisoformat(text.strip())
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def _problems(mapping: Mapping) -> list[str]:
    """What contradicts something else in the file, in words."""
    found = []
    if sum(arm.control for arm in mapping.arms) != 1:
        found.append("Exactly one arm is the control.")
    for what, names in (
        ("arm key", [arm.key for arm in mapping.arms]),
        ("arm value", [arm.value for arm in mapping.arms]),
        ("metric key", [metric.key for _, metric in mapping.metrics]),
    ):
        if len(set(names)) < len(names):
            found.append(f"Every {what} may occur once.")
    primaries = [m.key for _, m in mapping.metrics if m.role is MetricRole.PRIMARY]
    if primaries != [mapping.hypothesis.metric]:
        found.append("The hypothesis names the one PRIMARY metric.")
    exposure = mapping.exposure
    if (exposure.column is None) is (exposure.at is None):
        found.append("Exposure has either `at` or `column`.")
    for moment in (exposure.at, exposure.until):
        if moment is not None and moment.tzinfo is None:
            found.append("Exposure times need a zone, such as 2016-01-01T00:00:00Z.")
    if not found and exposure.until and exposure.at and exposure.until <= exposure.at:
        found.append("Exposure ends after it begins.")
    for outcome in mapping.outcomes:
        duration(outcome.after)
    return found
