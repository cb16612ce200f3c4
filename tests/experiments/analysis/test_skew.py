"""Arms of unequal size need more units the more skewed their values are."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from experiments.analysis.labels import Outcome, Verdict
from experiments.analysis.looks import waiting_for
from experiments.analysis.verdicts import SKEWED, skewed
from experiments.design import MetricKind, MetricRole, PhaseDesign
from experiments.events.state import ArmMetricState, PhaseState, Sums, SurvivalState
from tests.experiments.analysis.designs import (
    arm_state,
    conversions,
    design,
    looked,
    metric,
    planned,
    state,
)

SPENT = metric("spent", kind=MetricKind.SUM, unit="EUR")
ARMS = ("control", "sixty")
EVEN = {"control": 5_000, "sixty": 5_000}
"""Units exposed, of whom not as many have matured: the split itself is as planned."""


def spent(key: str, n: int, *, seed: int, more: float = 1.0) -> ArmMetricState:
    """Values as money is spent: lognormal, with a standard deviation of 1.5."""
    rows = (np.random.default_rng(seed).lognormal(0, 1.5, n) * more * 1e6).astype(int)
    values = [int(each) for each in rows]
    raw = Sums(n=n, y=sum(values), yy=sum(each * each for each in values))
    return arm_state(SPENT, key, raw, nonzero=n)


def unequal(small: int, large: int, *, more: float = 3.0) -> PhaseState:
    found = (spent("control", large, seed=1), spent("sixty", small, seed=2, more=more))
    return state(phase(), *found, exposed=EVEN)


def phase() -> PhaseDesign:
    return planned(design(SPENT, planned_units=1_000, minimum_effect=0.5))


def test_a_clear_effect_is_no_verdict_among_few_skewed_values() -> None:
    found = looked(phase(), unequal(150, 10_000))
    comparison = found.metrics[0].comparisons[0]
    assert comparison.raw.p_value is not None
    assert comparison.raw.p_value < 0.05
    assert comparison.valid is None
    assert comparison.verdict is Verdict.NOT_ENOUGH_DATA
    assert "with arms of unequal size" in comparison.reason
    assert found.recommendation.outcome is Outcome.INCONCLUSIVE
    assert found.looks[0].arms[0].statistic is None


def test_enough_units_or_arms_of_one_size_are_judged() -> None:
    for sizes in ((9_000, 30_000), (1_000, 1_000)):
        comparison = looked(phase(), unequal(*sizes)).metrics[0].comparisons[0]
        assert comparison.verdict is Verdict.WIN, sizes


def test_the_first_look_waits_for_skewed_values() -> None:
    few, many = unequal(150, 10_000), unequal(9_000, 30_000)
    assert "values this skewed" in (waiting_for(phase(), few) or "")
    assert "values this skewed" not in (waiting_for(phase(), many) or "")


@pytest.mark.parametrize("share", [0.02, 0.2, 0.45])
def test_of_zeros_and_ones_the_least_skewness_is_their_own(share: float) -> None:
    count = metric("bought", kind=MetricKind.COUNT)
    n = 1_000
    ones = int(n * share)
    small = arm_state(count, "sixty", conversions(n, ones), nonzero=ones)
    large = arm_state(count, "control", conversions(9 * n, 9 * ones), nonzero=9 * ones)
    own = stats.skew(np.repeat([0.0, 1.0], [n - ones, ones]))
    needed = math.ceil(round(SKEWED * own**2 * 8**2 / (9 * 10), 6))
    found = skewed(count, large, small)
    assert (found is None) == (needed <= n)
    if found is not None:
        assert f"{needed:,} are needed" in found


def test_the_least_skewness_is_never_above_what_values_have() -> None:
    draw = np.random.default_rng(7)
    for each in (
        draw.lognormal(0, 1, 500),
        draw.exponential(1, 500),
        draw.gamma(9, 1, 500),
    ):
        values = [int(value * 1e6) for value in each]
        raw = Sums(n=500, y=sum(values), yy=sum(v * v for v in values))
        found = skewed(
            SPENT,
            arm_state(SPENT, "control", replace(raw, n=5_000), nonzero=5_000),
            arm_state(SPENT, "sixty", raw, nonzero=500),
        )
        if found is not None:
            needed = int(found.rsplit(", ", 1)[1].split(" are")[0].replace(",", ""))
            assert needed <= math.ceil(SKEWED * stats.skew(each) ** 2)


def test_arms_that_differ_by_chance_are_as_good_as_even_ones() -> None:
    """The skewness of a difference is what is left of the arms' own."""
    small, large = spent("sixty", 150, seed=2), spent("control", 172, seed=1)
    assert skewed(SPENT, large, small) is None
    twice = spent("control", 10_000, seed=1)
    assert skewed(SPENT, twice, small) is not None


