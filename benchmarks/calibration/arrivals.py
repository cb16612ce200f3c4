"""Looks as the service takes them: maturing, ramped, capped, adjusted, by account.

Alpha is spent by units; the correlation of two looks is that of the sums behind their
averages, of which the later contains the earlier (`_taken`). A run whose
statistic comes near the boundary of the average run is judged by its own; the others
are too far from either to be judged differently.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import gammaln

from benchmarks.calibration.claims import Band, Claim, Found, rate
from benchmarks.calibration.draws import CAP, SIGMA, Floats
from benchmarks.calibration.looks import limits, scores
from experiments.statistics.batch import compare_many
from experiments.statistics.batch_arms import (
    Arms,
    CovariedArms,
    Pairs,
    adjusted,
    independent,
    means,
    ratios,
)
from experiments.statistics.boundaries import boundary
from experiments.statistics.spending import Spending

NEAR = 0.05
"""Share of the average boundary within which a run is judged by its own: twice what
the two are ever apart (2.4% in 100 runs of every case)."""

UNITS = 2_000
"""Units of an arm at the end."""

PIECE = 100


@dataclass(frozen=True, slots=True)
class Taken:
    """What the looks of many runs found, each (runs, looks)."""

    score: Floats
    information: Floats
    """(Units times standard error) squared; its ratio is a correlation squared."""
    fractions: Floats
    """(looks,) share of the planned units."""


Case = Callable[[int, int, np.random.Generator], Taken]


def _schedule(looks: int, *, ramped: bool = False) -> tuple[Floats, Floats]:
    """New units of an arm, and their share, at each look; the first looks wait.

    Ramped: 1%, then 5%, then 20% of the traffic for a tenth of the looks each.
    """
    pace = np.ones(looks)
    if ramped:
        for step, share in enumerate((0.01, 0.05, 0.2)):
            pace[step * looks // 10 : (step + 1) * looks // 10] = share
    ends = np.round(UNITS * np.cumsum(pace) / pace.sum()).astype(np.int64)
    first = int(np.searchsorted(ends, 100))
    ends = ends[first:]
    return np.diff(ends, prepend=0), ends / UNITS


def _sums(values: Floats, ends: Floats) -> Floats:
    """(runs, looks) sums of the first units, by look."""
    running = np.cumsum(values, axis=1)
    found: Floats = running[:, ends - 1]
    return found


def _ends(new: Floats) -> Floats:
    found: Floats = np.cumsum(new).astype(np.int64)
    return found


def _taken(value: Floats, error: Floats, freedom: Floats, fractions: Floats) -> Taken:
    known = np.square(fractions * error)
    return Taken(scores(value / error, freedom), known, fractions)


def _products(
    columns: tuple[Floats, Floats], ends: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Units, two means and three centred products, flat over runs and looks."""
    a, b = columns
    n = np.broadcast_to(ends.astype(np.float64), (a.shape[0], ends.size))
    first, second = _sums(a, ends), _sums(b, ends)
    products = [
        _sums(x * y, ends) - s * t / n
        for x, y, s, t in (
            (a, a, first, first),
            (a, b, first, second),
            (b, b, second, second),
        )
    ]
    yy, yz, zz = (each.ravel() for each in products)
    return n.ravel(), (first / n).ravel(), (second / n).ravel(), yy, yz, zz


def _plain(
    draw_arm: Callable[[tuple[int, int], np.random.Generator], Floats],
    ramped: bool,
    runs: int,
    looks: int,
    draw: np.random.Generator,
) -> Taken:
    new, fractions = _schedule(looks, ramped=ramped)
    ends = _ends(new)
    arms = []
    for _ in range(2):
        y = draw_arm((runs, UNITS), draw)
        n, mean, _, yy, _, _ = _products((y, y), ends)
        arms.append(means(n, mean, np.maximum(yy, 0.0) / (n - 1.0)))
    return _compared(independent(*arms), runs, fractions)


def _compared(pairs: Pairs, runs: int, fractions: Floats) -> Taken:
    found = compare_many(pairs, confidence=0.95)
    shape = (runs, fractions.size)
    error = found.standard_error.reshape(shape)
    return _taken(
        found.value.reshape(shape), error, found.degrees.reshape(shape), fractions
    )


def _adjusted(runs: int, looks: int, draw: np.random.Generator) -> Taken:
    """Lin's adjustment for a value before exposure; a third of units are new."""
    new, fractions = _schedule(looks)
    ends = _ends(new)
    arms = []
    for _ in range(2):
        z = draw.standard_normal((runs, UNITS))
        y = 0.7 * z + 0.7 * draw.standard_normal((runs, UNITS))
        seen = np.where(draw.random((runs, UNITS)) < 1.0 / 3.0, 0.0, z)
        arms.append(CovariedArms(*_products((y, seen), ends)))
    return _compared(adjusted(*arms), runs, fractions)


