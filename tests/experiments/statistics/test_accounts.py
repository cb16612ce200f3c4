"""Accounts: against regressions on the people themselves, and every deal by hand."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.clusters import (
    Accounts,
    account_variance,
    bell_mccaffrey,
    cluster_robust,
    compare_accounts,
)
from experiments.statistics.differences import Method
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.permutation import permute_accounts
from experiments.statistics.samples import PairSample
from tests.experiments.statistics.units import Floats

seeds = some.integers(min_value=0, max_value=10**6)


def people(
    seed: int, accounts: int, *, effect: float = 0.0, alike: float = 0.3
) -> tuple[Floats, Floats]:
    """Values of people, and the account of each."""
    generator = np.random.default_rng(seed)
    sizes = np.maximum(1, np.round(generator.lognormal(1.5, 0.7, accounts))).astype(int)
    level = np.repeat(generator.normal(0, math.sqrt(alike), accounts), sizes)
    noise = generator.normal(0, math.sqrt(1 - alike), level.size)
    account = np.repeat(np.arange(float(accounts)), sizes)
    return 5.0 + effect + level + noise, account


def totals(values: Floats, account: Floats) -> Accounts:
    """The accounts of these people."""
    return Accounts(
        np.bincount(account.astype(int), weights=values).astype(np.float64),
        np.bincount(account.astype(int)).astype(np.float64),
    )


def drawn(seed: int, control: int, treatment: int, **more: float) -> list[Accounts]:
    """Two arms of accounts."""
    return [
        totals(*people(seed, control)),
        totals(*people(seed + 1, treatment, **more)),
    ]


@pytest.mark.parametrize(("control", "treatment"), [(50, 60), (200, 45), (8, 5)])
def test_cr1_is_the_sandwich_of_the_regression_on_people(
    control: int, treatment: int
) -> None:
    first, second = people(3, control), people(4, treatment, effect=0.2)
    y = np.concatenate([first[0], second[0]])
    arm = np.repeat([0.0, 1.0], [first[0].size, second[0].size])
    account = np.concatenate([first[1], second[1] + control])
    x = np.column_stack([np.ones(y.size), arm])
    bread = np.linalg.inv(x.T @ x)
    beta = bread @ x.T @ y
    left = y - x @ beta
    scores = np.array(
        [x[account == g].T @ left[account == g] for g in np.unique(account)]
    )
    g, n = len(scores), y.size
    factor = g / (g - 1) * (n - 1) / (n - 2)
    variance = factor * bread @ (scores.T @ scores) @ bread
    arms = [totals(*first).pair(), totals(*second).pair()]
    found = cluster_robust(arms[0], arms[1], confidence=0.95)
    error = math.sqrt(variance[1, 1])
    assert found.value == pytest.approx(beta[1], rel=1e-9)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.p_value == pytest.approx(
        2 * stats.t.sf(abs(beta[1] / error), g - 1), rel=1e-7
    )


@pytest.mark.parametrize("accounts", [3, 7, 20])
def test_cr2_is_bell_and_mccaffreys_on_people(accounts: int) -> None:
    """With the square root of each account's block, by its eigenvectors."""
    values, account = people(11, accounts)
    n = values.size
    hat = np.full((n, n), 1 / n)
    residuals = np.eye(n) - hat
    columns, variance = [], 0.0
    for g in range(accounts):
        own = account == g
        roots, vectors = np.linalg.eigh(residuals[np.ix_(own, own)])
        adjust = vectors @ np.diag(roots**-0.5) @ vectors.T @ np.ones(own.sum()) / n
        columns.append(residuals[:, own] @ adjust)
        variance += float((values - values.mean())[own] @ adjust) ** 2
    crossed = np.array(columns) @ np.array(columns).T
    degrees = np.trace(crossed) ** 2 / (crossed**2).sum()
    found = account_variance(totals(values, account))
    assert found == pytest.approx((variance, degrees), rel=1e-8)


def test_accounts_of_one_size_are_units_to_welch() -> None:
    generator = np.random.default_rng(5)
    values = [generator.normal(0, 1, 12), generator.normal(0.5, 2, 9)]
    arms = [Accounts(v * 10, np.full(v.size, 10.0)) for v in values]
    found = bell_mccaffrey(arms[0], arms[1], confidence=0.95)
    known = stats.ttest_ind(values[1], values[0], equal_var=False)
    assert found.statistic == pytest.approx(known.statistic, rel=1e-9)
    assert found.degrees == pytest.approx(known.df, rel=1e-9)


