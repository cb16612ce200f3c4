"""How the reference cases of estimators are run, and which fields differ and why."""

import math
from collections.abc import Callable

import pytest

from experiments.statistics import relative
from experiments.statistics.adjustment import Adjusted, ancova, cuped, lin
from experiments.statistics.clusters import cluster_robust
from experiments.statistics.crossproducts import Moments
from experiments.statistics.errors import NoisyDenominator
from experiments.statistics.heterogeneity import Effect, heterogeneity
from experiments.statistics.means import welch
from experiments.statistics.ratio_adjustment import ratio_cuped
from experiments.statistics.ratios import delta, ratio
from experiments.statistics.samples import Estimate, Sample
from experiments.statistics.stratification import post_stratified
from tests.experiments.statistics.reference_file import (
    ARMS,
    Case,
    close,
    mean_of,
    moments_of,
    pair_of,
    proportion_of,
)


def check_log_delta(case: Case, control: Estimate, treatment: Estimate) -> None:
    """The interval on the logarithmic scale; a noisy control is refused, by ours."""
    if abs(control.value) <= 5.0 * control.standard_error:
        with pytest.raises(NoisyDenominator):
            relative.log_delta(control, treatment, confidence=0.95)
        return
    lift = relative.log_delta(control, treatment, confidence=0.95)
    if "rel" in case["expected"]:
        close(case, rel=lift.value or 0.0)
    assert (lift.low, lift.high) == pytest.approx(
        case["expected"]["rel_ci95_log_delta"], rel=case["tol"]
    )


def run_adjusted(case: Case) -> None:
    found = cuped(*_adjustable(case), confidence=0.95)
    _check_adjusted(case, found)


def run_adjusted_ratio(case: Case) -> None:
    arms = [moments_of(case["inputs"][a], "o1", "s1", "o0", "s0") for a in ARMS]
    _check_adjusted(case, ratio_cuped(*arms, confidence=0.95))


def run_relative_adjusted(case: Case) -> None:
    """The file divides by the control's unadjusted mean, ours by its adjusted one.

    The estimate is compared exactly after changing the divisor. The file's error takes
    the ratio of the unadjusted means for its slope: first order apart, below 2%.
    """
    arms = _adjustable(case)
    found = cuped(*arms, confidence=0.95)
    plain = float(arms[0].mean[0])
    close(case, estimate=found.difference.value / plain)
    lift = relative.delta(
        found.control,
        found.treatment,
        degrees=found.difference.degrees,
        confidence=0.95,
    )
    scaled = lift.standard_error * found.control.value / plain
    assert scaled == pytest.approx(case["expected"]["se"], rel=0.02)
    assert lift.p_value == pytest.approx(case["expected"]["p_value"], rel=0.02)


def run_lin(case: Case) -> None:
    """The file's error needs the rows (HC2): from sums it is near, as its note says."""
    found = lin(*_adjustable(case), confidence=0.95).difference
    expected = case["expected"]
    assert found.value == pytest.approx(expected["ate"], rel=1e-8)
    close(case, se_hc2=found.standard_error, p_z=found.p_value)


def run_ancova(case: Case) -> None:
    found = ancova(*_adjustable(case), confidence=0.95, equal_variances=True)
    close(
        case,
        ate=found.difference.value,
        se=found.difference.standard_error,
        p_t=found.difference.p_value,
        theta_within=found.control_slopes[0],
    )


def run_relative_mean(case: Case) -> None:
    samples = [mean_of(case["inputs"][arm]) for arm in ARMS]
    found = welch(*samples, confidence=0.95)
    _check_relative(case, [arm.estimate() for arm in samples], found.degrees)


def run_relative_proportion(case: Case) -> None:
    """The file's variance of a share lacks n/(n-1); it is taken out of ours."""
    samples = [proportion_of(case["inputs"][arm]).sample() for arm in ARMS]
    plain = [Sample(s.n, s.mean, s.deviations * (s.n - 1) / s.n) for s in samples]
    found = welch(*plain, confidence=0.95)
    _check_relative(case, [arm.estimate() for arm in plain], found.degrees)


