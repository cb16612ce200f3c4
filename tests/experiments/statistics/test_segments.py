"""Segments and crossed experiments: against regressions with interactions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.crossproducts import Moments
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.heterogeneity import Effect, heterogeneity
from experiments.statistics.interactions import interaction
from experiments.statistics.means import welch
from experiments.statistics.samples import Estimate
from tests.experiments.statistics.units import Floats, least_squares

seeds = some.integers(min_value=0, max_value=10**6)


def estimate(values: Floats) -> Estimate:
    """The mean of some values."""
    return Moments.of(values[:, None]).sample(0).estimate()


def cells(seed: int, rows: int, columns: int) -> list[list[Floats]]:
    """Values by variant of two experiments."""
    generator = np.random.default_rng(seed)
    return [
        [
            generator.normal(1 + 0.3 * i + 0.2 * j * i, 1 + 0.5 * j, 40 + 10 * i + j)
            for j in range(columns)
        ]
        for i in range(rows)
    ]


def wald(values: list[list[Floats]]) -> float:
    """Wald's chi-square of the interaction by HC2, in the regression on rows."""
    rows, columns = len(values), len(values[0])
    y = np.concatenate([cell for row in values for cell in row])
    sizes = [cell.size for row in values for cell in row]
    i = np.repeat(np.repeat(np.arange(rows), columns), sizes)
    j = np.repeat(np.tile(np.arange(columns), rows), sizes)
    first = [(i == k).astype(float) for k in range(1, rows)]
    second = [(j == k).astype(float) for k in range(1, columns)]
    both = [a * b for a in first for b in second]
    design = np.column_stack([np.ones(y.size), *first, *second, *both])
    coefficients, left, inverse = least_squares(design, y)
    pull = np.einsum("ij,jk,ik->i", design, inverse, design)
    meat = design.T @ (design * (left**2 / (1 - pull))[:, None])
    spread = (inverse @ meat @ inverse)[-len(both) :, -len(both) :]
    own = coefficients[-len(both) :]
    return float(own @ np.linalg.solve(spread, own))


@pytest.mark.parametrize("segments", [2, 3, 8])
def test_q_is_the_robust_wald_test_of_the_interaction(segments: int) -> None:
    values = cells(5, segments, 2)
    effects = [Effect.between(estimate(a), estimate(b)) for a, b in values]
    found = heterogeneity(effects)
    assert found.statistic == pytest.approx(wald(values), rel=1e-8)
    assert found.degrees == segments - 1
    assert found.p_value == pytest.approx(
        stats.chi2.sf(found.statistic, segments - 1), rel=1e-9
    )


def test_the_common_effect_weighs_by_precision() -> None:
    effects = [Effect(0.1, 0.01), Effect(0.9, 0.04), Effect(0.2, 0.02)]
    found = heterogeneity(effects)
    known = np.average([0.1, 0.9, 0.2], weights=[100, 25, 50])
    assert found.common == pytest.approx(known)
    assert found.common_error == pytest.approx(math.sqrt(1 / 175))
    q = 100 * (0.1 - known) ** 2 + 25 * (0.9 - known) ** 2 + 50 * (0.2 - known) ** 2
    assert found.statistic == pytest.approx(q)
    assert found.share == pytest.approx(1 - 2 / q)


@given(seeds, some.floats(min_value=-10.0, max_value=10.0))
def test_an_effect_added_everywhere_changes_no_heterogeneity(
    seed: int, shift: float
) -> None:
    generator = np.random.default_rng(seed)
    effects = [Effect(*row) for row in generator.uniform(0.1, 1.0, (5, 2))]
    moved = [Effect(e.value + shift, e.variance) for e in effects]
    found, after = heterogeneity(effects), heterogeneity(moved)
    assert after.statistic == pytest.approx(found.statistic, rel=1e-7, abs=1e-9)
    assert after.common == pytest.approx(found.common + shift, abs=1e-9)


def test_equal_effects_have_nothing_to_explain() -> None:
    found = heterogeneity([Effect(0.5, 0.1)] * 4)
    assert (found.statistic, found.p_value, found.share) == (0.0, 1.0, 0.0)


def test_an_effect_may_come_from_a_comparison() -> None:
    a, b = (Moments.of(v[:, None]).sample(0) for v in cells(1, 1, 2)[0])
    found = Effect.of(welch(a, b, confidence=0.95))
    known = Effect.between(a.estimate(), b.estimate())
    assert found.value == known.value
    assert found.variance == pytest.approx(known.variance, rel=1e-12)


def test_one_segment_differs_from_nothing() -> None:
    with pytest.raises(TooFewUnits):
        heterogeneity([Effect(0.5, 0.1)])


@pytest.mark.parametrize(
    ("value", "variance", "error"),
    [
        (math.nan, 1.0, InvalidArgument),
        (1.0, math.inf, InvalidArgument),
        (1.0, -1.0, InvalidArgument),
        (1.0, 0.0, NoVariation),
    ],
)
def test_an_effect_that_no_segment_has_is_refused(
    value: float, variance: float, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Effect(value, variance)


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (2, 3), (3, 4)])
def test_the_interaction_is_the_robust_wald_test(rows: int, columns: int) -> None:
    values = cells(9, rows, columns)
    found = interaction(
        [[estimate(cell) for cell in row] for row in values], confidence=0.95
    )
    assert found.statistic == pytest.approx(wald(values), rel=1e-8)
    assert found.degrees == (rows - 1) * (columns - 1)
    means = np.array([[cell.mean() for cell in row] for row in values])
    known = means[1:, 1:] - means[1:, :1] - means[:1, 1:] + means[0, 0]
    assert np.array(found.values) == pytest.approx(known, abs=1e-12)
    if found.difference is None:
        assert found.p_value == pytest.approx(
            stats.chi2.sf(found.statistic, found.degrees), rel=1e-9
        )


def test_two_by_two_has_an_interval_that_agrees_with_p() -> None:
    values = [[estimate(cell) for cell in row] for row in cells(10, 2, 2)]
    found = interaction(values, confidence=0.95)
    assert found.difference is not None
    assert found.difference.statistic**2 == pytest.approx(found.statistic, rel=1e-9)
    assert found.p_value == found.difference.p_value
    excludes = found.difference.low > 0 or found.difference.high < 0
    assert excludes == (found.p_value < 0.05)


def test_effects_that_add_up_interact_one_time_in_twenty() -> None:
    generator = np.random.default_rng(3)
    wrong = 0
    for _ in range(1000):
        table = [
            [estimate(generator.normal(i + j, 1 + i, 20)) for j in (0, 1)]
            for i in (0, 1)
        ]
        wrong += interaction(table, confidence=0.95).p_value < 0.05
    assert 0.03 <= wrong / 1000 <= 0.07


@pytest.mark.parametrize("shape", [(0, 0), (1, 2), (2, 1)])
def test_a_table_without_two_experiments_is_refused(shape: tuple[int, int]) -> None:
    table = [[Estimate(9, 1.0, 1.0)] * shape[1] for _ in range(shape[0])]
    with pytest.raises(InvalidArgument, match="two by two"):
        interaction(table, confidence=0.95)


def test_cells_without_variation_are_refused() -> None:
    flat = [[Estimate(9, 1.0, 0.0)] * 2] * 2
    with pytest.raises(NoVariation):
        interaction(flat, confidence=0.95)
