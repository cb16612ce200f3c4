"""Boundaries: against published tables, other quadrature, and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import integrate, stats

from experiments.statistics.boundaries import (
    MAXIMUM_LOOKS,
    Boundary,
    applied,
    boundary,
    crossing,
    inflation,
)
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.spending import Spending, spent

OBF, POCOCK, POWER = Spending.OBRIEN_FLEMING, Spending.POCOCK, Spending.POWER


def steps(looks: int) -> list[float]:
    return [(look + 1) / looks for look in range(looks)]


def second_exit(first: float, second: float, one: float, other: float) -> float:
    """Passing the first look within `one` and leaving the second beyond `other`."""
    rise = math.sqrt(second - first)

    def integrand(z: float) -> float:
        here = z * math.sqrt(first)
        above = stats.norm.sf((other * math.sqrt(second) - here) / rise)
        below = stats.norm.cdf((-other * math.sqrt(second) - here) / rise)
        return float(stats.norm.pdf(z) * (above + below))

    return float(integrate.quad(integrand, -one, one, epsabs=1e-13, limit=500)[0])


@pytest.mark.parametrize(
    ("looks", "known"),
    [(2, 2.178), (3, 2.289), (4, 2.361), (5, 2.413), (6, 2.453), (7, 2.485),
     (8, 2.512), (9, 2.535), (10, 2.555), (11, 2.572), (12, 2.588), (15, 2.626),
     (20, 2.672)],
)  # fmt: skip
def test_pocock_constants_are_the_published_ones(looks: int, known: float) -> None:
    """Jennison and Turnbull (2000), table 2.1, alpha 0.05."""
    lower, upper = (
        applied(steps(looks), [known + off] * looks).spent for off in (6e-4, -6e-4)
    )
    assert lower < 0.05 < upper


@pytest.mark.parametrize(
    ("looks", "known"),
    [(2, 1.977), (3, 2.004), (4, 2.024), (5, 2.040), (6, 2.053), (7, 2.063),
     (8, 2.072), (9, 2.080), (10, 2.087)],
)  # fmt: skip
def test_obrien_fleming_constants_are_the_published_ones(
    looks: int, known: float
) -> None:
    """Jennison and Turnbull (2000), table 2.3, alpha 0.05."""
    lower, upper = (
        applied(steps(looks), [(known + off) / math.sqrt(t) for t in steps(looks)])
        for off in (6e-4, -6e-4)
    )
    assert lower.spent < 0.05 < upper.spent


@pytest.mark.parametrize(
    ("looks", "constant", "power", "known"),
    [(2, 2.178, 0.8, 1.110), (3, 2.289, 0.8, 1.166), (4, 2.361, 0.8, 1.202),
     (5, 2.413, 0.8, 1.229), (10, 2.555, 0.8, 1.301), (2, 2.178, 0.9, 1.100),
     (3, 2.289, 0.9, 1.151), (4, 2.361, 0.9, 1.183), (5, 2.413, 0.9, 1.207),
     (10, 2.555, 0.9, 1.271)],
)  # fmt: skip
def test_pocock_tests_have_the_published_power(
    looks: int, constant: float, power: float, known: float
) -> None:
    """Jennison and Turnbull (2000), table 2.2: units relative to a fixed test."""
    plan = applied(steps(looks), [constant] * looks)
    drift = math.sqrt(known) * (stats.norm.isf(0.025) + stats.norm.ppf(power))
    assert crossing(plan, drift=drift).total == pytest.approx(power, abs=6e-4)


@pytest.mark.parametrize(
    ("looks", "constant", "power", "known"),
    [(2, 1.977, 0.8, 1.008), (3, 2.004, 0.8, 1.017), (4, 2.024, 0.8, 1.024),
     (5, 2.040, 0.8, 1.028), (10, 2.087, 0.8, 1.040), (2, 1.977, 0.9, 1.007),
     (3, 2.004, 0.9, 1.016), (4, 2.024, 0.9, 1.022), (5, 2.040, 0.9, 1.026),
     (10, 2.087, 0.9, 1.037)],
)  # fmt: skip
def test_obrien_fleming_tests_have_the_published_power(
    looks: int, constant: float, power: float, known: float
) -> None:
    """Jennison and Turnbull (2000), table 2.4: units relative to a fixed test."""
    plan = applied(steps(looks), [constant / math.sqrt(t) for t in steps(looks)])
    drift = math.sqrt(known) * (stats.norm.isf(0.025) + stats.norm.ppf(power))
    assert crossing(plan, drift=drift).total == pytest.approx(power, abs=6e-4)


@pytest.mark.parametrize("spending", [OBF, POCOCK])
@pytest.mark.parametrize(
    ("first", "second"), [(0.5, 1.0), (0.1, 1.0), (0.9, 1.0), (0.3, 0.31), (0.98, 1.0)]
)
def test_two_looks_agree_with_adaptive_quadrature(
    spending: Spending, first: float, second: float
) -> None:
    found = boundary([first, second], spending=spending, alpha=0.05)
    one, other = found.critical
    assert one is not None
    assert other is not None
    left = spent(spending, second, alpha=0.05) - spent(spending, first, alpha=0.05)
    assert second_exit(first, second, one, other) == pytest.approx(left, rel=1e-7)


def test_the_first_critical_value_is_a_normal_quantile() -> None:
    for done in (0.1, 0.4, 1.0):
        found = boundary([done], spending=OBF, alpha=0.05).critical[0]
        allowed = spent(OBF, done, alpha=0.05)
        assert found == pytest.approx(stats.norm.isf(allowed / 2), abs=1e-10)


@pytest.mark.parametrize("looks", [14, 100])
@pytest.mark.parametrize("spending", [OBF, POCOCK])
def test_all_looks_together_use_alpha(spending: Spending, looks: int) -> None:
    found = boundary(steps(looks), spending=spending, alpha=0.05)
    assert found.spent == pytest.approx(0.05, abs=1e-12)
    assert crossing(found, drift=0.0).total == pytest.approx(0.05, abs=1e-12)


def test_one_side_is_half_of_two_where_the_sides_never_meet() -> None:
    both = boundary(steps(4), spending=OBF, alpha=0.05)
    one = boundary(steps(4), spending=OBF, alpha=0.025, sides=1)
    assert one.critical == pytest.approx(both.critical, abs=1e-6)
    assert crossing(one, drift=0.0).lower == (0.0,) * 4


def test_simulated_paths_cross_as_often_as_computed() -> None:
    plan = boundary(steps(14), spending=OBF, alpha=0.05)
    noise = np.random.default_rng(4).normal(size=(40_000, 14)).cumsum(axis=1)
    times = np.arange(1, 15)
    for drift in (0.0, 2.8):
        walks = noise / np.sqrt(times) + drift * np.sqrt(times / 14)
        crossed = np.abs(walks) >= np.array(plan.critical, dtype=np.float64)
        found = crossing(plan, drift=drift)
        assert crossed.any(axis=1).mean() == pytest.approx(found.total, abs=0.006)
        stopped = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, 14) / 14
        assert stopped.mean() == pytest.approx(found.expected_fraction, abs=0.005)


def test_an_effect_downwards_mirrors_one_upwards() -> None:
    plan = boundary(steps(5), spending=POCOCK, alpha=0.05)
    up, down = crossing(plan, drift=2.5), crossing(plan, drift=-2.5)
    assert up.upper == pytest.approx(down.lower, abs=1e-14)
    assert up.total == pytest.approx(down.total, abs=1e-14)


def test_looks_that_were_taken_never_change() -> None:
    planned = boundary(steps(5), spending=OBF, alpha=0.05)
    taken: list[float | None] = []
    for look in range(5):
        found = boundary(steps(5)[: look + 1], spending=OBF, alpha=0.05, previous=taken)
        assert found.critical[:look] == tuple(taken)
        taken = list(found.critical)
    assert taken == pytest.approx(planned.critical, abs=1e-9)


def test_what_kept_looks_really_used_is_no_longer_there() -> None:
    lavish = boundary([0.5, 1.0], spending=OBF, alpha=0.05, previous=[2.2])
    assert lavish.alphas[0] == pytest.approx(2 * stats.norm.sf(2.2), rel=1e-12)
    assert lavish.spent == pytest.approx(0.05, abs=1e-12)
    ruined = boundary([0.5, 1.0], spending=OBF, alpha=0.05, previous=[1.5])
    assert ruined.critical == (1.5, None)


def test_a_look_without_news_spends_nothing_and_leaves_it_to_the_next() -> None:
    found = boundary([0.3, 0.3, 0.2, 0.6], spending=OBF, alpha=0.05)
    plain = boundary([0.3, 0.6], spending=OBF, alpha=0.05)
    assert found.critical[1:3] == (None, None)
    assert found.alphas[1:3] == (0.0, 0.0)
    assert (found.critical[0], found.critical[3]) == plain.critical


def test_units_without_information_spend_nothing() -> None:
    found = boundary([0.3, 0.4, 0.6], spending=OBF, alpha=0.05, information=[9, 8, 18])
    assert found.critical[1] is None
    assert found.spent == pytest.approx(spent(OBF, 0.6, alpha=0.05), rel=1e-9)


def test_only_ratios_of_information_count() -> None:
    one, other = (
        boundary(
            steps(3),
            spending=OBF,
            alpha=0.05,
            information=[scale * t for t in (1, 3, 4)],
        ).critical
        for scale in (1.0, 1e6)
    )
    assert one == pytest.approx(other, abs=1e-9)


@pytest.mark.parametrize("last", [0.8, 1.0, 1.3])
def test_the_final_look_spends_all_that_is_left(last: float) -> None:
    found = boundary([0.4, last], spending=OBF, alpha=0.05, final=True)
    assert found.spent == pytest.approx(0.05, abs=1e-12)


@pytest.mark.parametrize(("last", "final"), [(0.9, True), (1.0, False), (1.2, True)])
def test_a_last_look_without_news_still_uses_what_is_left(
    last: float, final: bool
) -> None:
    found = boundary(
        [0.5, last], spending=OBF, alpha=0.05, final=final, information=[10, 9]
    )
    left = 0.05 - found.alphas[0]
    assert found.critical[1] == pytest.approx(stats.norm.isf(left / 2), rel=1e-12)


@pytest.mark.parametrize("final", [False, True])
def test_nothing_is_left_after_the_horizon(final: bool) -> None:
    found = boundary([0.5, 1.02, 1.1, 1.2], spending=POCOCK, alpha=0.05, final=final)
    assert found.critical[2:] == (None, None)
    assert found.spent == pytest.approx(0.05, abs=1e-12)


def test_hopeless_looks_end_at_eight() -> None:
    found = boundary([0.001, 0.01, 0.5], spending=OBF, alpha=0.05)
    assert found.critical[:2] == (8.0, 8.0)
    assert found.alphas[:2] == (0.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(
    some.lists(some.floats(0.01, 1.2), min_size=1, max_size=8),
    some.sampled_from([OBF, POCOCK]),
    some.booleans(),
)
def test_any_sequence_of_looks_keeps_the_error_rate(
    looks: list[float], spending: Spending, final: bool
) -> None:
    found = boundary(looks, spending=spending, alpha=0.05, final=final)
    assert found.spent <= 0.05 + 1e-12
    assert all(c is None or 0.0 < c <= 8.0 for c in found.critical)


def test_a_larger_error_rate_lowers_every_critical_value() -> None:
    strict, lax = (
        boundary(steps(6), spending=OBF, alpha=alpha).critical for alpha in (0.01, 0.05)
    )
    assert all(a is not None and b is not None and a > b
               for a, b in zip(strict, lax, strict=True))  # fmt: skip


@pytest.mark.parametrize(
    ("spending", "looks", "rho"), [(OBF, 14, None), (POCOCK, 5, None), (POWER, 5, 2.0)]
)
def test_inflated_plans_have_the_power_of_the_fixed_one(
    spending: Spending, looks: int, rho: float | None
) -> None:
    factor = inflation(spending, looks, alpha=0.05, power=0.8, rho=rho)
    plan = boundary(steps(looks), spending=spending, alpha=0.05, rho=rho)
    drift = math.sqrt(factor) * (stats.norm.isf(0.025) + stats.norm.ppf(0.8))
    assert crossing(plan, drift=drift).total == pytest.approx(0.8, abs=2e-6)


def test_one_look_costs_nothing_more() -> None:
    assert inflation(OBF, 1, alpha=0.05, power=0.8) == pytest.approx(1.0, abs=1e-7)
    assert inflation(OBF, 14, alpha=0.05, power=0.8) == pytest.approx(1.04, abs=0.005)


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"fractions": []}, "fractions"),
        ({"fractions": [0.5] * (MAXIMUM_LOOKS + 1)}, "fractions"),
        ({"fractions": [0.0]}, "fractions"),
        ({"fractions": [math.nan]}, "fractions"),
        ({"information": [1.0]}, "information"),
        ({"information": [1.0, -1.0]}, "information"),
        ({"previous": [3.0, 2.0, 1.0]}, "previous"),
        ({"previous": [0.0]}, "previous"),
        ({"alpha": 1.0}, "alpha"),
        ({"alpha": 0.6, "sides": 1}, "alpha"),
        ({"sides": 3}, "sides"),
        ({"rho": 2.0}, "rho"),
    ],
)
def test_impossible_boundaries_are_refused(
    arguments: dict[str, object], argument: str
) -> None:
    asked: dict[str, object] = {"fractions": [0.5, 1.0], "spending": OBF, "alpha": 0.05}
    with pytest.raises(InvalidArgument) as caught:
        boundary(**(asked | arguments))  # type: ignore[arg-type]
    assert caught.value.argument == argument


def test_impossible_questions_to_a_boundary_are_refused() -> None:
    plan: Boundary = boundary([1.0], spending=OBF, alpha=0.05)
    with pytest.raises(InvalidArgument, match="drift"):
        crossing(plan, drift=math.inf)
    with pytest.raises(InvalidArgument, match="looks"):
        inflation(OBF, 0, alpha=0.05, power=0.8)
    with pytest.raises(InvalidArgument, match="power"):
        inflation(OBF, 5, alpha=0.05, power=0.04)
    with pytest.raises(InvalidArgument, match="critical"):
        applied([0.5, 1.0], [2.0])
