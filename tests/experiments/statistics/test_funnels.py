"""Funnels: shares of those exposed, and where most are lost."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.funnels import Funnel, compare_funnels, conversion
from experiments.statistics.proportions import Proportion, compare, wilson

counts = some.lists(some.integers(0, 5000), min_size=2, max_size=8).map(
    lambda steps: tuple(sorted(steps, reverse=True))
)


def test_the_rates_the_total_and_the_biggest_drop_come_out() -> None:
    found = conversion(Funnel((1000, 700, 350, 210)), confidence=0.95)
    rates = [step.from_previous.value for step in found.steps if step.from_previous]
    assert rates == [0.70, 0.50, 0.60]
    assert [step.from_exposure.value for step in found.steps] == [0.7, 0.35, 0.21]
    assert (found.total, found.biggest_drop) == (0.21, 2)


@pytest.mark.parametrize(("n", "x"), [(10, 0), (10, 10), (57, 3), (100_000, 50_001)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilsons_interval_is_scipys(n: int, x: int, confidence: float) -> None:
    found = wilson(Proportion(n, x), confidence=confidence)
    known = stats.binomtest(x, n).proportion_ci(confidence, method="wilson")
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-12)


def test_every_step_is_compared_over_all_exposed() -> None:
    first, second = Funnel((900, 500, 40, 3)), Funnel((950, 600, 80, 9))
    found = compare_funnels(first, second, confidence=0.95)
    for step, one in enumerate(found, start=1):
        assert one == compare(
            Proportion(900, first.reached[step]),
            Proportion(950, second.reached[step]),
            confidence=0.95,
        )


@given(counts)
def test_shares_never_rise_and_the_drop_is_the_largest(steps: tuple[int, ...]) -> None:
    if steps[0] == 0:
        return
    found = conversion(Funnel(steps), confidence=0.9)
    shares = [step.from_exposure.value for step in found.steps]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == found.total
    if found.biggest_drop is None:
        assert steps[0] == steps[-1]
        return
    before, after = steps[found.biggest_drop - 1], steps[found.biggest_drop]
    for one, other in pairwise(steps):
        assert after * one <= other * before or one == 0


def test_after_a_step_that_nobody_reached_there_is_no_rate() -> None:
    found = conversion(Funnel((10, 0, 0)), confidence=0.95)
    assert found.steps[1].from_previous is None
    assert found.biggest_drop == 1


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ((5,), InvalidArgument),
        ((5, 6), InvalidArgument),
        ((5, -1), InvalidArgument),
        ((0, 0), TooFewUnits),
    ],
)
def test_counts_that_no_funnel_has_are_refused(
    steps: tuple[int, ...], error: type[Exception]
) -> None:
    with pytest.raises(error, match="reached"):
        Funnel(steps)


def test_other_funnels_cannot_be_compared() -> None:
    with pytest.raises(InvalidArgument, match="steps"):
        compare_funnels(Funnel((5, 4)), Funnel((5, 4, 3)), confidence=0.95)
