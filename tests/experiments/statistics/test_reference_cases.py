"""Cases computed by independent implementations, where their file is at hand.

Every case of a method that exists here is run; the others are listed in OTHER_METHODS,
so that a new kind of case cannot be passed over in silence.

Where a field of a case is not compared, its runner says why:

* Newcombe, Wald and Agresti-Caffo intervals, and p of the pooled z: ours is the score
  interval of Miettinen and Nurminen, with its factor N/(N-1), or Welch's on 0 and 1
  where all four cells hold ten. Both are compared with the file after taking the
  factor out, or within the distance that the factor and Student's t make;
* exact tests by counting tables (Fisher, Barnard, Boschloo): not built;
* a t-based or plain interval of one NPS: ours is the adjusted Wald;
* a cap at x[n-k-1], as scipy's winsorize cuts: ours is the order statistic 'higher',
  one rank above; both are looked up in the same sorted values.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest

from experiments.statistics.caps import quantile_cap
from experiments.statistics.means import welch
from experiments.statistics.moments import sample
from experiments.statistics.multiplicity import holm
from experiments.statistics.nps import Answers, compare, net_promoter_score
from experiments.statistics.power import (
    NullVariance,
    units_for_means,
    units_for_proportions,
)
from experiments.statistics.proportions import compare as compare_proportions
from experiments.statistics.proportions import score
from experiments.statistics.ratios import delta, ratio
from experiments.statistics.relative import fieller
from experiments.statistics.srm import sample_ratio
from tests.experiments.statistics.curve_cases import CURVE_RUNNERS
from tests.experiments.statistics.estimate_cases import (
    ESTIMATE_RUNNERS,
    check_log_delta,
)
from tests.experiments.statistics.reference_file import (
    CASES,
    FILE,
    Case,
    close,
    mean_of,
    pair_of,
    proportion_of,
)
from tests.experiments.statistics.sequence_cases import SEQUENCE_RUNNERS

OTHER_METHODS = {
    "bernoulli_confidence_sequence": "asymptotic sequences cover proportions",
    "confounder_stratified_odds_ratio": "leading indicators come later",
    "leading_indicator_2x2": "leading indicators come later",
    "logistic_regression_fdr": "leading indicators come later",
    "multinomial_simultaneous_ci": "not planned",
    "multiplicity_bonferroni": "Holm is never worse",
    "multiplicity_fdr_by": "not planned",
    "multiplicity_fdr_tsbh": "not planned",
    "multiplicity_holm-sidak": "needs independence",
    "multiplicity_hommel": "not planned",
    "multiplicity_sidak": "needs independence",
    "multiplicity_simes-hochberg": "not planned",
    "stitched_bound": "the normal mixture is the bound in use",
    "thompson_best_arm_probability": "not planned",
}


def run_welch(case: Case) -> None:
    arms = [mean_of(case["inputs"][name]) for name in ("control", "treatment")]
    found = welch(*arms, confidence=0.95)
    expected = case["expected"]
    close(case, p_value=found.p_value)
    if "t" in expected:
        close(case, t=found.statistic)
    value = expected.get("diff", expected.get("estimate"))
    assert found.value == pytest.approx(value, rel=case["tol"])
    assert (found.low, found.high) == pytest.approx(expected["ci95"], rel=case["tol"])
    if "rel_ci95_log_delta" in expected:
        check_log_delta(case, *(arm.estimate() for arm in arms))


def run_near_welch(case: Case) -> None:
    """Spotify's p from a normal, or with pooled degrees: near, not equal."""
    arms = [mean_of(case["inputs"][name]) for name in ("control", "treatment")]
    found = welch(*arms, confidence=0.95)
    close(case, diff=found.value)
    assert found.p_value == pytest.approx(case["expected"]["p_value"], rel=5e-3)
    assert (found.low, found.high) == pytest.approx(case["expected"]["ci95"], rel=6e-3)


def run_shifted(case: Case) -> None:
    """Rows of 1e9 and a variance of 1, in exact steps of 1e-6."""
    generator = np.random.default_rng(11)
    rows = [
        1e9 + generator.normal(0, 1, 5000),
        1e9 + 0.1 + generator.normal(0, 1, 5000),
    ]
    steps = 1_000_000
    arms = []
    for values in rows:
        whole = [round(float(v) * steps) for v in values]
        arms.append(
            sample(
                n=5000, total=sum(whole), squares=sum(v * v for v in whole), steps=steps
            )
        )
    found = welch(*arms, confidence=0.95)
    close(case, t=found.statistic, p_value=found.p_value)


