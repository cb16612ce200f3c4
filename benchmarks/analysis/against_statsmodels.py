"""The same questions asked of statsmodels."""

import math
from collections.abc import Iterator

import numpy as np
import statsmodels.api as sm
from scipy.optimize import minimize_scalar
from scipy.special import nctdtr, stdtrit, xlogy
from statsmodels.duration.survfunc import SurvfuncRight, survdiff
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_ztest,
)

from benchmarks.analysis.against_scipy import survival
from benchmarks.analysis.agreement import EQUAL, UNEXPLAINED, Seen, judge
from benchmarks.analysis.cases import Case, Floats
from experiments.statistics.adjustment import Adjusted, lin
from experiments.statistics.clusters import Accounts, cluster_robust
from experiments.statistics.crossproducts import Moments
from experiments.statistics.leverage import lin_by_unit
from experiments.statistics.log_rank import log_rank
from experiments.statistics.multiplicity import benjamini_hochberg, holm
from experiments.statistics.power import power_of_means, units_for_means
from experiments.statistics.proportions import Proportion, score, wilson
from experiments.statistics.survival import kaplan_meier
from experiments.statistics.tails import normal_tail

PEER = "statsmodels"


def against_statsmodels(case: Case) -> Iterator[Seen]:
    """Adjustment, accounts and families: everything that is quick."""
    columns = [arm[:, (0, 2)] for arm in (case.control, case.treatment)]
    yield from _lin(columns[0], columns[1])
    yield _clustered(case)
    p_values = [float(p) for p in case.p_values]
    for name, method, ours in (
        ("Holm", "holm", [a.p_value for a in holm(p_values, alpha=0.05)]),
        (
            "Benjamini-Hochberg",
            "fdr_bh",
            [a.p_value for a in benjamini_hochberg(p_values, alpha=0.05)],
        ),
    ):
        yield judge(name, PEER, ours, multipletests(p_values, method=method)[1])
    yield from _proportions(case)


def slowly_against_statsmodels(case: Case) -> Iterator[Seen]:
    """What takes statsmodels milliseconds: score intervals, survival, power."""
    yield _score_interval(case)
    yield from _survival(case)
    yield from _power(case)


def _shared(found: Adjusted, control: Floats, treatment: Floats) -> float:
    """The part of the variance that the covariate's own mean adds; see `lin`."""
    if not found.columns:
        return 0.0
    x = np.concatenate([control[:, 1], treatment[:, 1]])
    gap = found.treatment_slopes[0] - found.control_slopes[0]
    return gap**2 * float(x.var(ddof=1)) / x.size


def _lin(control: Floats, treatment: Floats) -> Iterator[Seen]:
    both = np.vstack([control, treatment])
    treated = np.repeat([0.0, 1.0], [len(control), len(treatment)])
    z = both[:, 1] - both[:, 1].mean()
    design = np.column_stack([np.ones(len(z)), treated, z, treated * z])
    fit = sm.OLS(both[:, 0], design).fit()
    found = lin_by_unit(control, treatment, confidence=0.95)
    own = math.sqrt(
        found.difference.standard_error**2 - _shared(found, control, treatment)
    )
    robust = fit.get_robustcov_results("HC2").bse[1]
    ours = (found.difference.value, found.difference.standard_error)
    theirs = (fit.params[1], robust)
    name = "the covariates' mean is a sample: one term more"
    yield judge("Lin by unit", f"{PEER} HC2", ours, theirs, (name, (ours[0], own)))
    arms = [Moments.of(arm) for arm in (control, treatment)]
    if min(arm.n for arm in arms) < 100:
        return
    summed = lin(arms[0], arms[1], confidence=0.95)
    variances = [
        sm.OLS(arm[:, 0], sm.add_constant(arm[:, 1]))
        .fit()
        .get_prediction([[1.0, both[:, 1].mean()]])
        .se_mean[0]
        ** 2
        for arm in (control, treatment)
    ]
    known = math.sqrt(sum(variances) + _shared(summed, control, treatment))
    ours = (summed.difference.value, summed.difference.standard_error)
    yield judge("Lin by sums", f"{PEER} OLS by arm", ours, (fit.params[1], known))
    far = abs(ours[1] / robust - 1.0) > 0.05
    group = "unequal variances: over 5% apart" if far else "HC2 within 5%"
    yield Seen("Lin by sums", f"{PEER} HC2", group)


def _clustered(case: Case) -> Seen:
    """Accounts of d people with total y, as weighted means with groups of their own."""
    arms = [
        Accounts(a[:, 0] * a[:, 1], a[:, 1]) for a in (case.control, case.treatment)
    ]
    ours = cluster_robust(arms[0].pair(), arms[1].pair(), confidence=0.95)
    both = np.vstack([case.control, case.treatment])
    treated = np.repeat([0.0, 1.0], [len(case.control), len(case.treatment)])
    fit = sm.WLS(both[:, 0], sm.add_constant(treated), weights=both[:, 1]).fit(
        cov_type="cluster",
        cov_kwds={"groups": np.arange(len(both)), "use_correction": False},
    )
    groups, people = len(both), both[:, 1].sum()
    factor = groups / (groups - 1.0) * (people - 1.0) / (people - 2.0)
    known = fit.bse[1] * math.sqrt(factor)
    return judge(
        "Accounts (CR1)",
        f"{PEER} WLS",
        (ours.value, ours.standard_error),
        (fit.params[1], known),
    )


