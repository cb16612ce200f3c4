"""Sequences of intervals: one error rate for a hundred looks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from experiments.statistics.always_valid import (
    asymptotic_sequence,
    asymptotic_sequences,
    harm_bound,
)
from experiments.statistics.directions import Better
from experiments.statistics.errors import InvalidArgument, StatisticsError, TooFewUnits

values = some.floats(-10, 10)
errors = some.floats(0.01, 10)
units = some.integers(2, 10**6)


def width(n: int, tuning: float, alpha: float) -> float:
    """Half the interval for a unit variance, as theorem 2.2 states it."""
    scaled = n * tuning + 1.0
    return math.sqrt(
        2.0 * scaled / (n**2 * tuning) * math.log(math.sqrt(scaled) / alpha)
    )


@given(values, errors, units, units, some.floats(0.001, 0.5))
def test_the_interval_is_the_theorems(
    value: float, error: float, n: int, planned: int, alpha: float
) -> None:
    tuning = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / planned
    half = error * math.sqrt(n) * width(n, tuning, alpha)
    found = asymptotic_sequence(value, error, n=n, planned=planned, alpha=alpha)
    assert found.high - found.low == pytest.approx(2 * half, rel=1e-9)
    assert found.critical == pytest.approx(half / error, rel=1e-9)


@given(values, errors, units)
def test_interval_p_and_evidence_say_the_same(
    value: float, error: float, n: int
) -> None:
    found = asymptotic_sequence(value, error, n=n, planned=5000, alpha=0.05)
    outside = not found.low <= 0.0 <= found.high
    assert outside == (found.p_value < 0.05)
    assert outside == (found.log_evalue > -math.log(0.05))


@given(values, errors, units)
def test_swapping_the_arms_turns_the_sign(value: float, error: float, n: int) -> None:
    one, other = (
        asymptotic_sequence(sign * value, error, n=n, planned=900, alpha=0.05)
        for sign in (1.0, -1.0)
    )
    assert (one.low, one.high) == (-other.high, -other.low)
    assert one.p_value == other.p_value
    alarms = [
        harm_bound(s * value, error, n=n, planned=900, alpha=0.05, better=better)
        for s, better in ((1.0, Better.HIGHER), (-1.0, Better.LOWER))
    ]
    assert alarms[0].bound == -alarms[1].bound
    assert alarms[0].p_value == alarms[1].p_value


def test_many_looks_at_once_are_each_as_alone() -> None:
    n = np.array([100.0, 500.0, 1000.0])
    value, error = np.array([0.5, -0.2, 0.1]), np.array([0.2, 0.1, 0.01])
    many = asymptotic_sequences(value, error, n, planned=800, alpha=0.05)
    for row in range(3):
        one = asymptotic_sequence(
            float(value[row]), float(error[row]), n=int(n[row]), planned=800, alpha=0.05
        )
        assert (one.low, one.high) == (many.low[row], many.high[row])
        assert one.p_value == many.p_value[row]


def test_at_the_plan_it_is_half_as_wide_again_as_one_look() -> None:
    found = asymptotic_sequence(0.0, 1.0, n=5000, planned=5000, alpha=0.05)
    assert found.critical / 1.959964 == pytest.approx(1.55, abs=0.01)
    elsewhere = [
        asymptotic_sequence(0.0, 1.0, n=n, planned=5000, alpha=0.05).critical
        for n in (500, 50_000)
    ]
    assert found.critical < min(elsewhere)


def test_the_smallest_p_stays() -> None:
    found = asymptotic_sequence(
        0.1, 1.0, n=100, planned=100, alpha=0.05, previous=0.003
    )
    assert found.p_value == 0.003
    alarm = harm_bound(
        0.1,
        1.0,
        n=100,
        planned=100,
        alpha=0.05,
        better=Better.HIGHER,
        previous=0.2,
    )
    assert alarm.p_value == 0.2


def test_p_does_not_reach_zero() -> None:
    found = asymptotic_sequence(1e6, 1.0, n=1000, planned=1000, alpha=0.05)
    assert 0.0 < found.p_value < 1e-300
    alarm = harm_bound(
        -1e6, 1.0, n=1000, planned=1000, alpha=0.05, better=Better.HIGHER
    )
    assert 0.0 < alarm.p_value < 1e-300


@given(values, errors, units)
def test_the_alarm_rings_exactly_where_the_best_case_is_a_harm(
    value: float, error: float, n: int
) -> None:
    found = harm_bound(value, error, n=n, planned=700, alpha=0.05, better=Better.HIGHER)
    assert found.harmed == (found.bound < 0.0) == (found.p_value < 0.05)


def test_a_gain_is_no_evidence_of_harm() -> None:
    found = harm_bound(3.0, 1.0, n=99, planned=99, alpha=0.05, better=Better.HIGHER)
    assert found.p_value == 1.0


def test_without_an_effect_few_sequences_ever_miss() -> None:
    """A hundred looks, the first at 50 units in each arm; values from rare events."""
    runs, looks, step = 2000, 100, 50
    generator = np.random.default_rng(17)
    sums = generator.binomial(step, 0.1, (2, runs, looks)).cumsum(axis=2)
    n = step * np.arange(1.0, looks + 1)
    shares = sums / n
    variance = (shares * (1 - shares) / (n - 1)).sum(axis=0)
    difference = shares[1] - shares[0]
    found = asymptotic_sequences(
        difference.ravel(),
        np.sqrt(variance).ravel(),
        np.tile(2 * n, runs),
        planned=2 * looks * step,
        alpha=0.05,
    )
    missed = (found.low > 0.0) | (found.high < 0.0)
    assert 0.005 <= missed.reshape(runs, looks).any(axis=1).mean() <= 0.056


@pytest.mark.parametrize(
    ("arguments", "argument", "error"),
    [
        ({"difference_value": math.nan}, "difference_value", InvalidArgument),
        ({"standard_error": 0.0}, "standard_error", InvalidArgument),
        ({"n": 1}, "n", TooFewUnits),
        ({"planned": 1}, "planned", TooFewUnits),
        ({"alpha": 1.0}, "alpha", InvalidArgument),
        ({"previous": 0.0}, "previous", InvalidArgument),
    ],
)
def test_impossible_looks_are_refused(
    arguments: dict[str, float], argument: str, error: type[StatisticsError]
) -> None:
    asked = {"difference_value": 1.0, "standard_error": 1.0, "n": 50, "planned": 90,
             "alpha": 0.05} | arguments  # fmt: skip
    with pytest.raises(error) as caught:
        asymptotic_sequence(**asked)  # type: ignore[arg-type]
    assert caught.value.argument == argument
    with pytest.raises(error) as caught:
        harm_bound(better=Better.HIGHER, **asked)  # type: ignore[arg-type]
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("value", "error", "n"),
    [
        ([1.0, 2.0], [1.0], [50.0]),
        ([math.inf], [1.0], [50.0]),
        ([1.0], [0.0], [50.0]),
        ([1e200], [1e-200], [50.0]),
        ([1.0], [1.0], [1.0]),
    ],
)
def test_impossible_rows_are_refused(
    value: list[float], error: list[float], n: list[float]
) -> None:
    with pytest.raises(StatisticsError):
        asymptotic_sequences(
            np.array(value), np.array(error), np.array(n), planned=50, alpha=0.05
        )


def test_a_harm_of_too_many_errors_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="standard_error"):
        harm_bound(1e70, 1e-70, n=9, planned=9, alpha=0.05, better=Better.LOWER)
    with pytest.raises(InvalidArgument, match="alpha"):
        harm_bound(1.0, 1.0, n=9, planned=9, alpha=0.5, better=Better.LOWER)
