"""The same questions asked of scipy."""

import math
from collections.abc import Iterator

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from benchmarks.analysis.agreement import Seen, judge
from benchmarks.analysis.cases import Case, Floats
from experiments.statistics.crossproducts import Moments
from experiments.statistics.means import welch
from experiments.statistics.multiplicity import benjamini_hochberg
from experiments.statistics.relative import LiftStatus, fieller
from experiments.statistics.robust import mann_whitney, yuen
from experiments.statistics.srm import equal_rates, sample_ratio
from experiments.statistics.survival import Survival, kaplan_meier

DAYS = 28


def against_scipy(case: Case) -> Iterator[Seen]:
    """Welch, Fieller, ranks, trimmed means, splits, families and survival."""
    first, second = case.control[:, 0], case.treatment[:, 0]
    yield _welch(first, second)
    yield _fieller(first, second)
    ranks = stats.mannwhitneyu(second, first, method="asymptotic")
    found = mann_whitney(first, second)
    yield judge(
        "Mann-Whitney",
        "scipy",
        (found.statistic, found.p_value),
        (ranks.statistic, ranks.pvalue),
    )
    trimmed = stats.ttest_ind(second, first, equal_var=False, trim=0.1)
    own = yuen(first, second, trim=0.1, confidence=0.95)
    yield judge("Yuen", "scipy", (own.statistic, own.p_value), trimmed[:2])
    yield _split(case)
    yield _rates(case)
    known = stats.false_discovery_control(case.p_values, method="bh")
    adjusted = benjamini_hochberg([float(p) for p in case.p_values], alpha=0.05)
    yield judge(
        "Benjamini-Hochberg", "scipy", [each.p_value for each in adjusted], known
    )
    yield _survival(case.control)


def _welch(first: Floats, second: Floats) -> Seen:
    arms = [Moments.of(each[:, None]).sample(0) for each in (first, second)]
    ours = welch(arms[0], arms[1], confidence=0.95)
    theirs = stats.ttest_ind(second, first, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    return judge(
        "Welch",
        "scipy",
        (ours.statistic, ours.p_value, ours.low, ours.high),
        (theirs.statistic, theirs.pvalue, interval.low, interval.high),
    )


def _fieller(first: Floats, second: Floats) -> Seen:
    """Ends of the lift, as the roots of the test that they invert."""
    arms = [Moments.of(each[:, None]).sample(0).estimate() for each in (first, second)]
    control, treatment = arms
    critical = 1.96
    lift = fieller(control, treatment, critical=critical)
    if lift.status is not LiftStatus.BOUNDED or lift.low is None or lift.high is None:
        noisy = abs(control.value) <= critical * control.standard_error
        group = "baseline too noisy: no ends" if noisy else "UNEXPLAINED"
        return Seen("Fieller", "roots by scipy", group)
    if critical * control.standard_error > 0.98 * abs(control.value):
        return Seen("Fieller", "roots by scipy", "baseline nearly too noisy: far ends")
    sign = math.copysign(1.0, control.value)

    def excess(end: float) -> float:
        ratio = 1.0 + sign * end
        spread = math.sqrt(treatment.variance + ratio**2 * control.variance)
        return abs(treatment.value - ratio * control.value) - critical * spread

    centre = (treatment.value - control.value) / abs(control.value)
    step = (lift.high - lift.low) * 4.0
    ends = [
        brentq(excess, *sorted((centre, centre + side * step)), xtol=1e-14, rtol=1e-14)
        for side in (-1.0, 1.0)
    ]
    return judge("Fieller", "roots by scipy", (lift.low, lift.high), ends)


def _split(case: Case) -> Seen:
    counts = [len(case.control), len(case.treatment)]
    expected = [sum(counts) * weight for weight in case.weights]
    known = stats.chisquare(counts, expected)
    found = sample_ratio(counts, case.weights)
    return judge(
        "Sample ratio", "scipy", (found.statistic, found.p_value), (known[0], known[1])
    )


def _rates(case: Case) -> Seen:
    units = [len(case.control), len(case.treatment)]
    hits = [int(arm[:, 3].sum()) for arm in (case.control, case.treatment)]
    table = [hits, [n - hit for n, hit in zip(units, hits, strict=True)]]
    share = sum(hits) / sum(units)
    if min(units) * min(share, 1.0 - share) < 5.0:
        return Seen("Equal rates", "scipy", "refused: fewer than five expected")
    known = stats.chi2_contingency(table, correction=False)
    found = equal_rates(hits, units)
    return judge(
        "Equal rates", "scipy", (found.statistic, found.p_value), (known[0], known[1])
    )


def survival(arm: Floats) -> Survival:
    """Units by the day of their event, or of their last watching."""
    days, had = arm[:, 4].astype(np.int64) - 1, arm[:, 5] > 0.0
    return Survival(
        np.bincount(days[had], minlength=DAYS), np.bincount(days[~had], minlength=DAYS)
    )


def _survival(arm: Floats) -> Seen:
    had = arm[:, 5] > 0.0
    curve = kaplan_meier(survival(arm).hazards(), confidence=0.95)
    data = stats.CensoredData(uncensored=arm[had, 4], right=arm[~had, 4])
    known = stats.ecdf(data).sf
    theirs = known.evaluate(np.arange(1.0, curve.survival.size + 1.0))
    return judge("Kaplan-Meier", "scipy", curve.survival.tolist(), theirs)
