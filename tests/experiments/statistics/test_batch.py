"""Many comparisons at once: each as one alone, and no row brings another down."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from numpy.typing import NDArray
from scipy import stats

from experiments.statistics import adjustment, batch_arms, means, proportions, ratios
from experiments.statistics.batch import (
    Comparisons,
    LiftCode,
    compare_many,
    joined_comparisons,
)
from experiments.statistics.batch_arms import (
    CovariedArms,
    Pairs,
    Status,
    adjusted,
    independent,
    joined,
)
from experiments.statistics.batch_proportions import Counts, compare_proportions
from experiments.statistics.crossproducts import Moments
from experiments.statistics.differences import Difference
from experiments.statistics.errors import (
    InvalidArgument,
    NoisyDenominator,
    NoVariation,
    StatisticsError,
    TooFewUnits,
)
from experiments.statistics.relative import Lift, LiftStatus, fieller
from experiments.statistics.samples import Estimate, PairSample, Sample
from experiments.statistics.student import critical_values, two_sided

CODES = {
    TooFewUnits: Status.TOO_FEW_UNITS,
    NoVariation: Status.NO_VARIATION,
    NoisyDenominator: Status.NOISY_DENOMINATOR,
    InvalidArgument: Status.INVALID,
}
SHARED = ("value", "standard_error", "statistic", "critical", "low", "high")

sizes = some.integers(min_value=1, max_value=10**7)
centres = some.one_of(some.just(0.0), some.floats(min_value=-1e6, max_value=1e6))
spreads = some.one_of(some.just(0.0), some.floats(min_value=1e-3, max_value=1e6))


def column(values: list[float]) -> NDArray[np.float64]:
    """A list as (k,) float64."""
    return np.array(values, dtype=np.float64)


def same(found: Comparisons, row: int, one: Difference, lift: Lift | None) -> None:
    """One row is the comparison made alone."""
    assert found.status[row] == Status.COMPARED
    scale = one.standard_error * 1e-9
    for name in SHARED:
        assert float(getattr(found, name)[row]) == pytest.approx(
            getattr(one, name), rel=1e-8, abs=scale
        ), name
    assert found.degrees[row] == pytest.approx(one.degrees or 0.0, rel=1e-8)
    assert found.log_p_value[row] == pytest.approx(one.log_p_value, rel=1e-6, abs=1e-9)
    if one.p_value > 1e-280:
        assert found.p_value[row] == pytest.approx(one.p_value, rel=1e-5)
    if lift is None:
        assert found.lift_status[row] == LiftCode.NOT_STATED
        return
    assert LiftCode(int(found.lift_status[row])).name == lift.status.value
    if lift.status is LiftStatus.BOUNDED:
        ends = (found.lift[row], found.lift_low[row], found.lift_high[row])
        assert ends == pytest.approx(
            (lift.value, lift.low, lift.high), rel=1e-5, abs=1e-9
        )


def check(found: Comparisons, row: int, alone: Any) -> None:
    """One row is what the function for one pair gives, or its refusal's code."""
    refusal, answer = None, None
    try:
        answer = alone()
    except StatisticsError as error:
        refusal = type(error)
    if answer is not None:
        same(found, row, *answer)
        return
    assert refusal is not None
    assert found.status[row] == CODES[refusal]
    assert found.p_value[row] == 1.0
    for name in (*SHARED, "degrees", "log_p_value", "lift", "lift_low", "lift_high"):
        assert getattr(found, name)[row] == 0.0


mean_arms = some.tuples(sizes, centres, spreads)


@given(some.lists(some.tuples(mean_arms, mean_arms), min_size=1, max_size=8))
def test_means_are_each_as_one_alone(pairs: list[Any]) -> None:
    arms = []
    for side in (0, 1):
        n, mean, sd = (column([pair[side][i] for pair in pairs]) for i in range(3))
        arms.append(batch_arms.means(n, mean, sd**2))
    found = compare_many(independent(arms[0], arms[1]), confidence=0.95)
    for row, pair in enumerate(pairs):
        samples = [Sample(n, mean, sd**2 * (n - 1)) for n, mean, sd in pair]

        def alone(samples: list[Sample] = samples) -> tuple[Difference, Lift]:
            one = means.welch(samples[0], samples[1], confidence=0.95)
            estimates = [sample.estimate() for sample in samples]
            return one, fieller(estimates[0], estimates[1], critical=one.critical)

        check(found, row, alone)


