"""The looks of a phase: a line for each metric and arm, and the state that was read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from experiments.analysis.effects import Effect
from experiments.analysis.labels import HorizonState
from experiments.analysis.readings import ArmStates, arm_states
from experiments.design import MetricDesign, PhaseDesign
from experiments.events.state import (
    PhaseState,
    SegmentState,
    SurvivalState,
)

Measured = Mapping[tuple[UUID, str], Effect]
"""Differences read from the values of single units, by metric and treatment arm."""


@dataclass(frozen=True, slots=True)
class Line:
    """What one look made of one metric in one arm, without the state behind it."""

    number: int
    metric_id: UUID
    arm: str
    cut: datetime
    at: datetime
    fraction: float
    """Matured units over planned ones, at the primary metric."""
    horizon: HorizonState
    inputs_hash: str
    spent: float
    """Error rate used by this arm's looks up to this one."""
    statistic: float | None = None
    boundary: float | None = None
    information: float | None = None
    """1 / standard error squared."""
    estimate: float | None = None
    level: float | None = None
    """Two-sided error rate of this arm's hypothesis; None without a boundary."""
    p_value: float | None = None
    """Repeated for the primary metric, always-valid for the others."""

    @property
    def crossed(self) -> bool:
        """Whether the statistic reached its boundary."""
        if self.statistic is None or self.boundary is None or self.level is None:
            return False
        return abs(self.statistic) >= self.boundary


@dataclass(frozen=True, slots=True)
class Kept:
    """The exact state that a look read, of all metrics and arms."""

    states: ArmStates
    segments: tuple[SegmentState, ...] = ()
    survival: tuple[SurvivalState, ...] = ()
    measured: Measured = field(default_factory=dict)

    @classmethod
    def of(cls, state: PhaseState, measured: Measured | None = None) -> "Kept":
        """What a look at this state keeps."""
        return cls(
            states=arm_states(state.metrics),
            segments=state.segments,
            survival=state.survival,
            measured=measured or {},
        )

    def segments_of(self, metric: MetricDesign, arm: str) -> tuple[SegmentState, ...]:
        """The levels of one metric in one arm."""
        return tuple(
            each
            for each in self.segments
            if each.metric_id == metric.metric_id and each.arm == arm
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """All looks of a phase, and the states of those whose effects are shown."""

    lines: tuple[Line, ...] = ()
    kept: Mapping[int, Kept] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.lines)

    def of(self, metric: MetricDesign, arm: str) -> tuple[Line, ...]:
        """The lines of one metric in one arm, in order."""
        return tuple(
            line
            for line in self.lines
            if line.metric_id == metric.metric_id and line.arm == arm
        )

    @property
    def last(self) -> Line:
        """A line of the newest look."""
        return max(self.lines, key=lambda line: line.number)


def deciding(lines: Sequence[Line], *, primary: bool) -> Line:
    """The look that a metric's effect is read at.

    For the primary metric in one arm the look that crossed the boundary; else the one
    at the horizon, and before that the last one that could reject.
    """
    if primary:
        crossed = [line for line in lines if line.crossed]
        if crossed:
            return crossed[0]
    counted = [line for line in lines if line.horizon is not HorizonState.AFTER]
    if primary:
        able = [line for line in counted if line.boundary is not None]
        counted = able or counted
    return (counted or list(lines))[-1]


def needed(design: PhaseDesign, lines: Iterable[Line]) -> frozenset[int]:
    """The looks whose states are read again for a report."""
    found = list(lines)
    if not found:
        return frozenset()
    numbers = {max(line.number for line in found)}
    by_series: dict[tuple[UUID, str], list[Line]] = {}
    for line in found:
        by_series.setdefault((line.metric_id, line.arm), []).append(line)
    for (metric_id, _), series in by_series.items():
        primary = metric_id == design.primary.metric_id
        numbers.add(deciding(series, primary=primary).number)
    return frozenset(numbers)
