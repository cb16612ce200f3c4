"""What chance alone would have done, by dealing the accounts anew."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.checks import TINY, fraction
from experiments.statistics.clusters import Accounts, account_variance
from experiments.statistics.crossproducts import Floats
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits

HALVINGS = 32
"""Steps to an end of the interval."""

SAME = 1e-9
"""Share by which two statistics, or a p-value and its level, may differ by rounding."""

PIECE = 1_000_000
"""Accounts times deals that are held in memory at once."""

TWICE = 2
"""The square of the smaller arm over all accounts up to which its accounts are picked
one by one: a third of such deals, or more, have none of them twice."""

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Permuted:
    """A difference judged by dealing the accounts anew.

    Attributes:
        value: Treatment minus control, mean per person.
        low: Lower end of the interval: the shifts that the test does not reject.
        high: Upper end.
        p_value: Two-sided, in (0, 1]; at least 1 / `draws`.
        draws: Deals that were compared, the one that happened among them.
        exact: Whether these are all deals there are.
        confidence: Coverage of the interval, in (0, 1).
    """

    value: float
    low: float
    high: float
    p_value: float
    draws: int
    exact: bool
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class _Deals:
    """What each deal puts into one of the arms; which one makes no difference.

    Attributes:
        dealt: (8, draws) float64, sums over its accounts, see `_columns`; the first
            deal happened.
        whole: (8, 1) float64, the same over all accounts.
        counts: Accounts in that arm and in the other one.
    """

    dealt: Floats
    whole: Floats
    counts: tuple[int, int]

    def statistics(self, shift: float) -> Floats:
        """(draws,) absolute studentised differences, once `shift` is taken out."""
        first = _arm(self.dealt, self.counts[0], shift)
        second = _arm(self.whole - self.dealt, self.counts[1], shift)
        gap, noise = np.abs(first[0] - second[0]), np.sqrt(first[1] + second[1])
        tiny = 1e-9 * float(noise[0]) + TINY**2
        found: Floats = gap / np.maximum(noise, tiny)
        return found

    def p_value(self, shift: float) -> float:
        """Share of deals at least as extreme as the one that happened."""
        found = self.statistics(shift)
        return float((found >= found[0] * (1.0 - SAME)).mean())


def permute_accounts(
    control: Accounts,
    treatment: Accounts,
    *,
    confidence: float,
    draws: int,
    seed: int,
) -> Permuted:
    """Test and interval for few accounts that assume nothing but the randomisation.

    Where there are at most `draws` ways to deal the accounts, all are compared and the
    test is exact; else that many are drawn, and the deal that happened is counted among
    them. The statistic is studentised, so that the test stays right for the difference
    of means where the arms vary differently.

    Args:
        control: The control arm's accounts.
        treatment: The treatment arm's.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.
        draws: Deals to compare, from 100 to 100,000.
        seed: Seed of the draws; equal seeds give equal answers.

    Raises:
        TooFewUnits: So few deals cannot reach this confidence.
        NoVariation: No account differs from its arm's mean.
        InvalidArgument: `draws` is out of range, or `confidence` is not in (0, 1).

    Reference:
        E. Chung, J. P. Romano (2013), "Exact and asymptotically robust permutation
        tests", Annals of Statistics 41; B. Phipson, G. K. Smyth (2010), "Permutation
        p-values should never be zero", SAGMB 9.
    """
    alpha = 1.0 - fraction("confidence", confidence)
    if not 100 <= draws <= 100_000:
        raise InvalidArgument("draws", f"must lie between 100 and 100000, not {draws}")
    variance = account_variance(control)[0] + account_variance(treatment)[0]
    if variance == 0.0:
        raise NoVariation("treatment", "no account differs from its arm's mean")
    ways = math.comb(control.totals.size + treatment.totals.size, control.totals.size)
    count = min(ways, draws)
    if alpha * count < 2.0:
        raise TooFewUnits("totals", "too few accounts for this confidence")
    deals = _deal(control, treatment, None if ways <= draws else draws, seed)
    value, p_value = treatment.value - control.value, deals.p_value(0.0)
    low, high = _ends(deals, value, math.sqrt(variance), alpha * (1.0 + SAME))
    return Permuted(
        value=value,
        low=low,
        high=high,
        p_value=p_value,
        draws=count,
        exact=ways <= draws,
        confidence=confidence,
    )


def _deal(
    control: Accounts, treatment: Accounts, draws: int | None, seed: int
) -> _Deals:
    """What random deals, or all where `draws` is None, put into one of the arms.

    It is the treatment, but where an arm is so small beside the other that few deals
    draw an account twice: there it is the small one, whatever the size of the other.
    """
    first, second = control.totals.size, treatment.totals.size
    columns, counts = _columns(control, treatment), (second, first)
    if draws is None:
        chosen = _all(first, second)
    elif min(first, second) ** 2 <= TWICE * (first + second):
        if first < second:
            happened, counts = np.arange(first), (first, second)
        else:
            happened = np.arange(first, first + second)
        chosen = _picked(happened, first + second, draws, seed)
    else:
        chosen = _drawn(first, second, draws, seed)
    dealt = np.concatenate([columns[index].sum(axis=1) for index in chosen])
    return _Deals(np.ascontiguousarray(dealt.T), columns.sum(axis=0)[:, None], counts)


def _ends(
    deals: _Deals, value: float, step: float, level: float
) -> tuple[float, float]:
    """The shifts that are not rejected lie between these."""

    def kept(shift: float) -> bool:
        return deals.p_value(shift) > level

    low, high = _end(kept, value, -step), _end(kept, value, step)
    if kept(0.0):
        low, high = min(low, 0.0), max(high, 0.0)
    return low, high


def _columns(control: Accounts, treatment: Accounts) -> Floats:
    """(g, 8) what a deal sums over its accounts, m being sizes and s totals.

    They are m, m^2, s, s m, s^2, and m, m^2 and s m of those that were treated.
    """
    totals = np.concatenate([control.totals, treatment.totals])
    sizes = np.concatenate([control.sizes, treatment.sizes])
    treated = np.concatenate([control.sizes * 0.0, treatment.sizes * 0.0 + 1.0])
    own = [sizes, sizes**2, totals, totals * sizes, totals**2]
    own += [treated * sizes, treated * sizes**2, treated * totals * sizes]
    return np.column_stack(own)


def _arm(sums: Floats, accounts: int, shift: float) -> tuple[Floats, Floats]:
    """Each deal's mean per person and its variance, once `shift` is taken out."""
    m, mm, s, sm, ss, own, own_m, own_s = sums
    total = s - shift * own
    squares = ss - 2.0 * shift * own_s + shift * shift * own_m
    products = sm - shift * own_m
    value = total / m
    left = squares - 2.0 * value * products + value * value * mm
    factor = accounts / max(accounts - 1, 1)
    return value, np.maximum(left, 0.0) * factor / m**2