@pytest.mark.parametrize(
    ("control", "method"), [(199, Method.BELL_MCCAFFREY), (200, Method.CLUSTERED)]
)
def test_few_accounts_are_read_with_each_accounts_pull(
    control: int, method: Method
) -> None:
    arms = drawn(2, control, 200)
    assert compare_accounts(arms[0], arms[1], confidence=0.95).method is method


@pytest.mark.parametrize(("accounts", "runs"), [(10, 800), (40, 600)])
def test_equal_arms_of_accounts_differ_one_time_in_twenty(
    accounts: int, runs: int
) -> None:
    wrong = 0
    for run in range(runs):
        arms = drawn(10_000 + 2 * run, accounts, accounts)
        wrong += compare_accounts(arms[0], arms[1], confidence=0.95).p_value < 0.05
    assert 0.03 <= wrong / runs <= 0.075


@given(seeds)
def test_swapping_the_arms_flips_the_sign(seed: int) -> None:
    arms = drawn(seed, 12, 9)
    there = bell_mccaffrey(arms[0], arms[1], confidence=0.95)
    back = bell_mccaffrey(arms[1], arms[0], confidence=0.95)
    assert back.value == pytest.approx(-there.value, rel=1e-9)
    assert back.low == pytest.approx(-there.high, rel=1e-9)


@given(seeds, some.floats(min_value=-50.0, max_value=50.0))
def test_a_shift_of_everybody_changes_nothing(seed: int, shift: float) -> None:
    arms = drawn(seed, 15, 50)
    moved = [Accounts(a.totals + shift * a.sizes, a.sizes) for a in arms]
    for method in (bell_mccaffrey, compare_accounts):
        before = method(arms[0], arms[1], confidence=0.95)
        after = method(moved[0], moved[1], confidence=0.95)
        assert after.value == pytest.approx(before.value, abs=1e-9)
        assert after.standard_error == pytest.approx(before.standard_error, rel=1e-6)


def studentised(arms: tuple[list[int], list[int]], s: Floats, m: Floats) -> float:
    """The statistic of one deal."""
    value: list[float] = []
    variance = 0.0
    for index in arms:
        ratio = float(s[index].sum() / m[index].sum())
        left = s[index] - ratio * m[index]
        size = len(index)
        value.append(ratio)
        variance += size / (size - 1) * float(left @ left / m[index].sum() ** 2)
    return abs(value[1] - value[0]) / math.sqrt(variance)


def test_every_deal_is_compared_where_there_are_few() -> None:
    arms = drawn(21, 5, 4, effect=0.8)
    s = np.concatenate([arm.totals for arm in arms])
    m = np.concatenate([arm.sizes for arm in arms])
    deals = [
        studentised(([i for i in range(9) if i not in chosen], list(chosen)), s, m)
        for chosen in combinations(range(9), 4)
    ]
    happened = studentised(([0, 1, 2, 3, 4], [5, 6, 7, 8]), s, m)
    found = permute_accounts(arms[0], arms[1], confidence=0.9, draws=1000, seed=1)
    assert (found.exact, found.draws) == (True, 126)
    known = sum(deal >= happened * (1 - 1e-9) for deal in deals) / 126
    assert found.p_value == pytest.approx(known)


@pytest.mark.parametrize(("seed", "effect"), [(1, 0.5), (2, 1.5), (3, 3.0)])
def test_the_interval_ends_where_shifts_begin_to_be_rejected(
    seed: int, effect: float
) -> None:
    """Drawn once: far out p need not fall steadily, and then only the end is sharp."""
    arms = drawn(seed, 9, 8, effect=effect)
    found = permute_accounts(arms[0], arms[1], confidence=0.9, draws=500, seed=3)
    width = found.high - found.low
    for shift, inside in (
        (found.low + 1e-6 * width, True),
        (found.high - 1e-6 * width, True),
        (found.low - 1e-6 * width, False),
        (found.high + 1e-6 * width, False),
    ):
        moved = Accounts(arms[1].totals - shift * arms[1].sizes, arms[1].sizes)
        again = permute_accounts(arms[0], moved, confidence=0.9, draws=500, seed=3)
        assert (again.p_value > 0.1 + 1e-9) == inside


def test_drawn_deals_come_near_all_deals() -> None:
    arms = drawn(31, 7, 7, effect=0.6)
    every = permute_accounts(arms[0], arms[1], confidence=0.95, draws=5000, seed=1)
    some_deals = permute_accounts(arms[0], arms[1], confidence=0.95, draws=3000, seed=1)
    assert (every.exact, some_deals.exact) == (True, False)
    assert some_deals.p_value == pytest.approx(every.p_value, abs=0.03)
    again = permute_accounts(arms[0], arms[1], confidence=0.95, draws=3000, seed=1)
    assert again == some_deals