def run_merge(case: Case) -> None:
    parts = case["inputs"]["parts"]
    found = sample(
        n=sum(part["n"] for part in parts),
        total=sum(part["sum"] for part in parts),
        squares=sum(part["sumsq"] for part in parts),
        steps=1,
    )
    close(case, n=found.n, mean=found.mean, var=found.variance)


def run_proportions(case: Case) -> None:
    """`p_score` and `diff_ci95_score` are the score test's."""
    control, treatment = (
        proportion_of(case["inputs"][name]) for name in ("control", "treatment")
    )
    expected = case["expected"]
    found = score(control, treatment, confidence=0.95)
    total = control.n + treatment.n
    without_factor = found.statistic * math.sqrt(total / (total - 1))
    assert without_factor == pytest.approx(expected["z_pooled"], rel=case["tol"])
    if "diff_ci95_score" in expected:
        assert (found.low, found.high) == pytest.approx(
            expected["diff_ci95_score"], rel=2e-4
        )
    ours = compare_proportions(control, treatment, confidence=0.95)
    scale = found.standard_error
    assert ours.low == pytest.approx(expected["diff_ci95_newcombe"][0], abs=0.2 * scale)
    assert ours.high == pytest.approx(
        expected["diff_ci95_newcombe"][1], abs=0.2 * scale
    )


def run_chi_square_proportions(case: Case) -> None:
    """Pooled chi-square: the score test without its factor."""
    control, treatment = (
        proportion_of(case["inputs"][name]) for name in ("control", "treatment")
    )
    found = score(control, treatment, confidence=0.95)
    close(case, diff=found.value)
    assert found.p_value == pytest.approx(case["expected"]["p_value"], rel=1e-3)
    ours = compare_proportions(control, treatment, confidence=0.95)
    assert (ours.low, ours.high) == pytest.approx(case["expected"]["ci95"], rel=5e-3)


def run_ratio(case: Case) -> None:
    control, treatment = (
        pair_of(case["inputs"][name]) for name in ("control", "treatment")
    )
    found = delta(control, treatment, confidence=0.95)
    expected = case["expected"]
    close(case, p_value=found.p_value)
    value = expected.get("diff", expected.get("estimate"))
    assert found.value == pytest.approx(value, rel=case["tol"])
    assert (found.low, found.high) == pytest.approx(expected["ci95"], rel=case["tol"])
    if "rel_ci95_log_delta" in expected:
        check_log_delta(case, ratio(control), ratio(treatment))


def run_fieller(case: Case) -> None:
    """The file inverts a z-test."""
    control, treatment = (
        mean_of(case["inputs"][name]).estimate() for name in ("control", "treatment")
    )
    lift = fieller(control, treatment, critical=1.959963984540054)
    assert (lift.low, lift.high) == pytest.approx(
        case["expected"]["rel_ci95"], rel=case["tol"]
    )


def run_srm(case: Case) -> None:
    found = sample_ratio(case["inputs"]["observed"], case["inputs"]["weights"])
    close(case, p=found.p_value)
    if "chi2" in case["expected"]:
        close(case, chi2=found.statistic)


def run_nps(case: Case) -> None:
    a, b = (
        Answers(group["detractors"], group["passives"], group["promoters"])
        for group in (case["inputs"]["a"], case["inputs"]["b"])
    )
    found = compare(a, b, confidence=0.95)
    close(case, diff=found.value, p_z=found.p_value)
    assert (found.low, found.high) == pytest.approx(
        case["expected"]["diff_ci95"], rel=case["tol"]
    )
    close(case, nps_a=net_promoter_score(a, confidence=0.95).value)
    own = net_promoter_score(b, confidence=0.95)
    close(case, nps_b=own.value)
    low, high = case["expected"]["ci95_b_z"]
    assert own.low == pytest.approx(low, abs=0.4 * (high - low) / 2)
    assert own.high == pytest.approx(high, abs=0.4 * (high - low) / 2)


