"""The normal mixture: against the integral that defines it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import integrate, stats

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.mixtures import (
    normal_mixture_bound,
    normal_mixture_log_evalue,
    normal_mixture_precision,
)


def mixed(total: float, variance: float, precision: float, *, one_sided: bool) -> float:
    """Mean likelihood ratio over drifts drawn from N(0, 1 / precision)."""
    spread = 1.0 / math.sqrt(variance + precision)
    peak = total * spread**2
    scale = (2.0 if one_sided else 1.0) * math.exp(
        total * peak - variance * peak**2 / 2
    )

    def integrand(drift: float) -> float:
        weight = stats.norm.pdf(drift, scale=1.0 / math.sqrt(precision))
        ratio = (drift - peak) * total - variance * (drift**2 - peak**2) / 2.0
        return float(weight * math.exp(ratio))

    low = 0.0 if one_sided else peak - 12 * spread
    high = max(peak, 0.0) + 12 * spread
    return scale * float(integrate.quad(integrand, low, high, epsabs=0, limit=400)[0])


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize(
    ("total", "variance", "precision"),
    [(30.0, 100.0, 110.0), (-5.0, 40.0, 10.0), (3.0, 400.0, 5.0), (0.0, 9.0, 2.0)],
)
def test_the_evidence_is_the_integral(
    total: float, variance: float, precision: float, one_sided: bool
) -> None:
    found = normal_mixture_log_evalue(
        total, variance, precision=precision, one_sided=one_sided
    )
    known = mixed(total, variance, precision, one_sided=one_sided)
    assert found == pytest.approx(math.log(known), abs=1e-8)


@given(some.floats(0.1, 1e6), some.floats(0.1, 1e6), some.floats(0.001, 0.4))
def test_at_the_bound_the_evidence_is_what_alpha_asks(
    variance: float, optimum: float, alpha: float
) -> None:
    for one_sided in (False, True):
        tuned = 2 * alpha if one_sided else alpha
        found = normal_mixture_log_evalue(
            normal_mixture_bound(
                variance, alpha=alpha, optimum=optimum, one_sided=one_sided
            ),
            variance,
            precision=normal_mixture_precision(optimum, alpha=tuned),
            one_sided=one_sided,
        )
        assert found == pytest.approx(-math.log(alpha), abs=1e-8)


def test_the_bound_is_tightest_where_it_was_tuned() -> None:
    def relative(optimum: float) -> float:
        return normal_mixture_bound(1000.0, alpha=0.05, optimum=optimum)

    assert relative(1000.0) < min(relative(900.0), relative(1100.0)) + 1e-2
    assert relative(1000.0) < min(relative(300.0), relative(3000.0))


def test_bounds_of_several_levels_share_one_mixture() -> None:
    """The evidence of the shared mixture is 1 / alpha at each of them."""
    precision = normal_mixture_precision(100.0, alpha=0.05)
    for alpha in (0.001, 0.05, 0.2):
        bound = normal_mixture_bound(40.0, alpha=alpha, optimum=100.0, tuned_alpha=0.05)
        found = normal_mixture_log_evalue(
            bound, 40.0, precision=precision, one_sided=False
        )
        assert found == pytest.approx(-math.log(alpha), rel=1e-12)
    with pytest.raises(InvalidArgument, match="tuned_alpha"):
        normal_mixture_bound(40.0, alpha=0.05, optimum=100.0, tuned_alpha=1.0)


def test_a_sum_without_drift_strays_rarely() -> None:
    steps = np.random.default_rng(6).normal(size=(3000, 400)).cumsum(axis=1)
    for one_sided in (False, True):
        bounds = [
            normal_mixture_bound(v, alpha=0.05, optimum=100.0, one_sided=one_sided)
            for v in range(1, 401)
        ]
        sums = steps if one_sided else np.abs(steps)
        assert 0.005 <= (sums > np.array(bounds)).any(axis=1).mean() <= 0.05


@pytest.mark.parametrize(
    "arguments", [{"variance": 0.0}, {"alpha": 0.0}, {"optimum": math.inf}]
)
def test_impossible_bounds_are_refused(arguments: dict[str, float]) -> None:
    asked = {"variance": 10.0, "alpha": 0.05, "optimum": 100.0} | arguments
    with pytest.raises(InvalidArgument) as caught:
        normal_mixture_bound(
            asked["variance"], alpha=asked["alpha"], optimum=asked["optimum"]
        )
    assert caught.value.argument == next(iter(arguments))


def test_impossible_sums_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="total"):
        normal_mixture_log_evalue(math.nan, 1.0, precision=1.0, one_sided=False)
    with pytest.raises(InvalidArgument, match="precision"):
        normal_mixture_log_evalue(1.0, 1.0, precision=0.0, one_sided=False)