def run_relative_ratio(case: Case) -> None:
    pairs = [pair_of(case["inputs"][arm]) for arm in ARMS]
    found = delta(*pairs, confidence=0.95)
    _check_relative(case, [ratio(pair) for pair in pairs], found.degrees)


def run_accounts(case: Case) -> None:
    """`naive_iid_se` is of people taken for independent: the mistake itself."""
    arms = []
    for name in ARMS:
        moments = moments_of(case["inputs"][name], "s", "m")
        arms.append(moments.pair())
    found = cluster_robust(*arms, confidence=0.95)
    close(
        case,
        diff=found.value,
        se_CR1=found.standard_error,
        p_t_Gminus1=found.p_value,
        se_ratio_delta=delta(*arms, confidence=0.95).standard_error,
    )
    accounts = sum(arm.n for arm in arms)
    people = sum(arm.n * arm.denominator for arm in arms)
    factor = accounts / (accounts - 1) * (people - 1) / (people - 2)
    close(case, se_CR0=found.standard_error / math.sqrt(factor))


def run_segments(case: Case) -> None:
    effects = [
        Effect.between(*(mean_of(segment[arm]).estimate() for arm in ARMS))
        for segment in case["inputs"]["segments"]
    ]
    found = heterogeneity(effects)
    assert [effect.value for effect in effects] == pytest.approx(
        case["expected"]["effects"], rel=case["tol"]
    )
    assert [effect.variance for effect in effects] == pytest.approx(
        case["expected"]["variances"], rel=case["tol"]
    )
    close(
        case,
        wald_chi2_hc2=found.statistic,
        cochran_Q=found.statistic,
        wald_p=found.p_value,
        fixed_effect=found.common,
        fixed_sd=found.common_error,
    )


def run_strata(case: Case) -> None:
    strata = [
        (mean_of(segment["control"]), mean_of(segment["treatment"]))
        for segment in case["inputs"]["segments"]
    ]
    found = post_stratified(strata, confidence=0.95).difference
    close(case, estimate=found.value, se=found.standard_error)
    assert (found.low, found.high) == pytest.approx(
        case["expected"]["ci95"], rel=case["tol"]
    )


def _adjustable(case: Case) -> list[Moments]:
    return [moments_of(case["inputs"][arm], "rev1", "rev0") for arm in ARMS]


def _check_adjusted(case: Case, found: Adjusted) -> None:
    expected, difference = case["expected"], found.difference
    value = expected.get("diff", expected.get("estimate"))
    assert difference.value == pytest.approx(value, rel=case["tol"])
    close(case, p_value=difference.p_value)
    assert (difference.low, difference.high) == pytest.approx(
        expected["ci95"], rel=case["tol"]
    )
    if "se" in expected:
        close(case, se=difference.standard_error)
    if "control" in expected:
        close(case, control=found.control.value, treatment=found.treatment.value)
        close(case, t=difference.statistic)
        check_log_delta(case, found.control, found.treatment)


def _check_relative(case: Case, arms: list[Estimate], degrees: float | None) -> None:
    found = relative.delta(arms[0], arms[1], degrees=degrees, confidence=0.95)
    close(case, estimate=found.value, p_value=found.p_value)
    assert (found.low, found.high) == pytest.approx(
        case["expected"]["ci95"], rel=case["tol"]
    )
    if "se" in case["expected"]:
        close(case, se=found.standard_error)


ESTIMATE_RUNNERS: dict[str, Callable[[Case], None]] = {
    "cuped_deng2013": run_adjusted,
    "cuped_absolute": run_adjusted,
    "cuped_relative": run_relative_adjusted,
    "ratio_cuped": run_adjusted_ratio,
    "regression_adjustment_lin2013": run_lin,
    "regression_adjustment_ancova": run_ancova,
    "relative_effect_delta": run_relative_mean,
    "welch_t_relative": run_relative_mean,
    "relative_effect_delta_proportion": run_relative_proportion,
    "ratio_delta_relative": run_relative_ratio,
    "cluster_robust_account_randomised": run_accounts,
    "heterogeneous_effect_test": run_segments,
    "post_stratification": run_strata,
}
