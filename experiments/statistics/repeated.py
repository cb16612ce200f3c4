"""Group-sequential readings at any look, for one arm and for several."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from scipy.special import ndtr

from experiments.statistics.boundaries import Boundary, boundary
from experiments.statistics.checks import finite, fraction
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.roots import root
from experiments.statistics.spending import Spending

SMALLEST_LEVEL = 1e-12
"""Repeated p-values are not looked for below it."""

LARGEST_LEVEL = 1.0 - 1e-6


def repeated_p_value(
    statistic: float,
    boundary_taken: Boundary,
    *,
    spending: Spending,
    alpha: float,
    rho: float | None = None,
    final: bool = False,
) -> float:
    """The smallest error rate whose own boundary would reject at the last look.

    At most `alpha` exactly where the statistic reaches the boundary that was applied.

    Args:
        statistic: The statistic at the last look.
        boundary_taken: The two-sided boundary at `alpha`, up to the last look.
        spending: The spending function that it was made with.
        alpha: The error rate that it was made for, in (0, 1).
        rho: Exponent of POWER.
        final: Whether its last look spent all that was left.

    Returns:
        The two-sided p-value, in (0, 1]; 1 where the look may not reject.

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        C. Jennison, B. W. Turnbull (1989), "Interim analyses: the repeated confidence
        interval approach", Journal of the Royal Statistical Society B 51.
    """
    reached = abs(finite("statistic", statistic))
    fraction("alpha", alpha)
    applied = boundary_taken.critical[-1]
    if applied is None:
        return 1.0

    def excess(log_level: float) -> float:
        own = boundary(
            boundary_taken.fractions,
            spending=spending,
            alpha=math.exp(log_level),
            rho=rho,
            final=final,
            information=boundary_taken.information,
        ).critical[-1]
        return reached - (applied if own is None else own)

    alone = 2.0 * float(ndtr(-reached))
    if reached >= applied:
        low, high = min(max(alone, SMALLEST_LEVEL), alpha), alpha
    else:
        low, high = max(alone, alpha), LARGEST_LEVEL
    if low >= LARGEST_LEVEL:
        return 1.0
    p_value = math.exp(root(excess, math.log(low), math.log(high), tolerance=1e-10))
    if reached >= applied:
        return min(p_value, alpha)
    p_value = max(p_value, math.nextafter(alpha, 1.0))
    return 1.0 if p_value > LARGEST_LEVEL - 1e-9 else p_value


@dataclass(frozen=True, slots=True)
class ArmPath:
    """One treatment arm against the control, look by look.

    Attributes:
        statistics: (looks,) the statistic at each look.
        fractions: (looks,) share of the planned units at each look.
        information: (looks,) as in `boundary`; None where it rises with the fractions.
    """

    statistics: tuple[float, ...]
    fractions: tuple[float, ...]
    information: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class ArmJudgement:
    """What a family of arms says about one of them.

    Attributes:
        level: Error rate at which this arm is judged now: of two-sided alpha, the part
            that the arms not yet rejected share.
        boundary: Its boundary at that level.
        rejected_at: Number of the look, from 1, at which it was rejected; None where
            it was not.
    """

    level: float
    boundary: Boundary
    rejected_at: int | None


def sequential_holm(
    paths: Sequence[ArmPath],
    *,
    spending: Spending,
    alpha: float,
    rho: float | None = None,
    final: bool = False,
) -> tuple[ArmJudgement, ...]:
    """Judge several arms over several looks so that any false rejection is rare.

    Each arm has a spending function of its own, at first at alpha over the number of
    arms. A rejected arm passes its level on to the others in equal parts, and they are
    judged at once by the boundary that the larger level has at that look; what they
    had at earlier looks is not judged again. A rejection stands.

    Args:
        paths: One per arm, all with the same number of looks, from 1.
        spending: The spending function of every arm.
        alpha: Two-sided error rate of the family over all looks, in (0, 1).
        rho: Exponent of POWER.
        final: Whether the last look spends all that is left.

    Returns:
        One entry per arm, in the same order. With one look that is the last, these are
        the rejections of Holm's procedure.

    Raises:
        InvalidArgument: An argument is out of its range, or the arms differ in looks.

    Reference:
        W. Maurer, F. Bretz (2013), "Multiple testing in group sequential trials using
        graphical approaches", Statistics in Biopharmaceutical Research 5;
        Y. Ye, A. Li, L. Liu, B. Yao (2013), "A group sequential Holm procedure with
        multiple primary endpoints", Statistics in Medicine 32.
    """
    fraction("alpha", alpha)
    looks = _looks(paths)

    @cache
    def judged_at(arm: int, arms: int) -> Boundary:
        path = paths[arm]
        return boundary(
            path.fractions,
            spending=spending,
            alpha=alpha / arms,
            rho=rho,
            final=final,
            information=path.information,
        )

    rejected = _rejections(paths, looks, judged_at)
    remaining = max(len(paths) - len(rejected), 1)
    verdicts = [rejected.get(arm, (None, remaining)) for arm in range(len(paths))]
    return tuple(
        ArmJudgement(alpha / arms, judged_at(arm, arms), rejected_at)
        for arm, (rejected_at, arms) in enumerate(verdicts)
    )


def _rejections(
    paths: Sequence[ArmPath], looks: int, judged_at: Callable[[int, int], Boundary]
) -> dict[int, tuple[int | None, int]]:
    """The look at which each rejected arm was, and how many arms shared alpha then."""

    def rejects(arm: int, arms: int, look: int) -> bool:
        critical = judged_at(arm, arms).critical[look]
        return critical is not None and abs(paths[arm].statistics[look]) >= critical

    rejected: dict[int, tuple[int | None, int]] = {}
    for look in range(looks):
        found = [-1]
        while found:
            left = [arm for arm in range(len(paths)) if arm not in rejected]
            found = [arm for arm in left if rejects(arm, len(left), look)]
            rejected |= {arm: (look + 1, len(left)) for arm in found}
    return rejected


def _looks(paths: Sequence[ArmPath]) -> int:
    """The number of looks that all arms had."""
    counts = {len(path.fractions) for path in paths}
    counts |= {len(path.statistics) for path in paths}
    if len(counts) != 1:
        raise InvalidArgument("paths", "need one statistic per look, alike in all arms")
    for path in paths:
        for statistic in path.statistics:
            finite("statistics", statistic)
    return counts.pop()