def _ratio(runs: int, looks: int, draw: np.random.Generator) -> Taken:
    """Value per visit, randomised by user."""
    new, fractions = _schedule(looks)
    ends = _ends(new)
    arms = []
    for _ in range(2):
        d = 1.0 + draw.poisson(3.0, (runs, UNITS)).astype(np.float64)
        y = d * draw.standard_exponential((runs, UNITS))
        arms.append(_ratio_arm(y, d, ends))
    return _compared(independent(*arms), runs, fractions)


def _ratio_arm(y: Floats, d: Floats, ends: Floats) -> Arms:
    n, first, second, yy, yd, dd = _products((y, d), ends)
    return ratios(n, np.column_stack([first, second]), np.column_stack([yy, yd, dd]))


def _accounts(runs: int, looks: int, draw: np.random.Generator) -> Taken:
    """Value per person, randomised by account, of uneven sizes."""
    new, fractions = _schedule(looks)
    ends = _ends(new)
    arms = []
    for _ in range(2):
        people = draw.negative_binomial(1, 1.0 / 26.0, (runs, UNITS))
        d = 1.0 + people.astype(np.float64)
        shared = draw.standard_normal((runs, UNITS)) / 3.0
        y = d * shared + np.sqrt(d) * draw.standard_normal((runs, UNITS))
        arms.append(_ratio_arm(y, d, ends))
    return _compared(independent(*arms), runs, fractions)


def _normal(shape: tuple[int, int], draw: np.random.Generator) -> Floats:
    return draw.standard_normal(shape)


def _capped(shape: tuple[int, int], draw: np.random.Generator) -> Floats:
    return np.minimum(np.exp(SIGMA * draw.standard_normal(shape)), CAP)


MOST = 24.0
"""Visits in a week that nobody exceeds: one unit in 3e11 would."""


def _moving(last: float, runs: int, looks: int, draw: np.random.Generator) -> Taken:
    """Visits in a unit's own week, which has closed; the last unit's mean, from 1.

    A coin deals each unit, so that the arms differ in when theirs came, as they do.
    """
    new, fractions = _schedule(looks)
    pace = np.linspace(1.0, last, fractions.size)[:, None]
    visits = np.arange(MOST + 1.0)
    chances = np.exp(visits * np.log(pace) - pace - gammaln(visits + 1.0))
    chances /= chances.sum(axis=1, keepdims=True)
    both = 2 * new.astype(np.int64)
    first = draw.binomial(both, 0.5, (runs, new.size))
    arms = []
    for units in (first, both - first):
        counts = draw.multinomial(units, chances).astype(np.float64)
        n, total, square = (
            np.cumsum(counts @ values, axis=1).ravel()
            for values in (np.ones_like(visits), visits, visits**2)
        )
        arms.append(means(n, total / n, (square - total**2 / n) / (n - 1.0)))
    return _compared(independent(*arms), runs, fractions)


CASES: dict[str, Case] = {
    "normal": partial(_plain, _normal, False),
    "matured windows, falling to a quarter": partial(_moving, 0.25),
    "matured windows, growing fourfold": partial(_moving, 4.0),
    "ramped 1%, 5%, 20%, 100%": partial(_plain, _normal, True),
    "lognormal, capped": partial(_plain, _capped, False),
    "adjusted (Lin)": _adjusted,
    "ratio": _ratio,
    "accounts": _accounts,
}


def _wrong(
    case: Case, spending: Spending, looks: int, runs: int, draw: np.random.Generator
) -> Found:
    hits = 0
    for start in range(0, runs, PIECE):
        taken = case(min(PIECE, runs - start), looks, draw)
        hits += crossings(taken, spending)
    return rate(hits, runs)


def crossings(taken: Taken, spending: Spending) -> int:
    """Runs that reach their boundary at any look."""
    fractions = [float(each) for each in taken.fractions]
    average = taken.information.mean(axis=0)
    plan = boundary(
        fractions, spending=spending, alpha=0.05, information=average.tolist()
    )
    size = np.abs(taken.score)
    share = (size / limits(plan)).max(axis=1)
    found = int((share > 1.0 + NEAR).sum())
    for row in np.flatnonzero(np.abs(share - 1.0) <= NEAR):
        own = boundary(
            fractions,
            spending=spending,
            alpha=0.05,
            information=taken.information[row].tolist(),
        )
        found += bool((size[row] >= limits(own)).any())
    return found


def _claims() -> Iterator[Claim]:
    for looks in (28, 100):
        for name, case in CASES.items():
            yield Claim(
                f"Daily looks, {looks}: {name}",
                "no effect is found at any look in 5%",
                4_000,
                300 if looks == 28 else 100,
                Band(0.040, 0.056),
                partial(_wrong, case, Spending.OBRIEN_FLEMING, looks),
            )


CLAIMS = tuple(_claims())