def run_evan_miller(case: Case) -> None:
    inputs = case["inputs"]
    found = units_for_proportions(
        baseline=inputs["p1"],
        minimum_effect=inputs["mde_abs"],
        alpha=inputs["alpha"],
        power=inputs["power"],
        null_variance=NullVariance.CONTROL,
    )
    close(case, n_per_arm=found)


def run_units(case: Case) -> None:
    """`n1_z` is the normal formula; Student's t needs one unit more."""
    inputs = case["inputs"]
    found = units_for_means(
        control_variance=1.0,
        treatment_variance=1.0,
        minimum_effect=inputs["d"],
        alpha=inputs["alpha"],
        power=inputs["power"],
        ratio=inputs["ratio"],
    )
    assert found == math.ceil(case["expected"]["n1_z"])


def run_relative_units(case: Case) -> None:
    inputs = case["inputs"]
    found = units_for_means(
        control_variance=inputs["var"],
        treatment_variance=inputs["var"],
        minimum_effect=inputs["rel_mde"] * inputs["mean"],
        alpha=inputs["alpha"],
        power=inputs["power"],
        ratio=inputs["ratio"],
    )
    assert 2 * found == pytest.approx(case["expected"]["n_total"], rel=2e-3)


def run_spotify_units(case: Case) -> None:
    """The answer is a printed tuple; its array holds the units per arm."""
    inputs = case["inputs"]
    share = inputs.get("p")
    variance = inputs.get("baseline_variance") or share * (1 - share)
    found = units_for_means(
        control_variance=variance,
        treatment_variance=variance,
        minimum_effect=inputs.get("average_absolute_mde") or inputs["mde"],
        alpha=inputs["alpha"],
        power=inputs["power"],
        ratio=1.0,
    )
    assert f"array([{found}, {found}])" in case["expected"]["n"]


def run_winsorize(case: Case) -> None:
    """Ours is one rank above scipy's cut, where numpy's interpolation ends."""
    values = np.random.default_rng(61).lognormal(2, 1.2, 1000)
    ordered = np.sort(values)
    rank = int(np.searchsorted(ordered, case["expected"]["cap"]))
    steps = np.round(values * 1_000_000).astype(np.int64)
    found = quantile_cap(steps, quantile=0.99) / 1_000_000
    assert found == pytest.approx(float(ordered[rank + 1]), abs=1e-6)
    assert found >= case["expected"]["numpy_quantile_99"]


def run_holm(case: Case) -> None:
    found = holm(case["inputs"]["p"], alpha=case["inputs"]["alpha"])
    assert [a.p_value for a in found] == pytest.approx(
        case["expected"]["adjusted"], rel=1e-12
    )


RUNNERS: dict[str, Callable[[Case], None]] = {
    **CURVE_RUNNERS,
    **ESTIMATE_RUNNERS,
    **SEQUENCE_RUNNERS,
    "welch_t": run_welch,
    "welch_t_absolute": run_welch,
    "mean_z_test": run_near_welch,
    "mean_t_test": run_near_welch,
    "welch_t_numeric_stability": run_shifted,
    "mergeable_moments": run_merge,
    "two_proportions": run_proportions,
    "two_proportions_chi2": run_chi_square_proportions,
    "ratio_delta_deng2018": run_ratio,
    "ratio_delta_absolute": run_ratio,
    "relative_effect_fieller": run_fieller,
    "srm_chi_square": run_srm,
    "nps_ci_and_compare": run_nps,
    "sample_size_proportions_evan_miller": run_evan_miller,
    "sample_size_t": run_units,
    "sample_size_relative_mde": run_relative_units,
    "sample_size_mean": run_spotify_units,
    "sample_size_proportion": run_spotify_units,
    "winsorize": run_winsorize,
    "multiplicity_holm": run_holm,
}


@pytest.mark.skipif(not CASES, reason=f"no reference cases at {FILE}")
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case["method"] in RUNNERS],
    ids=lambda case: str(case["id"]),
)
def test_a_reference_case_comes_out(case: Case) -> None:
    RUNNERS[case["method"]](case)


@pytest.mark.skipif(not CASES, reason=f"no reference cases at {FILE}")
def test_every_case_is_run_or_its_method_is_listed() -> None:
    unknown = {case["method"] for case in CASES} - set(RUNNERS) - set(OTHER_METHODS)
    assert not unknown
    assert not set(RUNNERS) & set(OTHER_METHODS)
