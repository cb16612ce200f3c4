"""The same questions asked of two other engines: gbstats and tea-tasting."""

import math
from collections.abc import Iterator

import numpy as np
import tea_tasting as tea
from gbstats.frequentist.tests import (
    FrequentistConfig,
    SequentialConfig,
    SequentialTwoSidedTTest,
    TwoSidedTTest,
)
from gbstats.models.statistics import (
    ProportionStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
    compute_theta,
)
from gbstats.utils import check_srm
from scipy.special import stdtr

from benchmarks.analysis.agreement import UNEXPLAINED, Seen, judge
from benchmarks.analysis.cases import Case, Floats
from experiments.statistics.adjustment import cuped
from experiments.statistics.always_valid import asymptotic_sequence
from experiments.statistics.crossproducts import Moments
from experiments.statistics.differences import Difference, Method
from experiments.statistics.errors import NoisyDenominator
from experiments.statistics.means import welch
from experiments.statistics.proportions import Proportion
from experiments.statistics.proportions import compare as compare_proportions
from experiments.statistics.ratios import delta
from experiments.statistics.relative import delta as relative_delta
from experiments.statistics.relative import fieller, log_delta
from experiments.statistics.samples import Sample
from experiments.statistics.srm import sample_ratio

TAIL = "p below 1e-9: theirs is one minus a share, and rounds"
SMALL = 1e-9

CONFIG = FrequentistConfig(difference_type="absolute", alpha=0.05)


def against_engines(case: Case) -> Iterator[Seen]:
    """Means, proportions, ratios, CUPED, lifts, sequences and splits."""
    yield from _means(case)
    yield _proportions(case)
    yield from _ratios(case)
    yield from _cuped(case)
    yield from _lifts(case)
    yield _sequence(case)
    counts = [len(case.control), len(case.treatment)]
    found = sample_ratio(counts, case.weights).p_value
    known = check_srm(counts, list(case.weights))
    yield judge("Sample ratio", "gbstats", (found,), (known,), tolerance=1e-6)


def _summed(values: Floats) -> SampleMeanStatistic:
    return SampleMeanStatistic(
        n=values.size, sum=float(values.sum()), sum_squares=float(values @ values)
    )


def gbstats(first: object, second: object) -> tuple[float, float, float]:
    """Their p and interval of the absolute difference."""
    found = TwoSidedTTest(first, second, CONFIG).compute_result()
    return found.p_value, found.ci[0], found.ci[1]


def _against_gbstats(
    method: str, ours: Difference, theirs: tuple[float, float, float]
) -> Seen:
    again = ours.p_value
    if ours.degrees is not None and ours.p_value < SMALL:
        again = 2.0 * (1.0 - float(stdtr(ours.degrees, abs(ours.statistic))))
    return judge(
        method,
        "gbstats",
        (ours.p_value, ours.low, ours.high),
        theirs,
        (TAIL, (again, ours.low, ours.high)),
        tolerance=1e-6,
    )


def _columns(case: Case, *columns: int) -> list[Floats]:
    return [arm[:, columns] for arm in (case.control, case.treatment)]


def _aggregates(arm: Floats) -> tea.aggr.Aggregates:
    """Theirs, with y, d, x by name."""
    names = ("y", "d", "x")
    spread = np.cov(arm.T, ddof=1)
    return tea.aggr.Aggregates(
        count_=len(arm),
        mean_={name: float(arm[:, k].mean()) for k, name in enumerate(names)},
        var_={name: float(spread[k, k]) for k, name in enumerate(names)},
        cov_={
            (names[i], names[j]): float(spread[i, j])
            for i in range(3)
            for j in range(i + 1, 3)
        }
        | {
            (names[j], names[i]): float(spread[i, j])
            for i in range(3)
            for j in range(i + 1, 3)
        },
    )


def _against_tea(method: str, ours: Difference, metric: object, case: Case) -> Seen:
    arms = [_aggregates(arm) for arm in _columns(case, 0, 1, 2)]
    try:
        theirs = metric.analyze_aggregates(arms[0], arms[1])  # type: ignore[attr-defined]
    except OverflowError:
        return Seen(method, "tea-tasting", "baseline near zero: they overflow")
    return judge(
        method,
        "tea-tasting",
        (ours.p_value, ours.low, ours.high),
        (theirs.pvalue, theirs.effect_size_ci_lower, theirs.effect_size_ci_upper),
        tolerance=1e-6,
    )


def _samples(case: Case) -> list[Sample]:
    return [Moments.of(arm).sample(0) for arm in _columns(case, 0)]


def _means(case: Case) -> Iterator[Seen]:
    arms = _samples(case)
    found = welch(arms[0], arms[1], confidence=0.95)
    theirs = gbstats(*[_summed(arm[:, 0]) for arm in _columns(case, 0)])
    yield _against_gbstats("Welch", found, theirs)
    yield _against_tea("Welch", found, tea.Mean("y"), case)