@settings(max_examples=40, deadline=None)
@given(some.integers(20, 2_000), some.integers(20, 20_000), some.integers(0, 10**6))
def test_what_is_judged_has_a_difference_that_is_nearly_symmetric(
    one: int, other: int, seed: int
) -> None:
    """By the third moment of the difference itself, of zeros and ones as they are."""
    count = metric("bought", kind=MetricKind.COUNT)
    ones = max(int(min(one, other) * np.random.default_rng(seed).uniform(0, 0.5)), 1)
    n, m = min(one, other), max(one, other)
    small = arm_state(count, "sixty", conversions(n, ones), nonzero=ones)
    large = arm_state(count, "control", conversions(m, ones * m // n), nonzero=ones)
    share = ones / n
    variance = share * (1 - share)
    third = variance * (1 - 2 * share)
    left = abs(third / n**2 - third / m**2) / (variance / n + variance / m) ** 1.5
    limit = SKEWED**-0.5
    refused = skewed(count, large, small) is not None
    assert refused == (left > limit) or left == pytest.approx(limit, rel=0.05)


def test_a_cap_makes_fewer_units_enough() -> None:
    capped = replace(SPENT, cap=2_000_000)
    small, large = spent("sixty", 150, seed=2), spent("control", 1_000, seed=1)
    assert skewed(SPENT, large, small) is not None
    cut = Sums(n=150, y=150 * 1_800_000, yy=150 * (1_800_000**2 + 10**10))
    assert skewed(capped, large, replace(small, capped=cut)) is None


def test_shares_are_held_to_their_ten_conversions_alone() -> None:
    paid = planned(design(planned_units=1_000))
    found = state(
        paid,
        arm_state(paid.primary, "control", conversions(9_000, 270)),
        arm_state(paid.primary, "sixty", conversions(1_000, 90)),
        exposed=EVEN,
    )
    assert looked(paid, found).metrics[0].comparisons[0].verdict is Verdict.WIN


def upgrade(events: int) -> tuple[PhaseDesign, PhaseState]:
    """Days until an upgrade among 1,000 units, few of whom did."""
    wait = metric("upgraded", kind=MetricKind.TIME_TO_EVENT)
    wait = replace(wait, direction=wait.direction.DECREASE)
    found = planned(design(wait, planned_units=2_000))
    days = Sums(n=1_000, y=7_000 - 3 * events, yy=49_000 - 33 * events)
    survival = tuple(
        SurvivalState(key, wait.metric_id, (1_000,) * 7, (0, 0, 0, 0, events, 0, 0))
        for key in ARMS
    )
    whole = state(found, *(arm_state(wait, key, days, nonzero=1_000) for key in ARMS))
    return found, replace(whole, survival=survival)


def test_days_without_an_event_are_no_events() -> None:
    few = looked(*upgrade(9)).metrics[0].comparisons[0]
    assert (few.valid, few.reason) == (None, "control has 9 events of 10")
    enough = looked(*upgrade(10)).metrics[0].comparisons[0]
    assert enough.valid is not None


def test_a_secondary_metric_waits_alone() -> None:
    paid, other = metric("paid"), replace(SPENT, role=MetricRole.SECONDARY)
    both = planned(design(paid, other, planned_units=1_000))
    found = state(
        both,
        arm_state(paid, "control", conversions(10_000, 400)),
        arm_state(paid, "sixty", conversions(150, 20)),
        *unequal(150, 10_000).metrics,
        exposed=EVEN,
    )
    first, second = looked(both, found).metrics
    assert first.comparisons[0].verdict is Verdict.WIN
    assert second.comparisons[0].verdict is Verdict.NOT_ENOUGH_DATA
    assert "values this skewed" in second.comparisons[0].reason
    assert "Sixty has 150 units; with arms of unequal size" in second.notes[0]