@settings(max_examples=60)
@given(
    some.lists(
        some.tuples(*(some.integers(min_value=1, max_value=3000) for _ in range(4))),
        min_size=1,
        max_size=4,
    )
)
def test_proportions_are_each_as_one_alone(rows: list[tuple[int, ...]]) -> None:
    pairs = [(n0, n1, min(x0, n0), min(x1 // 40, n1)) for n0, n1, x0, x1 in rows]
    found = compare_proportions(
        Counts(column([p[0] for p in pairs]), column([p[2] for p in pairs])),
        Counts(column([p[1] for p in pairs]), column([p[3] for p in pairs])),
        confidence=0.9,
    )
    for row, (n0, n1, x0, x1) in enumerate(pairs):
        arms = proportions.Proportion(n0, x0), proportions.Proportion(n1, x1)
        one = proportions.compare(*arms, confidence=0.9)
        lift = None
        if one.degrees is not None:
            estimates = [arm.sample().estimate() for arm in arms]
            lift = fieller(estimates[0], estimates[1], critical=one.critical)
        same(found, row, one, lift)


def ratio_arm(seed: int, n: int, *, centre: float) -> PairSample:
    """A numerator and a denominator that go together."""
    generator = np.random.default_rng(seed)
    d = generator.normal(centre, 1.0, n)
    return Moments.of(np.column_stack([d * 0.4 + generator.normal(size=n), d])).pair()


def stacked(arms: list[PairSample]) -> batch_arms.Arms:
    """Many ratios of one arm."""
    return batch_arms.ratios(
        column([arm.n for arm in arms]),
        np.array([[arm.numerator, arm.denominator] for arm in arms]),
        np.array(
            [
                [arm.numerator_deviations, arm.products, arm.denominator_deviations]
                for arm in arms
            ]
        ),
    )


def test_ratios_are_each_as_one_alone() -> None:
    centres = [0.0, 0.1, 1.0, 5.0, 50.0, -4.0, 3.0]
    sizes = [300, 300, 40, 900, 2, 70, 1]
    control = [
        ratio_arm(i, n, centre=c)
        for i, (n, c) in enumerate(zip(sizes, centres, strict=True))
    ]
    treatment = [ratio_arm(i + 50, 80, centre=c) for i, c in enumerate(centres)]
    found = compare_many(
        independent(stacked(control), stacked(treatment)), confidence=0.95
    )
    for row, arms in enumerate(zip(control, treatment, strict=True)):

        def alone(
            arms: tuple[PairSample, PairSample] = arms,
        ) -> tuple[Difference, Lift]:
            one = ratios.delta(*arms, confidence=0.95)
            estimates = [ratios.ratio(arm) for arm in arms]
            return one, fieller(estimates[0], estimates[1], critical=one.critical)

        check(found, row, alone)
    assert set(found.status.tolist()) >= {Status.COMPARED, Status.NOISY_DENOMINATOR}


def covaried(arms: list[Moments]) -> CovariedArms:
    """Many outcomes with a covariate, of one arm."""
    return CovariedArms(
        n=column([arm.n for arm in arms]),
        y=column([arm.mean[0] for arm in arms]),
        z=column([arm.mean[1] for arm in arms]),
        yy=column([arm.deviations[0, 0] for arm in arms]),
        yz=column([arm.deviations[0, 1] for arm in arms]),
        zz=column([arm.deviations[1, 1] for arm in arms]),
    )


def covaried_rows(seed: int, n: int, kind: str) -> Moments:
    """An arm whose covariate helps, is constant, settles the outcome, or is missing."""
    generator = np.random.default_rng(seed)
    z = generator.normal(5.0, 2.0, n)
    y = 10.0 + 0.7 * z + generator.normal(size=n)
    if kind == "constant":
        z[:] = 2.0
    if kind == "settled":
        y = 3.0 * z
    if kind == "flat":
        y[:], z[:] = 1.0, 2.0
    return Moments.of(np.column_stack([y, z]))


@pytest.mark.parametrize("kind", ["helps", "constant", "settled", "flat"])
def test_adjusted_means_are_each_as_one_alone(kind: str) -> None:
    shapes = [(500, 700), (99, 4000), (100, 100), (40, 30), (2, 50), (3, 3), (1, 200)]
    control = [covaried_rows(i, n, kind) for i, (n, _) in enumerate(shapes)]
    treatment = [covaried_rows(i + 90, n, kind) for i, (_, n) in enumerate(shapes)]
    pairs = adjusted(covaried(control), covaried(treatment))
    found = compare_many(pairs, confidence=0.99)
    for row, arms in enumerate(zip(control, treatment, strict=True)):

        def alone(arms: tuple[Moments, Moments] = arms) -> tuple[Difference, Lift]:
            one = adjustment.lin(*arms, confidence=0.99)
            return one.difference, one.lift()

        check(found, row, alone)


def test_a_covariate_that_varies_in_one_arm_only_is_left_out() -> None:
    control, treatment = (
        covaried_rows(1, 300, "helps"),
        covaried_rows(2, 300, "constant"),
    )
    found = compare_many(
        adjusted(covaried([control]), covaried([treatment])), confidence=0.95
    )
    one = means.welch(control.sample(0), treatment.sample(0), confidence=0.95)
    assert found.p_value[0] == pytest.approx(one.p_value, rel=1e-9)


def test_kinds_go_through_in_one_pass() -> None:
    first = independent(
        *(batch_arms.means(*(column([v]) for v in (50.0, m, 4.0))) for m in (1.0, 2.0))
    )
    second = adjusted(*(covaried([covaried_rows(s, 200, "helps")]) for s in (1, 2)))
    both = compare_many(joined([first, second]), confidence=0.95)
    apart = joined_comparisons(
        [compare_many(p, confidence=0.95) for p in (first, second)]
    )
    for name in (*SHARED, "p_value", "lift_low", "status"):
        assert getattr(both, name).tolist() == getattr(apart, name).tolist()


def test_every_row_may_have_a_confidence_of_its_own() -> None:
    arms = [
        batch_arms.means(*(column([v] * 2) for v in (50.0, m, 4.0))) for m in (1.0, 2.0)
    ]
    pairs = independent(arms[0], arms[1])
    found = compare_many(pairs, confidence=column([0.9, 0.99]))
    for row, confidence in enumerate((0.9, 0.99)):
        one = compare_many(pairs, confidence=confidence)
        assert found.low[row] == one.low[row]


def test_a_bad_row_brings_no_other_down() -> None:
    bad = [math.nan, math.inf, -math.inf, 1e308]
    n = column([50.0] * 5)
    control = batch_arms.means(n, column([1.0, *bad]), column([4.0] * 5))
    treatment = batch_arms.means(n, column([2.0, *bad[::-1]]), column([4.0] * 5))
    found = compare_many(independent(control, treatment), confidence=0.95)
    assert found.status.tolist()[0] == Status.COMPARED
    assert (found.status[1:4] == Status.INVALID).all()
    for name in (
        *SHARED,
        "degrees",
        "p_value",
        "log_p_value",
        "lift",
        "lift_low",
        "lift_high",
    ):
        assert np.isfinite(getattr(found, name)).all()


def test_an_effect_beyond_all_numbers_is_invalid() -> None:
    n, one = column([2.0, 50.0, math.nan]), column([1.0, -1.0, 1.0])
    control = batch_arms.means(n, column([-1e308] * 3), one)
    treatment = batch_arms.means(n, column([1e308] * 3), one)
    found = compare_many(independent(control, treatment), confidence=0.95)
    assert found.status.tolist() == [Status.INVALID] * 3


@pytest.mark.parametrize("degrees", [1.0, 3.7, 50.0, 999.0, 1001.0, 5e3, 1e5, 1e6, 1e9])
@pytest.mark.parametrize("statistic", [0.0, 0.3, 1.96, 4.0, 9.0, 30.0])
def test_p_values_are_students(degrees: float, statistic: float) -> None:
    p, log_p = two_sided(column([statistic, -statistic]), column([degrees] * 2))
    known = 2 * stats.t.sf(statistic, degrees)
    assert p == pytest.approx([known] * 2, rel=1e-10)
    assert log_p == pytest.approx([math.log(known)] * 2, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("degrees", [1.0, 20.0, 999.0, 1153.0, 1e4, 1e7])
@pytest.mark.parametrize("alpha", [0.5, 0.05, 1e-3, 1e-6])
def test_critical_values_are_students(degrees: float, alpha: float) -> None:
    found = critical_values(column([degrees]), column([alpha]))
    assert found[0] == pytest.approx(stats.t.isf(alpha / 2, degrees), rel=1e-12)


def test_arrays_that_do_not_line_up_are_refused() -> None:
    two, three = column([9.0] * 2), column([9.0] * 3)
    with pytest.raises(InvalidArgument):
        batch_arms.means(two, three, two)
    with pytest.raises(InvalidArgument):
        independent(
            batch_arms.means(two, two, two), batch_arms.means(three, three, three)
        )
    with pytest.raises(InvalidArgument):
        batch_arms.ratios(two, np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(InvalidArgument):
        Counts(two, three)
    with pytest.raises(InvalidArgument):
        joined([])
    with pytest.raises(InvalidArgument):
        joined_comparisons([])


@pytest.mark.parametrize("confidence", [0.0, 1.0, math.nan, column([0.9])])
def test_a_confidence_that_does_not_fit_is_refused(confidence: Any) -> None:
    two = column([9.0] * 2)
    pairs: Pairs = independent(
        batch_arms.means(two, two, two), batch_arms.means(two, two, two)
    )
    with pytest.raises(InvalidArgument, match="confidence"):
        compare_many(pairs, confidence=confidence)


def test_estimates_are_what_the_rows_hold() -> None:
    arm = batch_arms.means(column([50.0]), column([3.0]), column([2.0]))
    one = Sample(50, 3.0, 98.0).estimate()
    assert Estimate(50, float(arm.value[0]), float(arm.variance[0])) == one
