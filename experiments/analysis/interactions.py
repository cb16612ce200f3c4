"""Whether the effect of one experiment depends on the variant of another.

Pairs are tested again and again while they run. A test is only made when the shared
units have grown by half, and the k-th test of a pair counts its p-value k (k + 1)
times: the error rates of all tests to come then add up to that of one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from uuid import UUID

from experiments.analysis.effects import estimate_of
from experiments.design import MetricDesign, MetricKind, PhaseDesign
from experiments.events.study_overlaps import CrossedCell, Overlap
from experiments.statistics.errors import StatisticsError
from experiments.statistics.interactions import Interaction, interaction
from experiments.statistics.multiplicity import holm

MUCH = 0.05
"""The share of either phase's units from where two phases are compared."""

GROWTH = 1.5
"""By how much the shared units have to grow until a pair is tested again."""

MINIMUM_CELL = 100
"""Matured units that every combination of variants needs."""

ALPHA = 0.05
"""Chance of any warning among all pairs of an environment, where none interact."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was found of a pair before."""

    tests: int = 0
    units: int = 0
    p_value: float = 1.0
    """The smallest so far, each counted for its place in the sequence."""


@dataclass(frozen=True, slots=True)
class PairTest:
    """One test of one pair in one experiment's primary metric."""

    units: int
    tests: int
    p_value: float
    """Of this test alone."""
    sequential_p_value: float
    """Over all tests of the pair so far."""
    degrees: int
    estimate: float | None
    """How much larger the effect is beside the other's variant; None where there are
    more than two variants in either."""
    low: float | None
    high: float | None


def meet(one: PhaseDesign, other: PhaseDesign) -> bool:
    """Whether two phases may have the same units at the same time."""
    if one.experiment_key == other.experiment_key or one.unit is not other.unit:
        return False
    if one.environment_id != other.environment_id or one.imported or other.imported:
        return False
    return _before(one.started_at, other.ended_at) and _before(
        other.started_at, one.ended_at
    )


def pairs_of(designs: Sequence[PhaseDesign]) -> tuple[tuple[UUID, UUID], ...]:
    """Every pair of phases that may meet, in a fixed order."""
    ordered = sorted(designs, key=lambda each: each.phase_id)
    return tuple(
        (one.phase_id, other.phase_id)
        for one, other in combinations(ordered, 2)
        if meet(one, other)
    )


def share_much(overlap: Overlap) -> bool:
    """Whether two phases share enough units to be compared."""
    fewer = min(overlap.units, overlap.other_units)
    return fewer > 0 and overlap.both >= MUCH * fewer


def compare_pair(
    design: PhaseDesign,
    other: PhaseDesign,
    cells: Iterable[CrossedCell],
    known: Known,
) -> PairTest | None:
    """Test the first phase's primary metric; None where that has to wait.

    Args:
        design: The phase whose primary metric is tested.
        other: The phase that it is compared with.
        cells: The metric's sums by both arms.
        known: What was found of this pair before.
    """
    metric = design.primary
    if metric.kind is MetricKind.QUANTILE:
        return None
    found = {(cell.arm, cell.other_arm): cell for cell in cells}
    units = sum(cell.sums.n for cell in found.values())
    final = design.ended_at is not None and other.ended_at is not None
    if units < (known.units + 1 if final else known.units * GROWTH):
        return None
    tested = _tested(metric, _arms(design), _arms(other), found)
    if tested is None:
        return None
    tests = known.tests + 1
    counted = min(1.0, tested.p_value * tests * (tests + 1))
    difference = tested.difference
    return PairTest(
        units=units,
        tests=tests,
        p_value=tested.p_value,
        sequential_p_value=min(known.p_value, counted),
        degrees=tested.degrees,
        estimate=None if difference is None else difference.value,
        low=None if difference is None else difference.low,
        high=None if difference is None else difference.high,
    )


def share_pairs(p_values: Sequence[float]) -> tuple[float, ...]:
    """The p-values of all pairs, adjusted for each other by Holm's procedure."""
    return tuple(each.p_value for each in holm(p_values, alpha=ALPHA))


def _tested(
    metric: MetricDesign,
    arms: Sequence[str],
    other_arms: Sequence[str],
    found: dict[tuple[str, str], CrossedCell],
) -> Interaction | None:
    table = [[found.get((arm, other)) for other in other_arms] for arm in arms]
    if any(c is None or c.sums.n < MINIMUM_CELL for row in table for c in row):
        return None
    try:
        cells = [
            [estimate_of(metric, cell.sums) for cell in row if cell is not None]
            for row in table
        ]
        return interaction(cells, confidence=1.0 - ALPHA)
    except StatisticsError:
        return None


def _arms(design: PhaseDesign) -> list[str]:
    """The control first."""
    others = [arm.key for arm in design.in_play if not arm.is_control]
    return [design.control.key, *others]


def _before(began: datetime, ended: datetime | None) -> bool:
    return ended is None or began < ended
