"""Survival: against scipy, a published table, and sums over units by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray
from scipy import stats

from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.log_rank import Weighting, log_rank, weighted_log_rank
from experiments.statistics.survival import (
    Hazards,
    Survival,
    compare_mean_times,
    kaplan_meier,
    mean_time,
)

seeds = some.integers(min_value=0, max_value=10**6)

# Freireich et al. (1963): weeks in remission of 21 patients; a plus is censored.
REMISSION = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def published(text: str) -> Survival:
    """Weeks as they are printed."""
    events, censored = np.zeros(35, dtype=np.int64), np.zeros(35, dtype=np.int64)
    for word in text.split():
        column = censored if word.endswith("+") else events
        column[int(word.rstrip("+")) - 1] += 1
    return Survival(events, censored)


Units = tuple[NDArray[np.int64], NDArray[np.bool_]]


def drawn(seed: int, n: int, *, rate: float = 0.1) -> Units:
    """Blocks at which n units were last watched, and whether they had the event."""
    generator = np.random.default_rng(seed)
    event = generator.geometric(rate, n).astype(np.int64)
    watched = generator.integers(1, 31, n).astype(np.int64)
    return np.minimum(event, watched), event <= watched


def counted(blocks: NDArray[np.int64], had: NDArray[np.bool_]) -> Survival:
    """The same units as counts by block."""
    size = int(blocks.max())
    return Survival(
        np.bincount(blocks[had] - 1, minlength=size),
        np.bincount(blocks[~had] - 1, minlength=size),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_and_its_errors_are_scipys(seed: int) -> None:
    blocks, had = drawn(seed, 150)
    found = kaplan_meier(counted(blocks, had).hazards(), confidence=0.9)
    data = stats.CensoredData(uncensored=blocks[had], right=blocks[~had])
    known = stats.ecdf(data).sf
    at = known.quantiles.astype(np.int64) - 1
    assert found.survival[at] == pytest.approx(known.probabilities, rel=1e-12)
    interval = known.confidence_interval(0.9, method="log-log")
    inside = (known.probabilities > 0) & (known.probabilities < 1)
    assert found.low[at][inside] == pytest.approx(
        interval.low.probabilities[inside], rel=1e-9
    )
    assert found.high[at][inside] == pytest.approx(
        interval.high.probabilities[inside], rel=1e-9
    )


def test_the_published_remission_times_come_out() -> None:
    found = kaplan_meier(published(REMISSION).hazards(), confidence=0.95)
    weeks = [6, 7, 10, 13, 16, 22, 23]
    known = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert found.survival[[w - 1 for w in weeks]] == pytest.approx(known, abs=5e-4)
    assert found.standard_error[[w - 1 for w in weeks]] == pytest.approx(
        errors, abs=5e-5
    )
    assert (found.median, found.events, found.censored) == (23, 9, 12)


def test_the_published_log_rank_comes_out() -> None:
    found = log_rank(published(REMISSION).hazards(), published(PLACEBO).hazards())
    assert found.chi_square == pytest.approx(16.79, abs=5e-3)
    assert (found.observed, round(found.expected, 2)) == (21, 10.75)


def test_sixty_of_a_hundred_have_a_median_that_counts_the_other_forty() -> None:
    events = np.zeros(20, dtype=np.int64)
    events[:6] = 10
    censored = np.zeros(20, dtype=np.int64)
    censored[19] = 40
    found = kaplan_meier(Survival(events, censored).hazards(), confidence=0.95)
    assert (found.events, found.censored, found.median) == (60, 40, 5)
    assert found.median_low is not None
    assert found.median_low <= 5


def test_fewer_than_half_have_no_median_yet() -> None:
    counts = Survival(np.array([10, 10]), np.array([0, 80]))
    found = kaplan_meier(counts.hazards(), confidence=0.95)
    assert (found.median, found.median_low, found.median_high) == (None, None, None)


def test_before_the_first_event_the_interval_is_the_exact_binomials() -> None:
    counts = Survival(np.array([0, 5]), np.array([0, 15]))
    found = kaplan_meier(counts.hazards(), confidence=0.95)
    known = stats.binomtest(20, 20).proportion_ci(0.95, method="exact")
    assert (found.low[0], found.high[0]) == pytest.approx((known.low, known.high))


def test_where_all_had_the_event_the_curve_ends_at_zero() -> None:
    counts = Survival(np.array([5, 5]), np.array([0, 0]))
    found = kaplan_meier(counts.hazards(), confidence=0.95)
    assert (found.survival[1], found.standard_error[1], found.low[1]) == (0, 0, 0)
    assert found.high[1] == found.high[0]


def test_units_at_risk_may_be_given_directly() -> None:
    counts = published(REMISSION)
    direct = Hazards(counts.events, counts.hazards().at_risk)
    assert (direct.units, direct.censored) == (21, 12)
    assert kaplan_meier(direct, confidence=0.95).median == 23


def test_units_that_come_late_are_counted() -> None:
    late = Hazards(np.array([2, 3]), np.array([10, 20]))
    assert (late.units, late.censored) == (22, 17)


def test_the_curve_ends_where_nobody_is_watched() -> None:
    gap = Hazards(np.array([2, 0, 0]), np.array([10, 8, 0]))
    assert kaplan_meier(gap, confidence=0.95).survival.tolist() == [0.8, 0.8]


@pytest.mark.parametrize("seed", range(5))
def test_log_rank_is_scipys(seed: int) -> None:
    first, second = drawn(seed, 200, rate=0.08), drawn(seed + 50, 160, rate=0.12)
    found = log_rank(counted(*first).hazards(), counted(*second).hazards())
    known = stats.logrank(
        *(
            stats.CensoredData(uncensored=b[had], right=b[~had])
            for b, had in (second, first)
        )
    )
    assert found.statistic == pytest.approx(known.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-7)


def by_units(
    first: Units,
    second: Units,
    weighting: Weighting,
    powers: tuple[float, float],
) -> float:
    """The weighted statistic, block by block over the units."""
    blocks = np.concatenate([first[0], second[0]])
    had = np.concatenate([first[1], second[1]])
    arm = np.repeat([0, 1], [first[0].size, second[0].size])
    before = peto = 1.0
    score = variance = 0.0
    for block in range(1, int(blocks.max()) + 1):
        n, n1 = int((blocks >= block).sum()), int((blocks[arm == 1] >= block).sum())
        now = had & (blocks == block)
        d, d1 = int(now.sum()), int(now[arm == 1].sum())
        peto *= 1 - d / (n + 1)
        weight = {
            Weighting.LOG_RANK: 1.0,
            Weighting.GEHAN: float(n),
            Weighting.TARONE_WARE: math.sqrt(n),
            Weighting.PETO: peto,
            Weighting.FLEMING_HARRINGTON: before ** powers[0]
            * (1 - before) ** powers[1],
        }[weighting]
        score += weight * (d1 - d * n1 / n)
        if n > 1:
            share = n1 / n
            variance += weight**2 * d * share * (1 - share) * (n - d) / (n - 1)
        before *= 1 - d / n
    return score / math.sqrt(variance)


@pytest.mark.parametrize("weighting", list(Weighting))
@pytest.mark.parametrize("powers", [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_weighted_tests_are_sums_over_the_units(
    weighting: Weighting, powers: tuple[float, float]
) -> None:
    first, second = drawn(8, 90, rate=0.08), drawn(9, 120, rate=0.11)
    found = weighted_log_rank(
        counted(*first).hazards(),
        counted(*second).hazards(),
        weighting=weighting,
        rho=powers[0],
        gamma=powers[1],
    )
    known = by_units(first, second, weighting, powers)
    assert found.statistic == pytest.approx(known, rel=1e-9)


@given(seeds)
def test_swapping_the_arms_flips_the_sign(seed: int) -> None:
    first, second = (counted(*drawn(s, 60)).hazards() for s in (seed, seed + 1))
    there, back = log_rank(first, second), log_rank(second, first)
    assert back.statistic == pytest.approx(-there.statistic, rel=1e-9, abs=1e-12)
    times = [
        compare_mean_times(*pair, horizon=10, confidence=0.95).difference
        for pair in ((first, second), (second, first))
    ]
    assert times[1].value == pytest.approx(-times[0].value, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("horizon", [2, 7, 20])
def test_without_censoring_the_mean_time_is_the_mean_of_times_cut_off(
    horizon: int,
) -> None:
    blocks = np.random.default_rng(4).geometric(0.1, 400)
    had: NDArray[np.bool_] = np.ones(400, dtype=np.bool_)
    found = mean_time(counted(blocks, had).hazards(), horizon=horizon)
    cut = np.minimum(blocks, horizon)
    assert found.value == pytest.approx(cut.mean(), rel=1e-12)
    assert found.variance == pytest.approx(cut.var() / 400, rel=1e-9)


def test_mean_times_are_compared_with_both_variances() -> None:
    arms = [counted(*drawn(s, 200, rate=r)).hazards() for s, r in ((1, 0.1), (2, 0.2))]
    found = compare_mean_times(arms[0], arms[1], horizon=14, confidence=0.95)
    variance = sum(mean_time(arm, horizon=14).variance for arm in arms)
    assert found.difference.standard_error == pytest.approx(math.sqrt(variance))
    assert found.difference.value < 0
    assert found.difference.p_value == pytest.approx(
        2 * stats.norm.sf(abs(found.difference.statistic)), rel=1e-9
    )


def test_time_beyond_what_was_watched_is_refused() -> None:
    arm = Survival(np.array([5, 5]), np.array([0, 10])).hazards()
    with pytest.raises(TooFewUnits, match="watched"):
        mean_time(arm, horizon=4)
    with pytest.raises(InvalidArgument, match="horizon"):
        mean_time(arm, horizon=0)


def test_without_events_nothing_can_be_compared() -> None:
    quiet = Survival(np.array([0, 0]), np.array([0, 10])).hazards()
    with pytest.raises(NoVariation):
        log_rank(quiet, quiet)
    with pytest.raises(NoVariation):
        compare_mean_times(quiet, quiet, horizon=2, confidence=0.95)


@pytest.mark.parametrize("power", [-1.0, math.nan, math.inf])
def test_a_power_that_is_no_weight_is_refused(power: float) -> None:
    arm = published(PLACEBO).hazards()
    with pytest.raises(InvalidArgument, match="rho"):
        weighted_log_rank(arm, arm, weighting=Weighting.FLEMING_HARRINGTON, rho=power)


@pytest.mark.parametrize(
    ("events", "at_risk", "error"),
    [
        ([1, 2], [5], InvalidArgument),
        ([6], [5], InvalidArgument),
        ([-1], [5], InvalidArgument),
        ([0], [0], TooFewUnits),
        ([], [], TooFewUnits),
    ],
)
def test_counts_that_no_arm_has_are_refused(
    events: list[int], at_risk: list[int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        Hazards(np.array(events, dtype=np.int64), np.array(at_risk, dtype=np.int64))


def test_censored_counts_must_fit_the_events() -> None:
    with pytest.raises(InvalidArgument, match="censored"):
        Survival(np.array([1]), np.array([1, 2]))
    with pytest.raises(InvalidArgument, match="censored"):
        Survival(np.array([1]), np.array([-1]))
    with pytest.raises(TooFewUnits):
        Survival(np.array([0]), np.array([0])).hazards()
