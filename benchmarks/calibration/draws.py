"""Units, blocks of units and accounts, drawn many runs at a time."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]

SIGMA = 1.5
"""Of the lognormal values: the skewness is 33 before the cap."""

CAP = math.exp(SIGMA * 3.0902323061678132)
"""The lognormal's 99.9th percentile."""

VISITS = 4.0
"""Mean denominator of the ratios, less the one that everybody has."""


@dataclass(frozen=True, slots=True)
class Units:
    """Unit values of one arm in many runs, each (runs, units)."""

    y: Floats
    before: Floats
    visits: Floats


@dataclass(frozen=True, slots=True)
class Kind:
    """A distribution of unit values, the effect it gets, and the truth of it."""

    name: str
    effect: float
    """Truth of treatment minus control, in means."""
    ratio_effect: float
    """The same in totals per visit."""


def capped_mean(cap: float) -> float:
    """Mean of a lognormal value that is cut at a cap."""
    log = math.log(cap)
    below = math.exp(SIGMA**2 / 2.0) * float(ndtr(log / SIGMA - SIGMA))
    return below + cap * float(ndtr(-log / SIGMA))


def _visits_mean(cap: float) -> float:
    """Mean of visits times a lognormal value, cut at a cap."""
    total = 0.0
    for more in range(60):
        chance = math.exp(-VISITS + more * math.log(VISITS) - math.lgamma(more + 1.0))
        total += chance * (more + 1) * capped_mean(cap / (more + 1))
    return total


NORMAL = Kind("normal", 0.1, 0.1)
RARE = Kind("Bernoulli .05", 0.01, 0.01)
SKEWED = Kind(
    "lognormal, capped",
    0.1 * capped_mean(CAP),
    0.1 * _visits_mean(10.0 * CAP) / (VISITS + 1.0),
)
KINDS = (NORMAL, RARE, SKEWED)


def units(
    kind: Kind, shape: tuple[int, int], draw: np.random.Generator, *, treated: bool
) -> Units:
    """Draw values with a correlated one before, and a ratio's denominator."""
    if kind is NORMAL:
        before = draw.standard_normal(shape)
        y = 0.6 * before + 0.8 * draw.standard_normal(shape)
        if treated:
            y = kind.effect + 1.2 * y
        return Units(y, before, np.empty(0))
    if kind is RARE:
        chance = 0.05 + (kind.effect if treated else 0.0)
        mark = draw.random(shape)
        before = (mark < 0.05).astype(np.float64)
        same = draw.random(shape) < 0.5
        hit = np.where(same, mark, draw.random(shape)) < chance
        return Units(hit.astype(np.float64), before, np.empty(0))
    first = draw.standard_normal(shape)
    second = 0.7 * first + math.sqrt(0.51) * draw.standard_normal(shape)
    y = np.minimum(np.exp(SIGMA * second), CAP) * (1.1 if treated else 1.0)
    return Units(y, np.minimum(np.exp(SIGMA * first), CAP), np.empty(0))


def visits(
    kind: Kind, shape: tuple[int, int], draw: np.random.Generator, *, treated: bool
) -> Units:
    """Draw a numerator and a denominator by unit."""
    count = 1.0 + draw.poisson(VISITS, shape).astype(np.float64)
    if kind is NORMAL:
        lift = kind.ratio_effect if treated else 0.0
        y = count * (1.0 + lift) + np.sqrt(count) * draw.standard_normal(shape)
    elif kind is RARE:
        chance = 0.05 + (kind.ratio_effect if treated else 0.0)
        y = draw.binomial(count.astype(np.int64), chance).astype(np.float64)
    else:
        y = np.minimum(count * np.exp(SIGMA * draw.standard_normal(shape)), 10.0 * CAP)
        y = y * (1.1 if treated else 1.0)
    return Units(y, np.empty(0), count)


@dataclass(frozen=True, slots=True)
class Path:
    """One arm at every look in many runs, each (runs, looks), cumulative."""

    n: Floats
    mean: Floats
    deviations: Floats

    @property
    def variance(self) -> Floats:
        """Unbiased variance of a unit's value."""
        return self.deviations / (self.n - 1.0)


def path(n: Floats, totals: Floats, squares: Floats, *, centre: float = 0.0) -> Path:
    """Add blocks up: (runs, looks) units, sums and squares around a centre."""
    n, totals = np.cumsum(n, axis=1), np.cumsum(totals, axis=1)
    deviations = np.cumsum(squares, axis=1) - totals**2 / n
    return Path(n, centre + totals / n, np.maximum(deviations, 0.0))


def blocks(
    name: str, runs: int, looks: int, each: int, draw: np.random.Generator
) -> Path:
    """Draw one arm's block sums without drawing its units, where that can be."""
    n = np.full((runs, looks), float(each))
    if name == "normal":
        totals = draw.standard_normal((runs, looks)) * math.sqrt(each)
        squares = draw.chisquare(each - 1, (runs, looks)) + totals**2 / each
        return path(n, totals, squares)
    if name.startswith("lognormal"):
        totals, squares = np.empty((runs, looks)), np.empty((runs, looks))
        rows = max(1, 4_000_000 // (looks * each))
        centre = math.exp(SIGMA**2 / 2.0)
        for start in range(0, runs, rows):
            size = (min(rows, runs - start), looks, each)
            values = np.exp(
                np.float32(SIGMA) * draw.standard_normal(size, dtype=np.float32)
            )
            if name.endswith("capped"):
                values = np.minimum(values, np.float32(CAP))
            values -= np.float32(centre)
            totals[start : start + rows] = values.sum(axis=2, dtype=np.float64)
            squares[start : start + rows] = np.einsum("ijk,ijk->ij", values, values)
        return path(n, totals, squares, centre=centre)
    values, chances = _discrete(name)
    counts = draw.multinomial(each, chances, (runs, looks))
    return path(n, counts @ values, counts @ values**2)


def _discrete(name: str) -> tuple[Floats, Floats]:
    if name == "Bernoulli .1":
        return np.array([0.0, 1.0]), np.array([0.9, 0.1])
    values = np.arange(9.0)
    chances = (
        np.exp(-0.5) * 0.5**values / np.array([math.factorial(k) for k in range(9)])
    )
    return values, chances / chances.sum()