def test_ten_equal_accounts_an_arm_differ_one_time_in_twenty() -> None:
    wrong = 0
    for run in range(250):
        arms = drawn(50_000 + 2 * run, 10, 10)
        found = permute_accounts(arms[0], arms[1], confidence=0.95, draws=199, seed=run)
        wrong += found.p_value <= 0.05
    assert 0.02 <= wrong / 250 <= 0.085


def test_many_accounts_are_dealt_in_pieces() -> None:
    arms = drawn(8, 3000, 20)
    found = permute_accounts(arms[0], arms[1], confidence=0.9, draws=700, seed=5)
    known = bell_mccaffrey(arms[0], arms[1], confidence=0.9)
    assert found.value == pytest.approx(known.value)
    assert found.p_value == pytest.approx(known.p_value, abs=0.15)


@pytest.mark.parametrize("sizes", [(300, 2), (2, 300), (3, 60)])
def test_deals_of_a_small_arm_come_near_all_deals(sizes: tuple[int, int]) -> None:
    """Its accounts are picked one by one, whichever arm it is."""
    arms = drawn(33, *sizes, effect=0.5)
    every = permute_accounts(arms[0], arms[1], confidence=0.9, draws=10**5, seed=1)
    found = permute_accounts(arms[0], arms[1], confidence=0.9, draws=20_000, seed=1)
    assert (every.exact, found.exact) == (True, False)
    assert found.p_value == pytest.approx(every.p_value, abs=0.015)
    assert found.low == pytest.approx(every.low, abs=0.1 * (every.high - every.low))
    assert found.high == pytest.approx(every.high, abs=0.1 * (every.high - every.low))


def test_ten_accounts_beside_a_thousand_differ_one_time_in_twenty() -> None:
    wrong = 0
    for run in range(200):
        arms = drawn(90_000 + 2 * run, 10, 1_000)
        pair = arms if run % 2 else arms[::-1]
        found = permute_accounts(pair[0], pair[1], confidence=0.9, draws=199, seed=run)
        wrong += found.p_value <= 0.05
    assert wrong / 200 == pytest.approx(0.05, abs=0.062)


def test_so_few_accounts_that_no_deal_is_rare_are_refused() -> None:
    arms = drawn(2, 3, 3)
    with pytest.raises(TooFewUnits, match="confidence"):
        permute_accounts(arms[0], arms[1], confidence=0.95, draws=1000, seed=1)


@pytest.mark.parametrize("draws", [99, 100_001])
def test_a_number_of_draws_out_of_range_is_refused(draws: int) -> None:
    arms = drawn(2, 9, 9)
    with pytest.raises(InvalidArgument, match="draws"):
        permute_accounts(arms[0], arms[1], confidence=0.95, draws=draws, seed=1)


def test_accounts_that_are_all_the_same_cannot_be_compared() -> None:
    flat = Accounts(np.full(30, 6.0), np.full(30, 3.0))
    for method in (bell_mccaffrey, compare_accounts):
        with pytest.raises(NoVariation):
            method(flat, flat, confidence=0.95)
    with pytest.raises(NoVariation):
        permute_accounts(flat, flat, confidence=0.95, draws=100, seed=1)
    with pytest.raises(NoVariation):
        cluster_robust(flat.pair(), flat.pair(), confidence=0.95)


@pytest.mark.parametrize(
    ("sums", "sizes", "error"),
    [
        ([1.0], [1.0], TooFewUnits),
        ([1.0, 2.0], [1.0], InvalidArgument),
        ([1.0, math.nan], [1.0, 1.0], InvalidArgument),
        ([1.0, 2.0], [1.0, 0.0], InvalidArgument),
    ],
)
def test_accounts_that_no_arm_has_are_refused(
    sums: list[float], sizes: list[float], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Accounts(np.array(sums), np.array(sizes))


def test_an_arm_without_people_is_refused() -> None:
    empty = PairSample(5, 1.0, 0.0, 1.0, 0.0, 0.0)
    with pytest.raises(InvalidArgument, match="denominator"):
        cluster_robust(empty, empty, confidence=0.95)
    one = PairSample(1, 1.0, 2.0, 0.0, 0.0, 0.0)
    with pytest.raises(TooFewUnits):
        cluster_robust(one, one, confidence=0.95)
