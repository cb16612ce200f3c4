"""Accounts randomised, people measured: few of them, and uneven."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.calibration.claims import Band, Claim, Found, rate
from experiments.statistics.clusters import Accounts, compare_accounts
from experiments.statistics.errors import StatisticsError
from experiments.statistics.permutation import permute_accounts
from experiments.statistics.ratios import delta

DEALS = 400

Test = Callable[[Accounts, Accounts], float]
"""The p-value of two arms."""


def accounts(number: int, draw: np.random.Generator) -> Accounts:
    """Accounts of uneven sizes (mean 26, as many above 60 as one in ten).

    People of one account share a value with a correlation of 0.1.
    """
    people = draw.negative_binomial(1, 1.0 / 26.0, number)
    sizes = 1.0 + people.astype(np.float64)
    shared = draw.standard_normal(number) / 3.0
    noise = draw.standard_normal(number) * np.sqrt(sizes)
    return Accounts(sizes * shared + noise, sizes)


def by_sums(control: Accounts, treatment: Accounts) -> float:
    """The engine's own choice: CR2, or CR1 where there are many accounts."""
    return compare_accounts(control, treatment, confidence=0.95).p_value


def by_ratio(control: Accounts, treatment: Accounts) -> float:
    """The ratio of account totals by the delta method."""
    return delta(control.pair(), treatment.pair(), confidence=0.95).p_value


def by_deals(control: Accounts, treatment: Accounts) -> float:
    """Dealing the accounts anew."""
    found = permute_accounts(control, treatment, confidence=0.95, draws=DEALS, seed=1)
    return found.p_value


def _wrong(test: Test, number: int, runs: int, draw: np.random.Generator) -> Found:
    wrong = 0
    for _ in range(runs):
        try:
            p_value = test(accounts(number, draw), accounts(number, draw))
        except StatisticsError:
            continue
        wrong += p_value <= 0.05
    return rate(wrong, runs)


CLAIMS = (
    *(
        Claim(
            f"Accounts, {number} per arm",
            "no effect is found in 5%, whatever the accounts' sizes",
            4_000,
            500,
            Band(0.04, 0.065),
            partial(_wrong, by_sums, number),
        )
        for number in (10, 40, 100)
    ),
    *(
        Claim(
            f"Accounts, {number} per arm, ratio of totals",
            "the delta method finds no effect in 5%",
            4_000,
            500,
            Band(0.04, 0.065),
            partial(_wrong, by_ratio, number),
        )
        for number in (40, 100)
    ),
    Claim(
        "Accounts, 10 per arm, dealt anew",
        "permutation finds no effect in 5%",
        4_000,
        50,
        Band(0.04, 0.06),
        partial(_wrong, by_deals, 10),
    ),
)
