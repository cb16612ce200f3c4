"""Cross products: exact in any order, and centred without loss."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from numpy.typing import NDArray

from experiments.statistics.crossproducts import CrossProducts, Moments, rare_levels
from experiments.statistics.errors import InvalidArgument, TooFewUnits

cells = some.integers(min_value=-(10**15), max_value=10**15)
tables = some.lists(some.tuples(cells, cells, cells), min_size=2, max_size=30)


def of(rows: list[tuple[int, int, int]]) -> CrossProducts:
    """Cross products of rows, column 2 in thousandths."""
    return CrossProducts.of(np.array(rows, dtype=np.int64), steps=(1, 1, 1000))


@given(tables)
def test_every_entry_is_the_definition_to_the_last_digit(
    rows: list[tuple[int, int, int]],
) -> None:
    found = of(rows).centred()
    steps = (1, 1, 1000)
    means = [Fraction(sum(r[i] for r in rows), len(rows) * steps[i]) for i in range(3)]
    for i in range(3):
        assert found.mean[i] == float(means[i])
        for j in range(3):
            exact = sum(
                (Fraction(r[i], steps[i]) - means[i])
                * (Fraction(r[j], steps[j]) - means[j])
                for r in rows
            )
            assert found.deviations[i, j] == float(exact)


@given(tables, tables)
def test_adding_and_taking_away_leaves_nothing_behind(
    one: list[tuple[int, int, int]], other: list[tuple[int, int, int]]
) -> None:
    assert of(one) + of(other) == of(one + other)
    assert of(one + other) - of(other) == of(one)


@given(some.integers(min_value=0, max_value=10**6), some.integers(2, 12))
def test_random_splits_merge_to_one_pass(seed: int, parts: int) -> None:
    generator = np.random.default_rng(seed)
    rows = generator.normal(3.0, 1.0, (200, 3)) * (1.0, 10.0, 0.1)
    cuts = np.sort(generator.integers(1, 200, parts))
    merged = None
    for piece in np.split(rows, cuts):
        if len(piece):
            own = Moments.of(piece)
            merged = own if merged is None else merged.merge(own)
    assert merged is not None
    whole = Moments.of(rows)
    assert merged.n == whole.n
    assert merged.mean == pytest.approx(whole.mean, rel=1e-12)
    scale = np.sqrt(np.outer(np.diag(whole.deviations), np.diag(whole.deviations)))
    assert (np.abs(merged.deviations - whole.deviations) <= 1e-12 * scale).all()


def test_a_unit_variance_survives_on_a_mean_of_1e9() -> None:
    draws = np.random.default_rng(5).normal(1e9, 1.0, (5000, 2))
    steps = np.round(draws * 1_000_000).astype(np.int64)
    found = CrossProducts.of(steps, steps=(10**6, 10**6)).centred()
    known = np.cov(draws - 1e9, rowvar=False) * 4999
    assert found.deviations == pytest.approx(known, rel=1e-6, abs=1e-3)


def test_a_folded_level_is_as_if_it_had_never_been_coded() -> None:
    generator = np.random.default_rng(3)
    rows = generator.integers(0, 2, (50, 4))
    found = CrossProducts.of(rows, steps=(1, 1, 1, 1)).without([2])
    assert found == CrossProducts.of(rows[:, [0, 1, 3]], steps=(1, 1, 1))


def test_a_level_is_rare_by_its_smallest_arm() -> None:
    def arm(first: int, second: int) -> CrossProducts:
        rows = np.zeros((100, 3), dtype=np.int64)
        rows[:first, 1] = 1
        rows[:second, 2] = 1
        return CrossProducts.of(rows, steps=(1, 1, 1))

    arms = [arm(20, 40), arm(60, 19)]
    assert rare_levels(arms, [1, 2], minimum=20) == (2,)
    assert rare_levels(arms, [1], minimum=21) == (1,)


def test_weighted_sums_have_the_moments_of_the_summed_rows() -> None:
    rows = np.random.default_rng(8).normal(2.0, 1.0, (80, 3))
    weights = np.array([[1.0, -2.0, 0.0], [0.5, 0.0, 3.0]])
    found = Moments.of(rows).transform(weights)
    known = Moments.of(rows @ weights.T)
    assert found.mean == pytest.approx(known.mean, rel=1e-12)
    assert found.deviations == pytest.approx(known.deviations, rel=1e-12)


def test_one_column_and_two_are_samples() -> None:
    rows = np.random.default_rng(9).normal(4.0, 1.0, (30, 2))
    found = Moments.of(rows)
    assert found.sample(1).variance == pytest.approx(rows[:, 1].var(ddof=1), rel=1e-12)
    assert found.pair().products == pytest.approx(np.cov(rows.T)[0, 1] * 29, rel=1e-12)
    assert found.select([1]).mean.tolist() == [found.mean[1]]


@pytest.mark.parametrize(
    ("totals", "products", "steps", "argument"),
    [
        ((1, 2), ((1, 2), (2, 3)), (1,), "steps"),
        ((1, 2), ((1, 2), (2, 3)), (1, 0), "steps"),
        ((1, 2), ((1, 2),), (1, 1), "products"),
        ((1, 2), ((1, 2), (4, 3)), (1, 1), "products"),
        ((), (), (), "steps"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    totals: tuple[int, ...],
    products: tuple[tuple[int, ...], ...],
    steps: tuple[int, ...],
    argument: str,
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        CrossProducts(4, totals, products, steps)
    assert caught.value.argument == argument


@pytest.mark.parametrize(
    "products", [((1, 0), (0, 9)), ((30, 99), (99, 30)), ((10**700, 0), (0, 10**700))]
)
def test_sums_that_no_values_have_are_refused(
    products: tuple[tuple[int, ...], ...],
) -> None:
    with pytest.raises(InvalidArgument):
        CrossProducts(3, (5, 5), products, (1, 1)).centred()


def test_other_columns_cannot_be_added() -> None:
    one = CrossProducts(1, (1,), ((1,),), (1,))
    with pytest.raises(InvalidArgument, match="steps"):
        one + CrossProducts(1, (1,), ((1,),), (2,))
    with pytest.raises(InvalidArgument, match="columns"):
        Moments.of(np.ones((3, 2))).merge(Moments.of(np.ones((3, 1))))


def test_the_outcome_cannot_be_dropped() -> None:
    with pytest.raises(InvalidArgument, match="covariates"):
        CrossProducts(1, (1,), ((1,),), (1,)).without([0])


def test_more_units_than_there_are_cannot_be_taken_away() -> None:
    one = CrossProducts(1, (1,), ((1,),), (1,))
    with pytest.raises(InvalidArgument, match="negative"):
        one - (one + one)


def test_nobody_has_no_moments() -> None:
    with pytest.raises(TooFewUnits):
        CrossProducts(0, (0,), ((0,),), (1,)).centred()
    with pytest.raises(TooFewUnits):
        Moments.of(np.empty((0, 2)))


@pytest.mark.parametrize(
    ("mean", "deviations"),
    [
        (np.array([np.nan]), np.array([[1.0]])),
        (np.array([1.0]), np.array([[np.inf]])),
        (np.array([1.0]), np.array([[-1.0]])),
        (np.array([1.0, 2.0]), np.array([[1.0]])),
    ],
)
def test_moments_that_no_arm_has_are_refused(
    mean: NDArray[np.float64], deviations: NDArray[np.float64]
) -> None:
    with pytest.raises(InvalidArgument):
        Moments(3, mean, deviations)