def _shares(case: Case) -> list[Proportion]:
    arms = (case.control, case.treatment)
    return [Proportion(len(arm), int(arm[:, 3].sum())) for arm in arms]


def _proportions(case: Case) -> Iterator[Seen]:
    control, treatment = _shares(case)
    yield _score_test(control, treatment)
    own = wilson(control, confidence=0.95)
    ends = proportion_confint(control.successes, control.n, 0.05, method="wilson")
    yield judge("Wilson", PEER, (own.low, own.high), ends)


def _score_test(control: Proportion, treatment: Proportion) -> Seen:
    found = score(control, treatment, confidence=0.95)
    known = proportions_ztest(
        [treatment.successes, control.successes], [treatment.n, control.n]
    )
    if control.successes + treatment.successes in {0, control.n + treatment.n}:
        told = found.p_value == 1.0 and not np.isfinite(known).any()
        group = "all units alike: theirs is no number, ours p = 1"
        return Seen("Score test", f"{PEER} z-test", group if told else UNEXPLAINED)
    total = control.n + treatment.n
    scaled = found.statistic * math.sqrt(total / (total - 1))
    return judge(
        "Score test",
        f"{PEER} z-test",
        (found.statistic, found.p_value),
        known,
        ("their variance without N/(N-1)", (scaled, normal_tail(scaled).p_value)),
    )


def _score_interval(case: Case) -> Seen:
    control, treatment = _shares(case)
    found = score(control, treatment, confidence=0.95)
    try:
        known = confint_proportions_2indep(
            treatment.successes,
            treatment.n,
            control.successes,
            control.n,
            method="score",
            compare="diff",
        )
    except (ValueError, RuntimeError, ZeroDivisionError):
        return Seen("Score interval", PEER, "they find no ends")
    seen = judge("Score interval", PEER, (found.low, found.high), known, tolerance=1e-5)
    ends = [_directly(control, treatment, end) for end in (found.low, found.high)]
    if seen.group == EQUAL or not np.allclose(ends, found.critical, rtol=1e-5):
        return seen
    return Seen("Score interval", PEER, "ours has the likelihood's maximum, theirs not")


def _directly(control: Proportion, treatment: Proportion, difference: float) -> float:
    """The score statistic at a difference, its shares found by maximisation."""

    def unlikely(first: float) -> float:
        second = first + difference
        total = 0.0
        for arm, share in ((control, first), (treatment, second)):
            total -= float(xlogy(arm.successes, share))
            total -= float(xlogy(arm.n - arm.successes, 1.0 - share))
        return total

    ends = (max(0.0, -difference) + 1e-12, min(1.0, 1.0 - difference) - 1e-12)
    first = minimize_scalar(
        unlikely, bounds=ends, method="bounded", options={"xatol": 1e-12}
    ).x
    second, total = first + difference, control.n + treatment.n
    variance = first * (1.0 - first) / control.n + second * (1.0 - second) / treatment.n
    gap = treatment.share - control.share - difference
    return abs(gap) / math.sqrt(variance * total / (total - 1))


def _survival(case: Case) -> Iterator[Seen]:
    arm = case.control
    curve = kaplan_meier(survival(arm).hazards(), confidence=0.95)
    known = SurvfuncRight(arm[:, 4], arm[:, 5])
    places = known.surv_times.astype(np.int64) - 1
    yield judge(
        "Kaplan-Meier",
        PEER,
        [*curve.survival[places], *curve.standard_error[places]],
        [*known.surv_prob, *np.nan_to_num(known.surv_prob_se)],
    )
    both = np.vstack([case.control, case.treatment])
    treated = np.repeat([0, 1], [len(case.control), len(case.treatment)])
    found = log_rank(
        survival(case.control).hazards(), survival(case.treatment).hazards()
    )
    known_test = survdiff(both[:, 4], both[:, 5], treated)
    yield judge("Log-rank", PEER, (found.chi_square, found.p_value), known_test)


def _power(case: Case) -> Iterator[Seen]:
    n, m = len(case.control), len(case.treatment)
    effect = 2.5 * math.sqrt(1.0 / n + 1.0 / m)
    ours = power_of_means(
        minimum_effect=effect,
        control_variance=1.0,
        treatment_variance=1.0,
        control_units=n,
        treatment_units=m,
        alpha=0.05,
    )
    known = TTestIndPower().power(effect, n, 0.05, ratio=m / n)
    pooled, critical = n + m - 2.0, float(stdtrit(n + m - 2.0, 0.975))
    again = 1.0 - float(nctdtr(pooled, 2.5, critical))
    again += float(nctdtr(pooled, 2.5, -critical))
    name = "Welch's degrees of freedom, not the pooled"
    yield judge("Power", PEER, (ours,), (known,), (name, (again,)), tolerance=1e-6)
    units = units_for_means(
        control_variance=1.0,
        treatment_variance=1.0,
        minimum_effect=effect,
        alpha=0.05,
        power=0.8,
        ratio=m / n,
    )
    reach = NormalIndPower().solve_power(effect, None, 0.05, 0.8, ratio=m / n)
    yield judge("Units", PEER, (units,), (math.ceil(reach - 1e-6),))
