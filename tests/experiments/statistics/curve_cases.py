"""How the reference cases of curves, ranks, quantiles and shares are run."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from experiments.statistics.crossproducts import Floats
from experiments.statistics.funnels import Funnel, compare_funnels
from experiments.statistics.log_rank import LogRank, Weighting, weighted_log_rank
from experiments.statistics.proportions import Proportion, jeffreys, score, wilson
from experiments.statistics.quantiles import (
    cluster_inflation,
    compare_quantiles,
    quantile_interval,
    woodruff,
)
from experiments.statistics.robust import mann_whitney, yuen
from experiments.statistics.samples import PairSample
from experiments.statistics.survival import (
    Hazards,
    Survival,
    compare_mean_times,
    kaplan_meier,
)
from tests.experiments.statistics.reference_file import (
    ARMS,
    Case,
    close,
    inputs_of,
    moments_of,
)


def run_curve(case: Case) -> None:
    found = kaplan_meier(_hazards(case)[0], confidence=0.95)
    at = [day - 1 for day in case["inputs"]["days"]]
    assert found.survival[at] == pytest.approx(
        case["expected"]["surv_control"], rel=case["tol"]
    )
    assert found.standard_error[at] == pytest.approx(
        case["expected"]["greenwood_se"], rel=case["tol"]
    )
    assert found.median is not None
    close(case, median=found.median)


def run_log_rank(case: Case) -> None:
    """The case's id names the weights: fleming-harrington_p, tarone-ware, gehan."""
    name = str(case["id"]).removeprefix("logrank").strip("_-")
    control, treatment = _hazards(case)

    def run(weighting: Weighting, rho: float = 0.0) -> LogRank:
        return weighted_log_rank(control, treatment, weighting=weighting, rho=rho)

    if name.startswith("fleming-harrington"):
        found = run(Weighting.FLEMING_HARRINGTON, float(name.rpartition("_")[2]))
    elif name.startswith("tarone"):
        found = run(Weighting.TARONE_WARE)
    elif name.startswith("gehan"):
        found = run(Weighting.GEHAN)
    else:
        assert name == "", f"no weights are called {name}"
        found = run(Weighting.LOG_RANK)
    close(case, chi2=found.chi_square, p=found.p_value)


def run_mean_time(case: Case) -> None:
    horizon = inputs_of(case)["tau"]
    found = compare_mean_times(*_hazards(case), horizon=horizon, confidence=0.95)
    close(
        case,
        control=found.control.value,
        treatment=found.treatment.value,
        diff=found.difference.value,
    )


def run_ranks(case: Case) -> None:
    found = mann_whitney(_drawn(61, 2.0), _drawn(62, 2.1))
    close(case, u=found.statistic, p=found.p_value)


def run_trimmed(case: Case) -> None:
    found = yuen(_drawn(61, 2.0), _drawn(62, 2.1), trim=0.05, confidence=0.95)
    close(case, t=found.statistic, p=found.p_value)


def run_quantile_ranks(case: Case) -> None:
    found = quantile_interval(
        _drawn(61, 2.0), quantile=case["inputs"]["p"], confidence=0.95
    )
    assert list(found.ranks) == case["expected"]["ranks"]
    assert (found.low, found.high) == pytest.approx(
        case["expected"]["ci95"], rel=case["tol"]
    )


def run_quantiles(case: Case) -> None:
    """The file's degrees of freedom count events also where units were randomised.

    `clustered_quantile` counts the units; here the events are passed as `n`.
    """
    estimates = []
    for name in ARMS:
        arm = case["inputs"][name]
        inflation = 1.0
        if "n_clusters" in arm:
            inflation = cluster_inflation(_clusters(arm), quantile=arm["nu"])
        estimates.append(
            woodruff(
                n=arm["n"],
                value=arm["quantile_hat"],
                low=arm["quantile_lower"],
                high=arm["quantile_upper"],
                inflation=inflation,
            )
        )
    found = compare_quantiles(*estimates, confidence=0.95)
    expected = case["expected"]
    close(case, estimate=found.value, p_value=found.p_value)
    if "se" in expected:
        close(case, se=found.standard_error)
    assert (found.low, found.high) == pytest.approx(expected["ci95"], rel=case["tol"])


def run_satisfaction(case: Case) -> None:
    share = Proportion(case["inputs"]["n"], case["inputs"]["x"])
    for name, interval in (("ci95", wilson), ("ci95_jeffreys", jeffreys)):
        found = interval(share, confidence=0.95)
        assert (found.low, found.high) == pytest.approx(
            case["expected"][name], rel=case["tol"]
        )


def run_funnel(case: Case) -> None:
    """P of the pooled z: ours is the score's with its factor, or Welch's.

    The shares of the step before, which the file tests too, are descriptive here, so
    their p is made from the counts alone.
    """
    control, treatment = (case["inputs"][arm] for arm in ARMS)
    found = [
        _pooled_p(Proportion(*first), Proportion(*second))
        for first, second in zip(pairwise(control), pairwise(treatment), strict=True)
    ]
    assert found == pytest.approx(case["expected"]["step_p"], rel=case["tol"])
    whole = Proportion(control[0], control[-1]), Proportion(treatment[0], treatment[-1])
    close(case, overall_p=_pooled_p(*whole))
    steps = compare_funnels(
        Funnel(tuple(control)), Funnel(tuple(treatment)), confidence=0.95
    )
    assert steps[0].p_value == pytest.approx(case["expected"]["step_p"][0], rel=5e-3)
    assert steps[-1].p_value == pytest.approx(case["expected"]["overall_p"], rel=5e-3)


def _pooled_p(control: Proportion, treatment: Proportion) -> float:
    statistic = score(control, treatment, confidence=0.95).statistic
    total = control.n + treatment.n
    return math.erfc(abs(statistic) * math.sqrt(total / (total - 1)) / math.sqrt(2.0))


def _clusters(arm: Case) -> PairSample:
    cross = {
        "y*y": arm["main_sum_squares"],
        "y*d": arm["main_denominator_sum_product"],
        "d*d": arm["denominator_sum_squares"],
    }
    total = {"y": arm["main_sum"], "d": arm["denominator_sum"]}
    own = {"n": arm["n_clusters"], "sum": total, "cross": cross}
    return moments_of(own, "y", "d").pair()


def _drawn(seed: int, level: float) -> Floats:
    return np.random.default_rng(seed).lognormal(level, 1.2, 1000)


def _hazards(case: Case) -> list[Hazards]:
    inputs = inputs_of(case)
    found = []
    for name in ARMS:
        table = inputs.get(f"table_{name}", [])
        last = max((row["t"] for row in table), default=0)
        events = np.zeros(last, dtype=np.int64)
        censored = np.zeros(last, dtype=np.int64)
        for row in table:
            events[row["t"] - 1] += row["events"]
            censored[row["t"] - 1] += row["censored"]
        if table:
            found.append(Survival(events, censored).hazards())
    return found


CURVE_RUNNERS: dict[str, Callable[[Case], None]] = {
    "kaplan_meier": run_curve,
    "log_rank": run_log_rank,
    "weighted_log_rank": run_log_rank,
    "rmst": run_mean_time,
    "mann_whitney": run_ranks,
    "yuen_trimmed_t": run_trimmed,
    "quantile_order_statistic_ci": run_quantile_ranks,
    "quantile_effect_woodruff": run_quantiles,
    "quantile_effect_clustered": run_quantiles,
    "csat_top2box": run_satisfaction,
    "funnel_step_conversion": run_funnel,
}
