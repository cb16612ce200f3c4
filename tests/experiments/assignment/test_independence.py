"""Arms are as good as random: independent of each other, and in the shares planned.

A single p-value says little, so each claim takes 200 seeds: under chance alone their
p-values are uniform. The seeds are fixed, so the outcome is the same in every run.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from experiments.assignment.columns import arms, encoded
from experiments.assignment.ranges import bucket_ranges
from experiments.assignment.seeds import phase_seed

SUBJECTS = 100_000
SEEDS = 200
PROJECT = UUID("01935a3e-7c00-7000-8000-00000000c0de")
SHARES = (0.5, 0.3, 0.2)
SIGNIFICANT = 0.001
"""Ten claims, of which chance alone would fail one in a hundred runs of the seeds."""


def random_bytes(number: int) -> bytes:
    return hashlib.sha256(f"subject {number}".encode()).digest()


def email(number: int) -> str:
    digits = random_bytes(number)
    return f"{digits[:2].hex()}.{digits[2:4].hex()}{number}@mail{digits[4] % 9}.example"


def uuid4(number: int) -> str:
    return str(UUID(bytes=random_bytes(number)[:16], version=4))


def uuid7(number: int) -> str:
    """Ids in the order of time, as ours are: their beginnings are alike."""
    digits = f"{0x01935A3E7C00 + number // 50:012x}7{random_bytes(number).hex()[:19]}"
    return str(UUID(digits))


KINDS: dict[str, Callable[[int], str]] = {
    "emails": email,
    "uuid4": uuid4,
    "uuid7": uuid7,
    "integers": lambda number: str(int.from_bytes(random_bytes(number)[:6], "big")),
    "sequential": lambda number: str(number + 1),
}

each_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def arms_by_seed(kind: str) -> NDArray[np.int8]:
    """Shape (200, 100,000): the arms in 200 experiments of the same subjects."""
    column = encoded([KINDS[kind](number) for number in range(SUBJECTS)])
    ranges = bucket_ranges(len(SHARES), 1.0, SHARES)
    seeds = [phase_seed(PROJECT, f"experiment-{n}", 1) for n in range(SEEDS)]
    return np.stack([arms(column, seed, 2, ranges) for seed in seeds])


def chance_of_more(p_values: list[float]) -> float:
    """Kolmogorov and Smirnov: how rarely chance is as far from uniform as this."""
    return float(stats.kstest(p_values, "uniform").pvalue)


@each_kind
def test_the_arms_of_two_experiments_are_independent(kind: str) -> None:
    chosen, width = arms_by_seed(kind), len(SHARES)
    p_values = []
    for first, second in zip(chosen, np.roll(chosen, 1, axis=0), strict=True):
        cells = np.bincount(first * np.int8(width) + second, minlength=width**2)
        table = cells.reshape(width, width)
        p_values.append(stats.chi2_contingency(table, correction=False).pvalue)
    assert chance_of_more(p_values) > SIGNIFICANT


@each_kind
def test_the_arms_have_the_shares_planned(kind: str) -> None:
    planned = np.array(SHARES) * SUBJECTS
    p_values = [
        stats.chisquare(np.bincount(chosen, minlength=len(SHARES)), planned).pvalue
        for chosen in arms_by_seed(kind)
    ]
    assert chance_of_more(p_values) > SIGNIFICANT


def test_the_check_would_see_arms_that_depend_on_each_other() -> None:
    """One seed in common is a perfect dependence; its p-values are all zero."""
    first = arms_by_seed("sequential")[0]
    table = np.histogram2d(first, first, bins=len(SHARES))[0]
    assert stats.chi2_contingency(table).pvalue < 1e-9
    assert chance_of_more([0.0] * SEEDS) < SIGNIFICANT