def _all(control: int, treatment: int) -> Iterator[Indices]:
    """Every deal's treated accounts, in pieces; the one that happened comes first."""
    size = control + treatment
    happened = tuple(range(control, size))
    yield np.array([happened], dtype=np.intp)
    others = (d for d in combinations(range(size), treatment) if d != happened)
    while piece := list(islice(others, max(PIECE // size, 1))):
        yield np.array(piece, dtype=np.intp)


def _drawn(control: int, treatment: int, draws: int, seed: int) -> Iterator[Indices]:
    """Random deals' treated accounts, in pieces; the one that happened comes first."""
    size = control + treatment
    generator = np.random.default_rng(seed)
    yield np.arange(control, size, dtype=np.intp)[None, :]
    left = draws - 1
    while left > 0:
        rows = min(left, max(PIECE // size, 1))
        order = np.argsort(generator.random((rows, size)), axis=1)
        yield order[:, :treatment]
        left -= rows


def _picked(happened: Indices, size: int, draws: int, seed: int) -> Iterator[Indices]:
    """Random deals of a small arm, in pieces: those with an account twice are redrawn.

    So every set of accounts is as likely as any other, at a cost by the small arm.
    """
    generator, count = np.random.default_rng(seed), happened.size
    yield happened[None, :]
    left = draws - 1
    while left > 0:
        rows = min(left, max(PIECE // count, 1))
        found = generator.integers(size, size=(rows, count))
        while (twice := _repeats(found)).any():
            found[twice] = generator.integers(size, size=(int(twice.sum()), count))
        yield found
        left -= rows


def _repeats(deals: Indices) -> NDArray[np.bool_]:
    """Which deals have an account twice."""
    ordered = np.sort(deals, axis=1)
    found: NDArray[np.bool_] = (ordered[:, 1:] == ordered[:, :-1]).any(axis=1)
    return found


def _end(kept: Callable[[float], bool], value: float, step: float) -> float:
    """The last shift, from `value` in the direction of `step`, that is not rejected."""
    inside, reach = value, step
    while kept(value + reach):
        inside, reach = value + reach, 2.0 * reach
        if not math.isfinite(reach) or abs(reach) > 1e9 * abs(step):
            raise TooFewUnits("totals", "too few accounts for an interval with ends")
    outside = value + reach
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2.0
        if kept(middle):
            inside = middle
        else:
            outside = middle
    return (inside + outside) / 2.0
