"""The primary metric against its boundary, and every other one at any time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.analysis.attempts import Attempt
from experiments.analysis.taken import Line
from experiments.plan import AnalysisPlan, StoppingRule
from experiments.statistics.always_valid import (
    ConfidenceSequence,
    asymptotic_sequence,
)
from experiments.statistics.boundaries import applied, boundary
from experiments.statistics.errors import StatisticsError
from experiments.statistics.evidence import LookReading, read_at_boundary
from experiments.statistics.repeated import ArmPath, repeated_p_value, sequential_holm
from experiments.statistics.spending import Spending
from experiments.statistics.stagewise import Stagewise, stagewise
from experiments.statistics.walk import FAR

_SPENDING = {
    StoppingRule.OBRIEN_FLEMING: Spending.OBRIEN_FLEMING,
    StoppingRule.POCOCK: Spending.POCOCK,
}


@dataclass(frozen=True, slots=True)
class Point:
    """One arm at one look: its normal score, and how much is known."""

    fraction: float
    statistic: float | None
    information: float | None


@dataclass(frozen=True, slots=True)
class Judged:
    """One arm at the newest look, against its own boundary."""

    level: float
    boundary: float | None
    spent: float
    p_value: float


def points_of(lines: Sequence[Line]) -> list[Point]:
    """What earlier looks found in one arm."""
    return [Point(line.fraction, line.statistic, line.information) for line in lines]


def judge_arms(
    plan: AnalysisPlan, paths: Mapping[str, Sequence[Point]]
) -> dict[str, Judged]:
    """Judge every arm at the newest look: Holm's procedure over their boundaries.

    Alpha is spent by the fraction of the planned units, all of it at the planned
    number; correlations between looks come from the units' sums behind the estimates.
    """
    keys = list(paths)
    spending = _SPENDING[plan.stopping]
    found = sequential_holm(
        [_path(paths[key]) for key in keys], spending=spending, alpha=plan.alpha
    )
    judged = {}
    for key, judgement in zip(keys, found, strict=True):
        newest = paths[key][-1]
        readable = newest.statistic is not None and newest.information is not None
        judged[key] = Judged(
            level=judgement.level,
            boundary=judgement.boundary.critical[-1] if readable else None,
            spent=min(judgement.boundary.spent, judgement.level),
            p_value=(
                repeated_p_value(
                    newest.statistic,
                    judgement.boundary,
                    spending=spending,
                    alpha=judgement.level,
                )
                if newest.statistic is not None and readable
                else 1.0
            ),
        )
    return judged


NOTHING = 1e-9
"""Share of the plan that a look stands for which could not be read yet."""


def _path(points: Sequence[Point]) -> ArmPath:
    """An arm's looks; one that could not be read knew no more than the one before.

    Those before the first that could be read spend nothing: it has what they left.
    """
    readable = [p.statistic is not None and p.information is not None for p in points]
    first = readable.index(True) if True in readable else len(points)
    known = NOTHING * (_summed(points[first]) if True in readable else 1.0)
    fractions, information, statistics = [], [], []
    for place, point in enumerate(points):
        if readable[place]:
            known = _summed(point)
        fractions.append(NOTHING if place < first else max(point.fraction, NOTHING))
        information.append(known)
        statistics.append(point.statistic or 0.0)
    return ArmPath(
        statistics=tuple(statistics),
        fractions=tuple(fractions),
        information=tuple(information),
    )


def _summed(point: Point) -> float:
    """Variance of the sum behind an average: (units x standard error) squared.

    A later estimate averages the units of an earlier one and more, so their sums have
    independent increments, and this ratio is their correlation squared whether or not
    later units vary as earlier ones did. 1 / standard error squared is the same only
    where they do: where variance grows fourfold over a phase it lets 7% through.
    """
    return max(point.fraction, NOTHING) ** 2 / (point.information or 1.0)


def at_boundary(attempt: Attempt, line: Line) -> LookReading | None:
    """The repeated interval at a look; None where the look may not reject."""
    effect = attempt.effect
    if effect is None or line.boundary is None or line.level is None:
        return None
    p_value = 1.0 if line.p_value is None else line.p_value
    try:
        return read_at_boundary(effect, critical=line.boundary, p_value=p_value)
    except StatisticsError:
        return None


def unbiased(lines: Sequence[Line], number: int) -> Stagewise | None:
    """The effect corrected for the stop at a look that crossed; None elsewhere.

    The boundary is the one that was applied, look by look. An effect moves each look's
    statistic as its own standard error says, which is not how sums of units correlate
    where later units vary more or less than earlier ones.
    """
    upto = [line for line in lines if line.number <= number]
    stop = upto[-1]
    if not stop.crossed or not stop.information or not stop.level:
        return None
    if stop.statistic is None or stop.estimate is None:
        return None
    path = _path(points_of(upto))
    try:
        taken = applied(
            path.fractions,
            [line.boundary for line in upto],
            information=path.information,
        )
        return stagewise(
            taken,
            look=len(upto),
            statistic=stop.statistic,
            standard_error=stop.estimate / stop.statistic,
            confidence=1.0 - stop.level,
            pulls=[math.sqrt(line.information or stop.information) for line in upto],
        )
    except (StatisticsError, ZeroDivisionError):
        return None


def always_sequence(
    attempt: Attempt, *, planned: int, alpha: float, previous: float
) -> ConfidenceSequence | None:
    """The look's place in the sequence; None where there is no difference."""
    if attempt.effect is None:
        return None
    try:
        return asymptotic_sequence(
            attempt.effect.value,
            attempt.effect.standard_error,
            n=attempt.effect.n,
            planned=planned,
            alpha=alpha,
            previous=previous,
        )
    except StatisticsError:
        return None


def final_critical(plan: AnalysisPlan, points: Sequence[Point], level: float) -> float:
    """The critical value that would wait at the planned number of units."""
    path = _path(points)
    last, known = path.fractions[-1], path.information or (1.0,)
    found = boundary(
        [*path.fractions, 1.0],
        spending=_SPENDING[plan.stopping],
        alpha=level,
        information=[*known, known[-1] / last],
    ).critical[-1]
    return FAR if found is None else found