def _proportions(case: Case) -> Seen:
    shares = [
        Proportion(len(arm), int(arm.sum()))
        for arm in (each[:, 0] for each in _columns(case, 3))
    ]
    found = compare_proportions(shares[0], shares[1], confidence=0.95)
    theirs = gbstats(*[ProportionStatistic(n=s.n, sum=s.successes) for s in shares])
    if min(share.smallest_cell for share in shares) == 0:
        group = "an arm of hits or misses alone: theirs does not test it (p 1, 0 to 0)"
        told = tuple(theirs) == (1.0, 0.0, 0.0)
        return Seen("Proportions", "gbstats", group if told else UNEXPLAINED)
    name = "their variance over n, not n - 1"
    if found.method is Method.SCORE:
        name = "fewer than ten in a cell: ours is the score test"
    plain = [
        Sample(s.n, s.share, s.share * (1.0 - s.share) * (s.n - 1)) for s in shares
    ]
    again = welch(plain[0], plain[1], confidence=0.95)
    p_value = again.p_value
    if p_value < SMALL and again.degrees is not None:
        p_value = 2.0 * (1.0 - float(stdtr(again.degrees, abs(again.statistic))))
    return judge(
        "Proportions",
        "gbstats",
        (found.p_value, found.low, found.high),
        theirs,
        (name, (p_value, again.low, again.high)),
        tolerance=1e-6,
    )


def _ratios(case: Case) -> Iterator[Seen]:
    pairs = [Moments.of(arm).pair() for arm in _columns(case, 0, 1)]
    found = delta(pairs[0], pairs[1], confidence=0.95)
    theirs = [
        RatioStatistic(
            n=len(arm),
            m_statistic=_summed(arm[:, 0]),
            d_statistic=_summed(arm[:, 1]),
            m_d_sum_of_products=float(arm[:, 0] @ arm[:, 1]),
        )
        for arm in _columns(case, 0, 1)
    ]
    yield _against_gbstats("Ratio", found, gbstats(*theirs))
    yield _against_tea("Ratio", found, tea.RatioOfMeans("y", "d"), case)


def _cuped(case: Case) -> Iterator[Seen]:
    columns = _columns(case, 0, 2)
    arms = [Moments.of(arm) for arm in columns]
    found = cuped(arms[0], arms[1], confidence=0.95).difference
    plain = [
        RegressionAdjustedStatistic(
            n=len(arm),
            post_statistic=_summed(arm[:, 0]),
            pre_statistic=_summed(arm[:, 1]),
            post_pre_sum_of_products=float(arm[:, 0] @ arm[:, 1]),
            theta=0.0,
        )
        for arm in columns
    ]
    slope = compute_theta(plain[0], plain[1])
    for each in plain:
        each.theta = slope
    yield _against_gbstats("CUPED", found, gbstats(plain[0], plain[1]))
    yield _against_tea("CUPED", found, tea.Mean("y", covariate="x"), case)


def _lifts(case: Case) -> Iterator[Seen]:
    arms = _samples(case)
    plain = welch(arms[0], arms[1], confidence=0.95)
    control, treatment = (arm.estimate() for arm in arms)
    peers = ("gbstats", "tea-tasting")
    try:
        ours = relative_delta(
            control, treatment, degrees=plain.degrees, confidence=0.95
        )
        logs = log_delta(control, treatment, confidence=0.95)
    except (NoisyDenominator, ValueError):
        for peer in peers:
            yield Seen("Lift", peer, "refused: baseline under 5 standard errors")
        return
    config = FrequentistConfig(difference_type="relative", alpha=0.05)
    theirs = TwoSidedTTest(
        *[_summed(arm[:, 0]) for arm in _columns(case, 0)], config
    ).compute_result()
    ends = (ours.low, ours.high)
    found = fieller(control, treatment, critical=plain.critical)
    if np.allclose(
        (found.low or math.nan, found.high or math.nan), tuple(theirs.ci), rtol=1e-6
    ):
        yield Seen("Lift", "gbstats", "equal")
    else:
        seen = judge("Lift", "gbstats", ends, tuple(theirs.ci), tolerance=1e-6)
        differs = (plain.p_value <= 0.05) != (theirs.p_value <= 0.05)
        name = "delta method, not Fieller"
        name += ": it judges otherwise than its absolute test" if differs else ""
        yield Seen("Lift", "gbstats", name if seen.group == "equal" else seen.group)
    aggregates = [_aggregates(arm) for arm in _columns(case, 0, 1, 2)]
    known = tea.Mean("y").analyze_aggregates(aggregates[0], aggregates[1])
    pair = (known.rel_effect_size_ci_lower, known.rel_effect_size_ci_upper)
    yield judge(
        "Lift",
        "tea-tasting",
        (found.low or math.nan, found.high or math.nan),
        pair,
        ("delta method on logarithms", (logs.low or 0.0, logs.high or 0.0)),
        tolerance=1e-6,
    )


def _sequence(case: Case) -> Seen:
    arms = _samples(case)
    plain = welch(arms[0], arms[1], confidence=0.95)
    config = SequentialConfig(
        difference_type="absolute", alpha=0.05, sequential_tuning_parameter=5_000
    )
    theirs = SequentialTwoSidedTTest(
        *[_summed(arm[:, 0]) for arm in _columns(case, 0)], config
    ).compute_result()
    found = asymptotic_sequence(
        plain.value,
        plain.standard_error,
        n=arms[0].n + arms[1].n,
        planned=5_000,
        alpha=0.05,
    )
    return judge(
        "Asymptotic sequence",
        "gbstats",
        (found.low, found.high),
        tuple(theirs.ci),
        tolerance=1e-6,
    )
