"""How the reference cases of sequences, priors, margins and plans are run."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from experiments.statistics.always_valid import asymptotic_sequence, harm_bound
from experiments.statistics.bayes import Prior, posterior, share_belief
from experiments.statistics.boundaries import applied, boundary
from experiments.statistics.crossproducts import Moments
from experiments.statistics.directions import Better
from experiments.statistics.factors import arcsine_effect
from experiments.statistics.inferiority import (
    against_margin,
    proportions_against_margin,
    score_against_margin,
)
from experiments.statistics.means import welch
from experiments.statistics.minimum_effects import minimum_effect_of_means
from experiments.statistics.mixtures import (
    normal_mixture_bound,
    normal_mixture_log_evalue,
    normal_mixture_precision,
)
from experiments.statistics.multiplicity import benjamini_hochberg
from experiments.statistics.power import (
    NullVariance,
    power_of_means,
    power_of_proportions,
    units_for_means,
    units_for_proportions,
)
from experiments.statistics.regression import regression_sequence, regression_sequences
from experiments.statistics.spending import Spending
from experiments.statistics.srm import sequential_sample_ratio
from tests.experiments.statistics.reference_file import (
    Case,
    close,
    mean_of,
    proportion_of,
)


def unrounded(arm: dict[str, Any]) -> tuple[int, float, float]:
    """Units, mean and variance of the mean, from raw sums."""
    found = mean_of(arm).estimate()
    return found.n, found.value, found.variance


def difference_of(case: Case, *, relative: bool) -> tuple[int, float, float]:
    """Units, difference and standard error; relative by the delta method."""
    n, first, own = unrounded(case["inputs"]["control"])
    m, second, other = unrounded(case["inputs"]["treatment"])
    if not relative:
        return n + m, second - first, math.sqrt(own + other)
    variance = other / first**2 + own * second**2 / first**4
    return n + m, second / first - 1.0, math.sqrt(variance)


def run_spending(case: Case) -> None:
    """Below 1e-5, the cross-check's grid is off by up to 4e-4 (5.8155 for 5.8153).

    The first real look spends what one look would, so its critical value is a normal
    quantile and known exactly; beyond 5 the probabilities are compared instead.
    """
    inputs, expected = case["inputs"], case["expected"]
    shapes = {"lan_demets_obf": Spending.OBRIEN_FLEMING,
              "lan_demets_pocock": Spending.POCOCK,
              "lan_demets_power_family": Spending.POWER}  # fmt: skip
    sides = inputs.get("sides", 2 if "alpha_two_sided" in inputs else 1)
    names = ("alpha_two_sided", "alpha_one_sided", "alpha")
    found = boundary(
        inputs["info"],
        spending=shapes[case["method"]],
        alpha=next(inputs[name] for name in names if name in inputs),
        rho=inputs.get("rho"),
        sides=sides,
    )
    tolerance = {case["tol_kind"]: case["tol"]}
    for ours, theirs in zip(found.critical, expected["z"], strict=True):
        assert ours is not None
        if theirs < 5.0:
            assert ours == pytest.approx(theirs, **tolerance)
        assert ours == pytest.approx(theirs, rel=1e-4)
    if "cum_alpha" in expected:
        assert np.cumsum(found.alphas) == pytest.approx(expected["cum_alpha"], abs=1e-9)


def run_classical(case: Case) -> None:
    """Constant boundaries of the published constants use 5%, as far as they tell."""
    expected = case["expected"]
    for looks, pocock, fleming in zip(
        case["inputs"]["K"], expected["C_pocock"], expected["C_obf"], strict=True
    ):
        steps = [(look + 1) / looks for look in range(looks)]
        flat = [[pocock + off] * looks for off in (case["tol"], -case["tol"])]
        steep = [
            [(fleming + off) / math.sqrt(step) for step in steps]
            for off in (case["tol"], -case["tol"])
        ]
        for over, under in (flat, steep):
            assert applied(steps, over).spent < 0.05 < applied(steps, under).spent


def run_peeking(case: Case) -> None:
    for looks, wrong in zip(
        case["inputs"]["looks"], case["expected"]["type1"], strict=True
    ):
        steps = [(look + 1) / looks for look in range(looks)]
        found = applied(steps, [1.959963984540054] * looks)
        assert found.spent == pytest.approx(wrong, abs=case["tol"])


def run_asymptotic(case: Case) -> None:
    relative = case["method"] == "asymptotic_cs_relative"
    n, value, error = difference_of(case, relative=relative)
    found = asymptotic_sequence(
        value,
        error,
        n=n,
        planned=case["inputs"]["tuning_n"],
        alpha=case["inputs"]["alpha"],
    )
    close(case, p_value=found.p_value)
    interval = case["expected"].get("ci", case["expected"].get("ci95"))
    assert (found.low, found.high) == pytest.approx(interval, rel=case["tol"])
    assert value == pytest.approx(case["expected"].get("estimate", value), rel=1e-9)


def run_one_sided_asymptotic(case: Case) -> None:
    """Theirs asks for a gain, ours for a harm: the same, with the sign turned.

    Their p ends a bisection as soon as its interval's end is within 1e-6 or so of zero;
    ours is solved, and the bound at it is zero.
    """
    n, value, error = difference_of(case, relative=False)
    inputs = case["inputs"]
    found = harm_bound(
        -value,
        error,
        n=n,
        planned=inputs["tuning_n"],
        alpha=inputs["alpha"],
        better=Better.HIGHER,
    )
    close(case, lower=-found.bound)
    assert found.p_value == pytest.approx(case["expected"]["p_value"], rel=2e-3)


def run_mixture_bound(case: Case) -> None:
    inputs = case["inputs"]
    for name, one_sided in (("bound", False), ("bound_one_sided", True)):
        found = normal_mixture_bound(
            inputs["v"],
            alpha=inputs["alpha"],
            optimum=inputs["v_opt"],
            one_sided=one_sided,
            tuned_alpha=inputs["alpha_opt"],
        )
        close(case, **{name: found})


def run_mixture_evidence(case: Case) -> None:
    inputs = case["inputs"]
    precision = normal_mixture_precision(inputs["v_opt"], alpha=inputs["alpha_opt"])
    found = normal_mixture_log_evalue(
        inputs["s"], inputs["v"], precision=precision, one_sided=False
    )
    close(case, log_e=found)


def run_sequential_srm(case: Case) -> None:
    """Theirs leaves p above 1 where there is evidence for the split; ours ends at 1."""
    inputs, expected = case["inputs"], case["expected"]
    found = sequential_sample_ratio(
        np.cumsum(inputs["batches"], axis=0),
        inputs["theta0"],
        concentration=inputs["concentration"],
    )
    each = np.exp(-found.log_evalue)
    assert np.minimum(each, 1.0) == pytest.approx(
        np.minimum(expected["p_each"], 1.0), rel=case["tol"]
    )
    assert found.p_value == pytest.approx(
        np.minimum(expected["p_running_min"], 1.0), rel=case["tol"]
    )


def run_posterior(case: Case) -> None:
    """A relative prior is taken into the metric's unit by the control's mean."""
    inputs, expected = case["inputs"], case["expected"]
    relative = "relative" in (inputs.get("difference"), case["id"].split("_")[2])
    _, value, error = difference_of(case, relative=relative)
    given, prior = inputs["prior"], None
    if isinstance(given, dict) and given["proper"]:
        prior = Prior(given["mean"], given["sd"])
        if given["type"] == "relative" and not relative:
            prior = prior.of_share(mean_of(inputs["control"]).mean)
    found = posterior(value, error, prior=prior, better=Better.HIGHER, confidence=0.95)
    close(case, chance_to_win=found.chance_to_win, expected=found.mean)
    assert (found.low, found.high) == pytest.approx(expected["ci95"], rel=case["tol"])
    assert (found.control_loss, found.treatment_loss) == pytest.approx(
        expected["risk"], rel=case["tol"]
    )
    if "sd" in expected:
        close(case, sd=found.deviation)


def run_share_belief(case: Case) -> None:
    arms = [proportion_of(case["inputs"][name]) for name in ("control", "treatment")]
    a, b = case["inputs"]["prior"]
    found = share_belief(*arms, prior=(a, b), better=Better.HIGHER)
    close(
        case,
        p_b_beats_a=found.chance_to_win,
        expected_loss_ship_b=found.treatment_loss,
    )


def run_discoveries(case: Case) -> None:
    found = benjamini_hochberg(
        case["inputs"]["p"], alpha=case["inputs"].get("alpha", 0.05)
    )
    assert [a.p_value for a in found] == pytest.approx(
        case["expected"]["adjusted"], rel=case["tol"]
    )


def run_mean_margin(case: Case) -> None:
    """Equivalence (`tost_p`) is the worse of both directions."""
    control, treatment = (
        mean_of(case["inputs"][name]) for name in ("control", "treatment")
    )
    difference = welch(control, treatment, confidence=0.90)
    both = [
        against_margin(
            difference.value,
            difference.standard_error,
            degrees=difference.degrees,
            margin=case["inputs"]["margin"],
            better=better,
            alpha=0.05,
        )
        for better in Better
    ]
    close(case, t=both[0].statistic, p=both[0].p_value)
    close(case, tost_p=max(one.p_value for one in both))
    assert (both[0].bound, both[1].bound) == pytest.approx(
        case["expected"]["upper_lower_90"], rel=case["tol"]
    )


def run_proportion_margin(case: Case) -> None:
    """`tost_p` is Wald's with p(1-p)/n, ours Welch's with p(1-p)/(n-1) and t.

    `noninf_score_*` come from a cubic in which a count stands where a number of units
    should; ours maximises the likelihood (test_inferiority checks it), 4e-4 away.
    """
    control, treatment = (
        proportion_of(case["inputs"][name]) for name in ("control", "treatment")
    )
    margin, expected = case["inputs"]["margin"], case["expected"]
    plain = [
        proportions_against_margin(
            control, treatment, margin=margin, better=better, alpha=0.05
        ).p_value
        for better in Better
    ]
    assert max(plain) == pytest.approx(expected["tost_p"], rel=2e-3)
    found = score_against_margin(
        control, treatment, margin=margin, better=Better.HIGHER, alpha=0.05
    )
    assert found.statistic == pytest.approx(expected["noninf_score_z"], rel=1e-3)
    assert found.p_value == pytest.approx(expected["noninf_score_p"], rel=2e-3)


def run_relative_margin(case: Case) -> None:
    """The file's margin is a fixed share of the control's mean, in a z-test."""
    _, value, error = difference_of(case, relative=False)
    _, mean, _ = unrounded(case["inputs"]["control"])
    rising = case["inputs"]["preferred"] == "increase"
    found = against_margin(
        value,
        error,
        degrees=None,
        margin=case["inputs"]["nim_relative"] * abs(mean),
        better=Better.HIGHER if rising else Better.LOWER,
        alpha=0.05,
    )
    close(case, p_value=found.p_value)
    end = case["expected"]["ci_lower" if rising else "ci_upper"]
    assert found.bound == pytest.approx(end, rel=case["tol"])


def run_power(case: Case) -> None:
    inputs = case["inputs"]
    found = power_of_means(
        minimum_effect=inputs["d"],
        control_variance=1.0,
        treatment_variance=1.0,
        control_units=inputs["nobs1"],
        treatment_units=inputs["nobs1"] * inputs["ratio"],
        alpha=inputs["alpha"],
        sides=1 if case["method"] == "power_t_one_sided" else 2,
    )
    close(case, power=found)


def run_minimum_effect(case: Case) -> None:
    """Their solver stops early, at an effect that has a power of .80005, not .8."""
    inputs = case["inputs"]
    units = {"control_units": inputs["nobs1"],
             "treatment_units": inputs["nobs1"] * inputs["ratio"]}  # fmt: skip
    found = minimum_effect_of_means(
        control_variance=1.0,
        treatment_variance=1.0,
        alpha=inputs["alpha"],
        power=inputs["power"],
        **units,
    )
    assert found == pytest.approx(case["expected"]["d"], rel=1e-4)
    reached = power_of_means(
        minimum_effect=found,
        control_variance=1.0,
        treatment_variance=1.0,
        alpha=inputs["alpha"],
        **units,
    )
    assert reached == pytest.approx(inputs["power"], abs=1e-9)


def run_proportion_units(case: Case) -> None:
    """`n_two_sided` was asked for half of alpha by a function that halves it itself."""
    inputs = case["inputs"]
    plan = {"baseline": inputs["p1"], "minimum_effect": inputs["p2"] - inputs["p1"]}
    found = units_for_proportions(
        **plan,
        alpha=inputs["alpha"] / 2,
        power=inputs["power"],
        null_variance=NullVariance.POOLED,
    )
    assert found == math.ceil(case["expected"]["n_two_sided"])
    power = power_of_proportions(
        **plan,
        control_units=4000,
        alpha=inputs["alpha"],
        null_variance=NullVariance.POOLED,
    )
    close(case, power_at_4000=power)


def run_effect_size(case: Case) -> None:
    found = arcsine_effect(case["inputs"]["p1"], case["inputs"]["p2"])
    close(case, h=found)
    units = units_for_means(
        control_variance=1.0,
        treatment_variance=1.0,
        minimum_effect=abs(found),
        alpha=0.05,
        power=0.8,
        ratio=1.0,
    )
    assert units == math.ceil(case["expected"]["n"])


def run_regression(case: Case) -> None:
    """Savvi counts the tested column twice: its evidence has one degree too few.

    Without an effect evidence averages exactly 1 with ours, and less with theirs; see
    `test_regression`. With their degrees ours gives their numbers.
    """
    draw = np.random.default_rng(5)
    z = draw.integers(0, 2, 400)
    y = 1.0 + 0.4 * z + draw.normal(0.0, 1.0, 400)
    moments = Moments.of(np.column_stack([y, z]))
    own = regression_sequence(moments, precision=1.0, alpha=0.05)
    assert [each.value for each in own] == pytest.approx(
        case["expected"]["beta"], rel=case["tol"]
    )
    error = np.array([each.standard_error for each in own])
    residual = own[1].standard_error ** 2 * float(moments.deviations[1, 1])
    theirs = regression_sequences(
        np.array([each.value for each in own]) / error,
        np.full(2, 400.0 - 3.0),
        residual / error**2,
        precision=1.0,
        alpha=0.05,
    )
    p_value = np.exp(-np.maximum(theirs.log_evalue, 0.0))
    assert p_value == pytest.approx(case["expected"]["p"], rel=case["tol"])
    for each, critical, ends in zip(
        own, theirs.critical, case["expected"]["ci"], strict=True
    ):
        margin = float(critical) * each.standard_error
        assert (each.value - margin, each.value + margin) == pytest.approx(
            ends, rel=case["tol"]
        )
        assert (each.low, each.high) == pytest.approx(ends, rel=1e-4)


SEQUENCE_RUNNERS: dict[str, Callable[[Case], None]] = {
    "multiplicity_fdr_bh": run_discoveries,
    "lan_demets_obf": run_spending,
    "lan_demets_pocock": run_spending,
    "lan_demets_power_family": run_spending,
    "classical_pocock_obf_constants": run_classical,
    "uncorrected_peeking_type1": run_peeking,
    "asymptotic_cs_two_sided": run_asymptotic,
    "asymptotic_cs_absolute": run_asymptotic,
    "asymptotic_cs_relative": run_asymptotic,
    "asymptotic_cs_one_sided": run_one_sided_asymptotic,
    "normal_mixture_mSPRT_bound": run_mixture_bound,
    "normal_mixture_log_evalue": run_mixture_evidence,
    "anytime_valid_regression_f_test": run_regression,
    "sequential_srm_lindon_malek": run_sequential_srm,
    "bayes_normal_posterior": run_posterior,
    "bayes_beta_binomial": run_share_belief,
    "non_inferiority_mean": run_mean_margin,
    "non_inferiority_proportion": run_proportion_margin,
    "non_inferiority_relative_margin": run_relative_margin,
    "power_t": run_power,
    "power_t_one_sided": run_power,
    "mde_t": run_minimum_effect,
    "sample_size_proportions": run_proportion_units,
    "effect_size_proportions": run_effect_size,
}
