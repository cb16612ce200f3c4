"""Anytime-valid regression: against the integral, least squares and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import integrate, stats

from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.mixtures import normal_mixture_log_evalue
from experiments.statistics.regression import (
    joint_log_evalue,
    regression_sequence,
    regression_sequences,
)


def log_evidence(statistic: float, degrees: float, squares: float) -> float:
    found = regression_sequences(
        np.array([statistic]),
        np.array([degrees]),
        np.array([squares]),
        precision=0.5,
        alpha=0.05,
    )
    return float(found.log_evalue[0])


def rows(n: int, seed: int) -> Floats:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((n, 3))
    y = 1.0 + x @ np.array([0.0, 0.4, -0.2]) + draw.standard_normal(n)
    return np.column_stack([y, x])


@pytest.mark.parametrize("degrees", [1, 2, 5, 40])
def test_without_an_effect_evidence_averages_one(degrees: int) -> None:
    def weighted(statistic: float) -> float:
        found: float = stats.t.pdf(statistic, degrees)
        return math.exp(log_evidence(statistic, degrees, 7.0)) * found

    total = 2.0 * integrate.quad(weighted, 0.0, np.inf, limit=500)[0]
    assert total == pytest.approx(1.0, abs=1e-8)


def test_estimates_and_errors_are_those_of_least_squares() -> None:
    values = rows(50, 3)
    design = np.column_stack([np.ones(50), values[:, 1:]])
    beta, left, _, _ = np.linalg.lstsq(design, values[:, 0], rcond=None)
    errors = np.sqrt(left[0] / 46.0 * np.diagonal(np.linalg.inv(design.T @ design)))
    found = regression_sequence(Moments.of(values), precision=1.0, alpha=0.05)
    assert [each.value for each in found] == pytest.approx(beta, rel=1e-10)
    assert [each.standard_error for each in found] == pytest.approx(errors, rel=1e-10)


@given(
    some.integers(0, 10_000),
    some.floats(0.01, 100.0),
    some.sampled_from([0.001, 0.05, 0.5]),
)
def test_an_interval_excludes_zero_exactly_where_evidence_reaches_its_level(
    seed: int, precision: float, alpha: float
) -> None:
    found = regression_sequence(
        Moments.of(rows(30, seed)), precision=precision, alpha=alpha
    )
    for each in found:
        low, high = (-math.inf, math.inf) if each.low is None else (each.low, each.high)
        assert high is not None
        excluded = not low <= 0.0 <= high
        assert excluded == (each.log_evalue > -math.log(alpha))
        assert each.p_value == pytest.approx(min(1.0, math.exp(-each.log_evalue)))


def test_many_units_read_as_the_normal_mixture() -> None:
    """With the residual variance known, it is Robbins' mixture of S = x'y."""
    squares, statistic = 300.0, 2.2
    known = normal_mixture_log_evalue(
        statistic * math.sqrt(squares), squares, precision=0.5, one_sided=False
    )
    assert log_evidence(statistic, 1e9, squares) == pytest.approx(known, rel=1e-6)


def test_one_tested_column_is_the_coefficient_alone() -> None:
    moments = Moments.of(rows(40, 5))
    each = regression_sequence(moments, precision=2.0, alpha=0.05)
    for column in (1, 2, 3):
        joint = joint_log_evalue(moments, [column], precision=2.0)
        assert joint == pytest.approx(each[column].log_evalue, rel=1e-10)


def test_joint_evidence_is_the_ratio_of_the_marginal_likelihoods() -> None:
    """Unit values: y is t-distributed around 0 in the residual space of the others."""
    values, precision, tested = rows(25, 8), 1.5, [1, 3]
    y, x = values[:, 0], values[:, 1:]
    others = np.column_stack([np.ones(25), x[:, 1]])
    basis = np.linalg.qr(others, mode="complete")[0][:, 2:]
    outcome, columns = basis.T @ y, basis.T @ x[:, [0, 2]]
    spread = np.eye(23) + columns @ columns.T / precision
    known = -0.5 * float(np.linalg.slogdet(spread)[1])
    ratio = (outcome @ outcome) / (outcome @ np.linalg.solve(spread, outcome))
    known += 23 / 2.0 * math.log(ratio)
    found = joint_log_evalue(Moments.of(values), tested, precision=precision)
    assert found == pytest.approx(known, rel=1e-9)


def test_joint_evidence_is_rarely_large_without_an_effect() -> None:
    draw = np.random.default_rng(2)
    runs, hits = 400, 0
    for _ in range(runs):
        values = draw.standard_normal((60, 3))
        looks = (
            joint_log_evalue(Moments.of(values[:n]), [1, 2], precision=10.0)
            for n in (10, 20, 40, 60)
        )
        hits += max(looks) > math.log(20.0)
    assert hits <= 0.05 * runs + 4.0 * math.sqrt(0.05 * 0.95 * runs)


def test_so_few_units_bound_nothing_yet() -> None:
    found = regression_sequence(Moments.of(rows(6, 1)), precision=1e6, alpha=0.001)
    assert found[1].low is None
    assert found[1].high is None


def test_what_no_regression_can_have_is_refused() -> None:
    moments = Moments.of(rows(20, 1))
    with pytest.raises(TooFewUnits):
        regression_sequence(Moments.of(rows(4, 1)), precision=1.0, alpha=0.05)
    line = Moments.of(np.column_stack([np.arange(9.0), np.arange(9.0)]))
    with pytest.raises(NoVariation):
        regression_sequence(line, precision=1.0, alpha=0.05)
    same = rows(20, 1)
    same[:, 3] = same[:, 2]
    with pytest.raises(InvalidArgument, match="moments"):
        regression_sequence(Moments.of(same), precision=1.0, alpha=0.05)
    with pytest.raises(InvalidArgument, match="precision"):
        regression_sequence(moments, precision=0.0, alpha=0.05)
    with pytest.raises(InvalidArgument, match="alpha"):
        regression_sequence(moments, precision=1.0, alpha=1.0)
    for columns in ([], [1, 1], [0], [4]):
        with pytest.raises(InvalidArgument, match="columns"):
            joint_log_evalue(moments, columns, precision=1.0)


@pytest.mark.parametrize(
    ("statistics", "degrees", "squares", "named"),
    [
        ([1.0, 2.0], [5.0], [1.0], "squares"),
        ([math.nan], [5.0], [1.0], "statistics"),
        ([1.0], [0.0], [1.0], "squares"),
        ([1.0], [5.0], [math.inf], "squares"),
    ],
)
def test_rows_that_do_not_fit_are_refused(
    statistics: list[float], degrees: list[float], squares: list[float], named: str
) -> None:
    with pytest.raises(InvalidArgument, match=named):
        regression_sequences(
            np.array(statistics),
            np.array(degrees),
            np.array(squares),
            precision=1.0,
            alpha=0.05,
        )


def test_evidence_beyond_the_range_of_numbers_is_no_error() -> None:
    assert math.isfinite(log_evidence(1e200, 50.0, 7.0))
    assert log_evidence(-3.0, 50.0, 7.0) == log_evidence(3.0, 50.0, 7.0)
