"""Centred moments from sums: exact, and indifferent to how rows were split."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.moments import pair_sample, sample
from experiments.statistics.samples import Estimate, PairSample, Sample

values = some.lists(
    some.integers(min_value=-(10**15), max_value=10**15), min_size=2, max_size=40
)


def of(rows: list[int], *, steps: int = 1) -> Sample:
    """The sample of some rows."""
    return sample(
        n=len(rows), total=sum(rows), squares=sum(v * v for v in rows), steps=steps
    )


@given(values)
def test_variance_equals_the_definition_to_the_last_digit(rows: list[int]) -> None:
    mean = Fraction(sum(rows), len(rows))
    exact = sum((v - mean) ** 2 for v in rows) / (len(rows) - 1)
    assert of(rows).variance == pytest.approx(float(exact), rel=1e-15)


@given(values, some.integers(min_value=-(10**12), max_value=10**12))
def test_a_shift_moves_the_mean_and_leaves_the_variance(
    rows: list[int], shift: int
) -> None:
    moved = of([v + shift for v in rows])
    assert moved.deviations == of(rows).deviations


def test_a_small_variance_survives_on_a_large_mean() -> None:
    draws = np.random.default_rng(5).normal(1e9, 1.0, 5000)
    rows = [round(v * 1_000_000) for v in draws]
    found = of(rows, steps=1_000_000)
    assert found.variance == pytest.approx(float(np.var(draws, ddof=1)), rel=1e-6)
    assert found.mean == pytest.approx(1e9, rel=1e-9)


def test_steps_only_rescale() -> None:
    assert of([1_500_000, 2_500_000], steps=1_000_000) == Sample(2, 2.0, 0.5)


def test_float_sums_are_accepted_at_the_border() -> None:
    assert sample(n=2, total=2.0, squares=2.5, steps=1) == Sample(2, 1.0, 0.5)


def test_a_pair_has_the_covariance_of_its_rows() -> None:
    generator = np.random.default_rng(6)
    y = generator.integers(0, 50, 200)
    d = generator.integers(1, 9, 200)
    found = pair_sample(
        n=200,
        numerator=int(y.sum()),
        numerator_squares=int((y * y).sum()),
        denominator=int(d.sum()),
        denominator_squares=int((d * d).sum()),
        products=int((y * d).sum()),
        numerator_steps=10,
        denominator_steps=2,
    )
    cross = np.cov(y / 10, d / 2, ddof=1)
    assert found.numerator == pytest.approx(float(y.mean() / 10))
    assert found.denominator == pytest.approx(float(d.mean() / 2))
    assert found.numerator_deviations / 199 == pytest.approx(float(cross[0, 0]))
    assert found.denominator_deviations / 199 == pytest.approx(float(cross[1, 1]))
    assert found.products / 199 == pytest.approx(float(cross[0, 1]))


@pytest.mark.parametrize(
    ("n", "total", "squares", "steps", "argument"),
    [
        (-1, 0, 0, 1, "n"),
        (3, 3, 2, 1, "squares"),
        (3, math.nan, 9, 1, "total"),
        (3, 3, math.inf, 1, "squares"),
        (3, 3, 9, 0, "steps"),
        (3, 10**400, 10**800, 1, "total"),
        (2, 0, 10**320, 1, "squares"),
    ],
)
def test_impossible_sums_are_refused_by_name(
    n: int, total: float, squares: float, steps: int, argument: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        sample(n=n, total=total, squares=squares, steps=steps)
    assert caught.value.argument == argument


def test_no_units_have_no_mean() -> None:
    with pytest.raises(TooFewUnits, match="no units"):
        sample(n=0, total=0, squares=0, steps=1)


def test_a_product_that_no_pairs_have_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="products"):
        pair_sample(
            n=2,
            numerator=1,
            numerator_squares=1,
            denominator=1,
            denominator_squares=1,
            products=9,
            numerator_steps=1,
            denominator_steps=1,
        )


def test_summaries_refuse_what_no_arm_has() -> None:
    with pytest.raises(InvalidArgument, match="deviations"):
        Sample(n=2, mean=0.0, deviations=-1.0)
    with pytest.raises(InvalidArgument, match="mean"):
        Sample(n=2, mean=math.nan, deviations=1.0)
    with pytest.raises(TooFewUnits, match="2 units"):
        _ = Sample(n=1, mean=0.0, deviations=0.0).variance
    with pytest.raises(InvalidArgument, match="variance"):
        Estimate(n=2, value=0.0, variance=-1.0)
    with pytest.raises(TooFewUnits, match="2 units"):
        Estimate(n=1, value=0.0, variance=1.0)
    with pytest.raises(InvalidArgument, match="denominator_deviations"):
        PairSample(2, 1.0, 1.0, 1.0, -1.0, 0.0)
    with pytest.raises(InvalidArgument, match="products"):
        PairSample(2, 1.0, 1.0, 1.0, 1.0, math.inf)
