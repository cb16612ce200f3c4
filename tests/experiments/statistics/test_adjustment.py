"""Adjusted means: against least squares on the rows themselves, and by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.adjustment import Adjusted, ancova, cuped, lin
from experiments.statistics.covariates import usable_columns
from experiments.statistics.crossproducts import CrossProducts, Moments
from experiments.statistics.differences import Method
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.means import welch
from experiments.statistics.relative import LiftStatus
from experiments.statistics.stratification import post_stratified
from tests.experiments.statistics.units import (
    Floats,
    drawn_pair,
    least_squares,
    summarised,
)

seeds = some.integers(min_value=0, max_value=10**6)


@pytest.mark.parametrize("covariates", [1, 2, 5, 12])
def test_lin_is_the_regression_with_interactions(covariates: int) -> None:
    control, treatment = drawn_pair(31, 400, covariates=covariates)
    rows = np.vstack([control, treatment])
    arm = np.repeat([0.0, 1.0], [len(control), len(treatment)])
    centred = rows[:, 1:] - rows[:, 1:].mean(axis=0)
    design = np.column_stack([np.ones(len(rows)), arm, centred, centred * arm[:, None]])
    coefficients, _, _ = least_squares(design, rows[:, 0])
    found = lin(*summarised((control, treatment)), confidence=0.95)
    assert found.difference.method is Method.LIN
    assert found.difference.value == pytest.approx(coefficients[1], rel=1e-9)
    assert found.control.value == pytest.approx(coefficients[0], rel=1e-9)
    slopes = coefficients[2 : 2 + covariates]
    assert found.control_slopes == pytest.approx(slopes, rel=1e-9)
    turned = slopes + coefficients[2 + covariates :]
    assert found.treatment_slopes == pytest.approx(turned, rel=1e-9)


@pytest.mark.parametrize("covariates", [1, 3])
def test_lins_variance_is_each_regressions_own_plus_that_of_the_mean(
    covariates: int,
) -> None:
    """Per arm: the classical variance of the prediction at the mean of all units."""
    arms = drawn_pair(77, 500, covariates=covariates)
    z = np.vstack(arms)[:, 1:]
    known, slopes = 0.0, []
    for rows in arms:
        design = np.column_stack([np.ones(len(rows)), rows[:, 1:] - z.mean(axis=0)])
        coefficients, left, inverse = least_squares(design, rows[:, 0])
        scale = left @ left / (len(rows) - covariates - 1)
        known += float(scale * inverse[0, 0])
        slopes.append(coefficients[1:])
    gap = slopes[1] - slopes[0]
    spread = np.atleast_2d(np.cov(z, rowvar=False))
    known += float(gap @ spread @ gap) / len(z)
    found = lin(*summarised(arms), confidence=0.95)
    assert found.difference.standard_error**2 == pytest.approx(known, rel=1e-9)


@pytest.mark.parametrize("covariates", [1, 2, 6])
def test_ancova_with_equal_variances_is_the_textbooks(covariates: int) -> None:
    control, treatment = drawn_pair(5, 60, covariates=covariates)
    rows = np.vstack([control, treatment])
    arm = np.repeat([0.0, 1.0], [len(control), len(treatment)])
    design = np.column_stack([np.ones(len(rows)), arm, rows[:, 1:]])
    coefficients, left, inverse = least_squares(design, rows[:, 0])
    degrees = len(rows) - design.shape[1]
    error = np.sqrt(left @ left / degrees * inverse[1, 1])
    found = ancova(
        *summarised((control, treatment)), confidence=0.95, equal_variances=True
    ).difference
    assert found.value == pytest.approx(coefficients[1], rel=1e-9)
    assert found.standard_error == pytest.approx(error, rel=1e-9)
    assert found.degrees == pytest.approx(degrees, rel=1e-12)
    p_value = 2 * stats.t.sf(abs(coefficients[1] / error), degrees)
    assert found.p_value == pytest.approx(p_value, rel=1e-7)


def test_ancova_with_unequal_variances_weighs_each_arms_residuals() -> None:
    """The sandwich of the pooled slope, each arm with a variance of its own."""
    arms = drawn_pair(6, 70, covariates=2)
    within = [rows[:, 1:] - rows[:, 1:].mean(axis=0) for rows in arms]
    total = sum(z.T @ z for z in within)
    outcome = [rows[:, 0] - rows[:, 0].mean() for rows in arms]
    slope = np.linalg.solve(
        total, sum(z.T @ y for z, y in zip(within, outcome, strict=True))
    )
    gap = arms[1][:, 1:].mean(axis=0) - arms[0][:, 1:].mean(axis=0)
    known = 0.0
    for z, y in zip(within, outcome, strict=True):
        weights = 1 / len(y) - z @ np.linalg.solve(total, gap)
        left = y - z @ slope
        used = 1 + np.trace(np.linalg.solve(total, z.T @ z))
        known += float(weights @ weights) * (left @ left) / (len(y) - used)
    found = ancova(*summarised(arms), confidence=0.95, equal_variances=False)
    assert found.difference.standard_error**2 == pytest.approx(known, rel=1e-9)


def test_small_arms_share_their_slopes() -> None:
    arms = summarised(drawn_pair(9, 60))
    assert lin(*arms, confidence=0.95) == ancova(
        *arms, confidence=0.95, equal_variances=False
    )


def test_cuped_takes_the_slope_of_all_units_merged() -> None:
    control, treatment = drawn_pair(14, 300, covariates=1)
    rows = np.vstack([control, treatment])
    theta = np.cov(rows.T)[0, 1] / rows[:, 1].var(ddof=1)
    moved = [
        a[:, 0] - theta * (a[:, 1] - rows[:, 1].mean()) for a in (control, treatment)
    ]
    known = stats.ttest_ind(moved[1], moved[0], equal_var=False)
    found = cuped(*summarised((control, treatment)), confidence=0.95)
    assert found.control_slopes == pytest.approx([theta], rel=1e-9)
    assert found.control.value == pytest.approx(moved[0].mean(), rel=1e-9)
    assert found.difference.p_value == pytest.approx(known.pvalue, rel=1e-7)
    interval = known.confidence_interval(0.95)
    assert found.difference.low == pytest.approx(interval.low, rel=1e-9)


def by(name: str, control: Moments, treatment: Moments) -> Adjusted:
    """One of the adjustments, by its name."""
    if name == "ancova":
        return ancova(control, treatment, confidence=0.95, equal_variances=False)
    return {"lin": lin, "cuped": cuped}[name](control, treatment, confidence=0.95)


names = some.sampled_from(["lin", "ancova", "cuped"])


@given(seeds, names)
def test_swapping_the_arms_only_flips_the_sign(seed: int, name: str) -> None:
    control, treatment = summarised(drawn_pair(seed, 120))
    there, back = by(name, control, treatment), by(name, treatment, control)
    assert back.difference.value == pytest.approx(-there.difference.value, rel=1e-9)
    assert back.difference.low == pytest.approx(-there.difference.high, rel=1e-9)
    assert back.difference.p_value == pytest.approx(there.difference.p_value, rel=1e-6)


@given(
    seeds,
    names,
    some.floats(min_value=-1e3, max_value=1e3),
    some.floats(min_value=1e-3, max_value=1e3),
)
def test_units_and_origins_of_covariates_do_not_matter(
    seed: int, name: str, shift: float, factor: float
) -> None:
    arms = drawn_pair(seed, 110)
    moved = tuple(rows * (1.0, factor, 1.0) + (0.0, 0.0, shift) for rows in arms)
    before = by(name, *summarised(arms)).difference
    after = by(name, *summarised((moved[0], moved[1]))).difference
    assert after.value == pytest.approx(before.value, rel=1e-6, abs=1e-9)
    assert after.standard_error == pytest.approx(before.standard_error, rel=1e-6)


@given(seeds, names, some.floats(min_value=1e-3, max_value=1e3))
def test_a_change_of_the_outcomes_unit_changes_no_p_value(
    seed: int, name: str, factor: float
) -> None:
    arms = drawn_pair(seed, 110)
    scaled = tuple(rows * (factor, 1.0, 1.0) for rows in arms)
    before = by(name, *summarised(arms)).difference
    after = by(name, *summarised((scaled[0], scaled[1]))).difference
    assert after.log_p_value == pytest.approx(before.log_p_value, rel=1e-6, abs=1e-9)


@given(seeds, names)
def test_the_lift_agrees_with_the_difference(seed: int, name: str) -> None:
    found = by(name, *summarised(drawn_pair(seed, 100, effect=0.1)))
    own = found.control.variance + found.treatment.variance - 2 * found.covariance
    assert own == pytest.approx(found.difference.standard_error**2, rel=1e-9)
    lift = found.lift()
    assert lift.status is LiftStatus.BOUNDED
    assert lift.low is not None
    assert lift.high is not None
    assert (lift.low > 0) == (found.difference.low > 0)
    assert (lift.high < 0) == (found.difference.high < 0)


def test_exact_sums_and_rows_give_the_same() -> None:
    arms = drawn_pair(21, 200)
    steps = [np.round(rows * 1_000_000).astype(np.int64) for rows in arms]
    exact = [CrossProducts.of(rows, steps=(10**6,) * 3).centred() for rows in steps]
    found = lin(exact[0], exact[1], confidence=0.95).difference
    known = lin(*summarised(arms), confidence=0.95).difference
    assert found.value == pytest.approx(known.value, rel=1e-5)
    assert found.standard_error == pytest.approx(known.standard_error, rel=1e-6)


def with_columns(
    arms: tuple[Floats, Floats], *columns: Floats
) -> tuple[Floats, Floats]:
    """Both arms with further columns, given for both after each other."""
    size = len(arms[0])
    added = np.column_stack(columns)
    return (
        np.column_stack([arms[0], added[:size]]),
        np.column_stack([arms[1], added[size:]]),
    )


def test_constant_and_repeated_columns_are_left_out() -> None:
    arms = drawn_pair(2, 150)
    z = np.vstack(arms)[:, 1:]
    longer = with_columns(arms, np.full(len(z), 7.0), 3.0 * z[:, 0] - z[:, 1] + 2.0)
    found = lin(*summarised(longer), confidence=0.95)
    assert found.columns == (1, 2)
    known = lin(*summarised(arms), confidence=0.95)
    assert found.difference.value == pytest.approx(known.difference.value, rel=1e-12)
    assert found.difference.degrees == pytest.approx(known.difference.degrees)


def test_a_column_constant_in_one_arm_has_no_slope_there() -> None:
    control, treatment = drawn_pair(2, 150)
    control[:, 2] = 1.0
    arms = summarised((control, treatment))
    assert usable_columns(*arms, each=True) == (1,)
    assert usable_columns(*arms, each=False) == (1, 2)


@pytest.mark.parametrize("name", ["lin", "ancova", "cuped"])
def test_without_a_covariate_that_varies_it_is_welch(name: str) -> None:
    rows = drawn_pair(4, 130, covariates=1)
    for arm in rows:
        arm[:, 1] = 2.5
    arms = summarised(rows)
    found = by(name, *arms)
    assert found.difference == welch(
        arms[0].sample(0), arms[1].sample(0), confidence=0.95
    )
    assert (found.columns, found.variance_reduction) == ((), 0.0)


def test_the_reduction_is_the_squared_correlation() -> None:
    generator = np.random.default_rng(1)
    arms = []
    for _ in range(2):
        z = generator.normal(size=20_000)
        y = 0.8 * z + 0.6 * generator.normal(size=20_000)
        arms.append(np.column_stack([y, z]))
    found = lin(*summarised((arms[0], arms[1])), confidence=0.95)
    assert found.variance_reduction == pytest.approx(0.64, abs=0.01)


def test_a_useless_covariate_reduces_nothing() -> None:
    generator = np.random.default_rng(2)
    arms = (generator.normal(size=(300, 4)), generator.normal(size=(300, 4)))
    found = lin(*summarised(arms), confidence=0.95)
    assert 0.0 <= found.variance_reduction < 0.05


def test_an_outcome_that_the_covariate_settles_cannot_be_judged() -> None:
    z = np.random.default_rng(3).normal(size=(2, 200))
    arms = tuple(np.column_stack([2.0 * row, row]) for row in z)
    with pytest.raises(NoVariation):
        lin(*summarised((arms[0], arms[1])), confidence=0.95)


def test_an_arm_needs_more_units_than_covariates() -> None:
    arms = summarised(drawn_pair(3, 6, covariates=12))
    with pytest.raises(TooFewUnits, match="covariates"):
        lin(*arms, confidence=0.95)


@pytest.mark.parametrize("name", ["lin", "ancova", "cuped"])
def test_one_unit_is_too_few(name: str) -> None:
    control, treatment = drawn_pair(3, 150)
    with pytest.raises(TooFewUnits):
        by(name, *summarised((control[:1], treatment)))


def test_arms_with_other_columns_cannot_be_compared() -> None:
    arms = summarised(drawn_pair(3, 150))
    with pytest.raises(InvalidArgument, match="columns"):
        lin(arms[0], arms[1].select((0, 1)), confidence=0.95)


@pytest.mark.parametrize("confidence", [0.0, 1.0, float("nan")])
def test_a_confidence_outside_zero_to_one_is_refused(confidence: float) -> None:
    with pytest.raises(InvalidArgument, match="confidence"):
        lin(*summarised(drawn_pair(3, 150)), confidence=confidence)


def strata(seed: int) -> list[tuple[Floats, Floats]]:
    """Outcomes of three strata with other sizes, means and effects."""
    generator = np.random.default_rng(seed)
    return [
        (
            generator.normal(level, 1.0, 60 * level),
            generator.normal(level + 0.2 * level, 1.5, 45 * level),
        )
        for level in (1, 2, 3)
    ]


def test_post_stratification_weighs_effects_by_all_units() -> None:
    values = strata(5)
    found = post_stratified(
        [
            (Moments.of(a[:, None]).sample(0), Moments.of(b[:, None]).sample(0))
            for a, b in values
        ],
        confidence=0.95,
    )
    n = sum(len(a) + len(b) for a, b in values)
    shares = np.array([(len(a) + len(b)) / n for a, b in values])
    effects = np.array([b.mean() - a.mean() for a, b in values])
    own = np.array([a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b) for a, b in values])
    value = shares @ effects
    variance = shares**2 @ own + shares @ (effects - value) ** 2 / n
    assert found.difference.value == pytest.approx(value, rel=1e-12)
    assert found.difference.standard_error**2 == pytest.approx(variance, rel=1e-12)
    whole = found.control.variance + found.treatment.variance - 2 * found.covariance
    assert whole == pytest.approx(variance, rel=1e-9)
    lift = found.lift()
    assert lift.value == pytest.approx(value / found.control.value, rel=1e-12)


def test_lin_with_a_column_per_stratum_finds_the_post_stratified_effect() -> None:
    values = strata(6)
    arms = []
    for side in (0, 1):
        rows = [
            np.column_stack(
                [pair[side], np.tile(np.eye(3)[level, 1:], (len(pair[side]), 1))]
            )
            for level, pair in enumerate(values)
        ]
        arms.append(np.vstack(rows))
    found = lin(*summarised((arms[0], arms[1])), confidence=0.95)
    known = post_stratified(
        [
            (Moments.of(a[:, None]).sample(0), Moments.of(b[:, None]).sample(0))
            for a, b in values
        ],
        confidence=0.95,
    )
    assert found.difference.value == pytest.approx(known.difference.value, rel=1e-9)


def test_one_stratum_is_welch() -> None:
    (a, b), *_ = strata(7)
    arms = Moments.of(a[:, None]).sample(0), Moments.of(b[:, None]).sample(0)
    found = post_stratified([arms], confidence=0.95).difference
    known = welch(*arms, confidence=0.95)
    assert found.p_value == pytest.approx(known.p_value, rel=1e-9)


def test_no_stratum_is_refused() -> None:
    with pytest.raises(TooFewUnits, match="stratum"):
        post_stratified([], confidence=0.95)
    flat = Moments.of(np.ones((5, 1))).sample(0)
    with pytest.raises(NoVariation):
        post_stratified([(flat, flat)], confidence=0.95)
