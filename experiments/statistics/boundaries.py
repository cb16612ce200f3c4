"""Group-sequential boundaries: how large a statistic must be, look by look."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from scipy.special import ndtr, ndtri

from experiments.statistics.checks import fraction, positive
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.ranges import standardised
from experiments.statistics.roots import root
from experiments.statistics.spending import Spending, spent
from experiments.statistics.walk import FAR, Walk

MAXIMUM_LOOKS = 400

BEYOND = float(ndtr(-FAR))
"""What lies beyond the last critical value on one side: nothing."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """Critical values of the looks taken so far.

    Attributes:
        fractions: (k,) share of the planned units at each look; may overrun 1.
        alphas: (k,) error rate that each look really uses, all directions together.
        critical: (k,) a look rejects where |statistic| reaches it (where the statistic
            itself does, if one-sided); None where a look may not reject, because it
            told nothing new or nothing was left to spend.
        information: (k,) information at each look, in any unit; only ratios count.
        sides: 2 for a symmetric boundary, 1 for one on the upper side alone.
    """

    fractions: tuple[float, ...]
    alphas: tuple[float, ...]
    critical: tuple[float | None, ...]
    information: tuple[float, ...]
    sides: int

    @property
    def spent(self) -> float:
        """Error rate used by all looks together."""
        return math.fsum(self.alphas)

    def bottom(self, critical: float) -> float:
        """Where a look stops below; nowhere if one-sided."""
        return -critical if self.sides == 2 else -math.inf


@dataclass(frozen=True, slots=True)
class Crossing:
    """How a boundary is met under an effect.

    Attributes:
        upper: (k,) probability of stopping at each look above the boundary.
        lower: (k,) probability of stopping at each look below it; zeros if one-sided.
        total: Probability of stopping at any look: the power, or the type I error
            without an effect.
        expected_fraction: Mean share of the planned units at the stop, or at the last
            look where none stops.
    """

    upper: tuple[float, ...]
    lower: tuple[float, ...]
    total: float
    expected_fraction: float


@dataclass(frozen=True, slots=True)
class _Rule:
    """What decides the next critical value."""

    spending: Spending
    alpha: float
    rho: float | None
    final: bool
    sides: int

    def allowed(self, done: float) -> float:
        """Error rate that may be used by now: two-sided tables, halved if one-sided."""
        two_sided = self.alpha * 2.0 / self.sides
        cumulative = spent(self.spending, done, alpha=two_sided, rho=self.rho)
        return cumulative * self.sides / 2.0

    def bottom(self, critical: float) -> float:
        return -critical if self.sides == 2 else -math.inf

    def critical(
        self, walk: Walk, information: float, done: float, used: float
    ) -> float | None:
        """The next critical value; None where the look may not reject.

        A last look that tells nothing new may still use what is left, at the level
        that holds whatever its correlation with the looks before.
        """
        tail = (self.allowed(done) - used) / self.sides
        if tail < 0.0:
            return None
        if walk.rises(information):
            return walk.quantile(tail, information)
        return -float(ndtri(tail)) if done >= 1.0 and tail > BEYOND else None


def boundary(
    fractions: Sequence[float],
    *,
    spending: Spending,
    alpha: float,
    rho: float | None = None,
    previous: Sequence[float | None] = (),
    final: bool = False,
    information: Sequence[float] | None = None,
    sides: int = 2,
) -> Boundary:
    """Critical values that use no more than the spending function allows.

    Looks that were taken do not change: their critical values are given as
    `previous`, what they really used is computed, and later looks share what is left.
    A look at which fraction or information did not rise spends nothing, and leaves its
    share to the next; only the first look at or past 1 uses what is left all the same.
    No critical value exceeds 8: what lies beyond, 1e-15, counts as nothing.

    Args:
        fractions: (k,) share of the planned units at each look, above 0, in order.
        spending: The spending function.
        alpha: Error rate of all looks together, in (0, 1), of both directions
            together; in (0, 1/2) if one-sided.
        rho: Exponent of POWER, above 0; None for the others.
        previous: (j,) critical values as they were applied, j <= k; None where a look
            could not reject.
        final: Whether the last look spends all that is left, whatever its fraction.
        information: (k,) what makes the correlation of two looks, the root of its
            ratio, in any unit; None where it rises with the fractions. Of an average
            over units: (units times standard error) squared, the variance of their
            sum; that is as 1 / standard error squared where units vary alike
            throughout, and right where they do not.
        sides: 2 for a symmetric boundary, 1 for one on the upper side alone.

    Raises:
        InvalidArgument: An argument is out of its range, the lengths contradict each
            other, or there are more than 400 looks.

    Reference:
        K. K. G. Lan and D. L. DeMets (1983), "Discrete sequential boundaries for
        clinical trials", Biometrika 70; P. Armitage, C. K. McPherson, B. C. Rowe
        (1969), "Repeated significance tests on accumulating data", Journal of the
        Royal Statistical Society A 132.

    Example:
        >>> found = boundary([0.5, 1.0], spending=Spending.OBRIEN_FLEMING, alpha=0.05)
        >>> [round(critical, 4) for critical in found.critical]
        [2.9626, 1.9686]
    """
    shares = _checked("fractions", fractions)
    known = shares if information is None else _checked("information", information)
    if len(known) != len(shares):
        raise InvalidArgument("information", "must have one entry per look")
    if len(previous) > len(shares):
        raise InvalidArgument("previous", "has more looks than fractions")
    if sides not in {1, 2}:
        raise InvalidArgument("sides", f"must be 1 or 2, not {sides}")
    if fraction("alpha", alpha) >= sides / 2.0:
        raise InvalidArgument("alpha", f"must be below 1/2 on a side, not {alpha}")
    kept = tuple(None if c is None else positive("previous", c) for c in previous)
    spent(spending, 1.0, alpha=alpha, rho=rho)
    return _boundary(shares, known, kept, _Rule(spending, alpha, rho, final, sides))


def applied(
    fractions: Sequence[float],
    critical: Sequence[float | None],
    *,
    information: Sequence[float] | None = None,
    sides: int = 2,
) -> Boundary:
    """The boundary that given critical values make, with what each look uses.

    Args:
        fractions: (k,) share of the planned units at each look, above 0.
        critical: (k,) critical values, such as 1.96 at each look of one who peeks.
        information: As in `boundary`.
        sides: As in `boundary`.

    Raises:
        InvalidArgument: An argument is out of its range, or the lengths differ.

    Example:
        >>> peeking = applied([0.2, 0.4, 0.6, 0.8, 1.0], [1.959964] * 5)
        >>> round(peeking.spent, 4)
        0.1417
    """
    if len(critical) != len(fractions):
        raise InvalidArgument("critical", "must have one entry per look")
    return boundary(
        fractions,
        spending=Spending.POCOCK,
        alpha=0.05,
        previous=critical,
        information=information,
        sides=sides,
    )


def crossing(boundary: Boundary, *, drift: float) -> Crossing:
    """Power and expected length of a boundary under an effect.

    Args:
        boundary: The boundary, with all looks.
        drift: Mean of the statistic at information 1: the effect over its standard
            error there. Where information rises with the fractions, that is at the
            planned end.

    Raises:
        InvalidArgument: `drift` is not finite.

    Example:
        >>> plan = boundary([0.5, 1.0], spending=Spending.OBRIEN_FLEMING, alpha=0.05)
        >>> round(crossing(plan, drift=2.8016).total, 4)
        0.7985
    """
    walk = Walk.start(standardised("drift", drift))
    upper, lower = [], []
    looks = zip(boundary.critical, boundary.information, strict=True)
    for look, (critical, known) in enumerate(looks, start=1):
        if critical is None or not walk.rises(known):
            upper.append(0.0)
            lower.append(0.0)
            continue
        bottom = boundary.bottom(critical)
        upper.append(walk.above(critical, known))
        lower.append(walk.below(bottom, known))
        walk = walk.onward(bottom, critical, known, boundary.information[look:])
    stops = [a + b for a, b in zip(upper, lower, strict=True)]
    total = min(1.0, math.fsum(stops))
    length = math.fsum(p * t for p, t in zip(stops, boundary.fractions, strict=True))
    length += (1.0 - total) * boundary.fractions[-1]
    return Crossing(tuple(upper), tuple(lower), total, length)


def inflation(
    spending: Spending,
    looks: int,
    *,
    alpha: float,
    power: float,
    rho: float | None = None,
) -> float:
    """How many times the units of a fixed test a sequential one needs at its end.

    Args:
        spending: The spending function.
        looks: Equally spaced looks, from 1.
        alpha: Two-sided error rate, in (0, 1).
        power: Chance of seeing the effect if it is there, in (alpha, 1).
        rho: Exponent of POWER.

    Returns:
        The factor, from 1.

    Raises:
        InvalidArgument: An argument is out of its range.

    Example:
        >>> round(inflation(Spending.POCOCK, 5, alpha=0.05, power=0.9), 3)
        1.192
    """
    if not 1 <= looks <= MAXIMUM_LOOKS:
        raise InvalidArgument("looks", f"must be 1 to {MAXIMUM_LOOKS}, not {looks}")
    if fraction("alpha", alpha) < 1e-12:
        raise InvalidArgument("alpha", "must not be below 1e-12")
    if fraction("power", power) <= alpha:
        raise InvalidArgument("power", "must be above alpha")
    steps = [(look + 1) / looks for look in range(looks)]
    plan = boundary(steps, spending=spending, alpha=alpha, rho=rho)
    fixed = applied([1.0], [-float(ndtri(alpha / 2.0))])
    return (_drift(plan, power) / _drift(fixed, power)) ** 2


def _drift(plan: Boundary, power: float) -> float:
    """The drift at which a boundary has this power."""
    return root(
        lambda drift: crossing(plan, drift=drift).total - power,
        0.0,
        2.0 * FAR,
        tolerance=1e-9,
    )


@lru_cache(maxsize=512)
def _boundary(
    fractions: tuple[float, ...],
    information: tuple[float, ...],
    previous: tuple[float | None, ...],
    rule: _Rule,
) -> Boundary:
    walk = Walk.start(0.0)
    alphas: list[float] = []
    critical: list[float | None] = []
    used = furthest = 0.0
    for look, known in enumerate(information):
        done = fractions[look]
        if look < len(previous):
            value = previous[look]
        else:
            if rule.final and look == len(fractions) - 1:
                done = max(done, 1.0)
            new = min(done, 1.0) > furthest
            value = rule.critical(walk, known, done, used) if new else None
        furthest = max(furthest, done)
        probability = 0.0
        if value is not None and not walk.rises(known):
            probability = rule.sides * float(ndtr(-value))
        elif value is not None:
            if value < FAR:
                probability = rule.sides * walk.above(value, known)
            later = information[look + 1 :]
            walk = walk.onward(rule.bottom(value), value, known, later)
        alphas.append(probability)
        critical.append(value)
        used += probability
    return Boundary(fractions, tuple(alphas), tuple(critical), information, rule.sides)


def _checked(argument: str, values: Sequence[float]) -> tuple[float, ...]:
    if not 1 <= len(values) <= MAXIMUM_LOOKS:
        raise InvalidArgument(argument, f"must hold 1 to {MAXIMUM_LOOKS} looks")
    return tuple(float(positive(argument, value)) for value in values)
