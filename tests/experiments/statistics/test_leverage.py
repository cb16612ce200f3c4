"""HC2 from unit values: against the sandwich written out with full matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from experiments.statistics.adjustment import lin
from experiments.statistics.differences import Method
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.leverage import lin_by_unit
from experiments.statistics.means import welch
from tests.experiments.statistics.units import drawn_pair, least_squares, summarised

seeds = some.integers(min_value=0, max_value=10**6)


@pytest.mark.parametrize("covariates", [1, 2, 4])
@pytest.mark.parametrize("size", [15, 40, 300])
def test_it_is_the_interacted_regression_with_hc2(covariates: int, size: int) -> None:
    """Plus the variance of the covariates' mean, which HC2 holds fixed."""
    control, treatment = drawn_pair(41, size, covariates=covariates)
    rows = np.vstack([control, treatment])
    arm = np.repeat([0.0, 1.0], [len(control), len(treatment)])
    centred = rows[:, 1:] - rows[:, 1:].mean(axis=0)
    design = np.column_stack([np.ones(len(rows)), arm, centred, centred * arm[:, None]])
    coefficients, left, inverse = least_squares(design, rows[:, 0])
    pull = np.einsum("ij,jk,ik->i", design, inverse, design)
    meat = design.T @ (design * (left**2 / (1 - pull))[:, None])
    gap = coefficients[2 + covariates :]
    spread = np.atleast_2d(np.cov(rows[:, 1:], rowvar=False))
    known = (inverse @ meat @ inverse)[1, 1] + gap @ spread @ gap / len(rows)
    found = lin_by_unit(control, treatment, confidence=0.95)
    assert found.difference.method is Method.LEVERAGE
    assert found.difference.value == pytest.approx(coefficients[1], rel=1e-9)
    assert found.difference.standard_error**2 == pytest.approx(known, rel=1e-9)
    whole = found.control.variance + found.treatment.variance - 2 * found.covariance
    assert whole == pytest.approx(known, rel=1e-9)


def test_degrees_are_those_of_the_quadratic_form() -> None:
    """One slope, and no slope in the other arm to mix: trace over full matrices."""
    arms = drawn_pair(43, 30, covariates=2)
    parts = []
    centre = np.vstack(arms)[:, 1:].mean(axis=0)
    for rows in arms:
        design = np.column_stack([np.ones(len(rows)), rows[:, 1:] - centre])
        _, left, inverse = least_squares(design, rows[:, 0])
        hat = design @ inverse @ design.T
        weight = (inverse @ design.T)[0]
        scaled = weight**2 / (1 - np.diag(hat))
        form = (np.eye(len(rows)) - hat) * np.sqrt(scaled)
        crossed = form.T @ form
        degrees = np.trace(crossed) ** 2 / (crossed**2).sum()
        parts.append((float(scaled @ left**2), float(degrees)))
    found = lin_by_unit(*arms, confidence=0.95).difference
    rest = found.standard_error**2 - sum(variance for variance, _ in parts)
    parts.append((rest, sum(map(len, arms)) - 1.0))
    total = found.standard_error**2
    known = 1 / sum((variance / total) ** 2 / free for variance, free in parts)
    assert found.degrees == pytest.approx(known, rel=1e-7)


def test_without_covariates_it_is_welch() -> None:
    control, treatment = drawn_pair(44, 25, covariates=1)
    control[:, 1] = treatment[:, 1] = 3.0
    arms = summarised((control, treatment))
    found = lin_by_unit(control, treatment, confidence=0.95)
    known = welch(arms[0].sample(0), arms[1].sample(0), confidence=0.95)
    assert found.columns == ()
    for name in ("value", "standard_error", "degrees", "p_value"):
        assert getattr(found.difference, name) == pytest.approx(
            getattr(known, name), rel=1e-9
        )


@given(seeds)
def test_in_large_arms_it_comes_near_the_one_from_sums(seed: int) -> None:
    generator = np.random.default_rng(seed)
    z = generator.normal(size=(2, 3000))
    noise = generator.normal(size=(2, 3000))
    arms = [np.column_stack([z[k] * (1 + k) + noise[k], z[k]]) for k in (0, 1)]
    found = lin_by_unit(arms[0], arms[1], confidence=0.95).difference
    known = lin(*summarised((arms[0], arms[1])), confidence=0.95).difference
    assert found.value == pytest.approx(known.value, rel=1e-6, abs=1e-9)
    assert found.standard_error == pytest.approx(known.standard_error, rel=0.01)


@given(seeds)
def test_swapping_the_arms_flips_the_sign(seed: int) -> None:
    control, treatment = drawn_pair(seed, 30)
    there = lin_by_unit(control, treatment, confidence=0.95).difference
    back = lin_by_unit(treatment, control, confidence=0.95).difference
    assert back.value == pytest.approx(-there.value, rel=1e-7)
    assert back.high == pytest.approx(-there.low, rel=1e-7)


def test_equal_arms_differ_one_time_in_twenty_even_where_one_unit_pulls() -> None:
    generator = np.random.default_rng(7)
    wrong = 0
    for _ in range(1000):
        z = generator.lognormal(0, 1.0, (2, 40))
        y = z + generator.normal(size=(2, 40)) * np.sqrt(z)
        arms = [np.column_stack([y[k], z[k]]) for k in (0, 1)]
        found = lin_by_unit(arms[0], arms[1], confidence=0.95).difference
        wrong += found.p_value < 0.05
    assert 0.03 <= wrong / 1000 <= 0.075


def test_a_unit_alone_in_its_level_tells_nothing_of_the_spread() -> None:
    control, treatment = drawn_pair(46, 40, covariates=1)
    for arm in (control, treatment):
        arm[:, 1] = 0.0
        arm[0, 1] = 1.0
    found = lin_by_unit(control, treatment, confidence=0.95).difference
    assert np.isfinite(found.standard_error)
    assert found.degrees is not None
    assert found.degrees > 30


def test_units_on_the_line_cannot_be_judged() -> None:
    control, treatment = drawn_pair(47, 40, covariates=1)
    for arm in (control, treatment):
        arm[:, 0] = 2.0 * arm[:, 1]
    with pytest.raises(NoVariation):
        lin_by_unit(control, treatment, confidence=0.95)


def test_an_arm_needs_more_units_than_covariates() -> None:
    control, treatment = drawn_pair(48, 40, covariates=3)
    with pytest.raises(TooFewUnits):
        lin_by_unit(control[:1], treatment, confidence=0.95)
    with pytest.raises(TooFewUnits):
        lin_by_unit(control[:4], treatment, confidence=0.95)


def test_a_value_that_is_no_number_is_refused() -> None:
    control, treatment = drawn_pair(49, 40)
    control[3, 1] = np.inf
    with pytest.raises(InvalidArgument, match="control"):
        lin_by_unit(control, treatment, confidence=0.95)
