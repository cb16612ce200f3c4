"""A claim about a method, what a simulation of it found, and whether they agree."""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtri

CERTAINTY = 0.999
"""A claim fails where the exact interval of this coverage leaves its band."""

NOISE = -float(ndtri((1.0 - CERTAINTY) / 2.0))


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and what of it may be chance."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Band:
    """Where the truth must lie."""

    low: float
    high: float

    def holds(self, found: Found) -> bool:
        """Whether what was found can be true of something inside the band."""
        return found.low <= self.high and found.high >= self.low


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of the table.

    `simulate` takes the number of runs and a generator; `fewest` runs are enough to
    see a gross error within a second.
    """

    name: str
    text: str
    runs: int
    fewest: int
    band: Band
    simulate: Callable[[int, np.random.Generator], Found]

    def check(self, runs: int) -> Found:
        """Simulate with a seed that is this row's own, whatever else is run."""
        seed = zlib.crc32(self.name.encode())
        return self.simulate(runs, np.random.default_rng(seed))


def rate(hits: int, runs: int) -> Found:
    """A share of runs, with the exact interval of Clopper and Pearson (1934)."""
    tail = (1.0 - CERTAINTY) / 2.0
    low = float(betaincinv(hits, runs - hits + 1, tail)) if hits else 0.0
    high = 1.0
    if hits < runs:
        high = float(betaincinv(hits + 1, runs - hits, 1.0 - tail))
    return Found(hits / runs, low, high)


def mean(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Found:
    """A mean of runs, with a normal interval."""
    value = float(values.mean())
    margin = NOISE * float(values.std(ddof=1)) / math.sqrt(values.size)
    return Found(value, value - margin, value + margin)


def exact(value: float) -> Found:
    """A number that chance plays no part in."""
    return Found(value, value, value)


def about(centre: float, margin: float) -> Band:
    """A band around a value."""
    return Band(centre - margin, centre + margin)
