"""Ratios by the delta method."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from experiments.statistics.errors import NoisyDenominator, NoVariation, TooFewUnits
from experiments.statistics.moments import pair_sample
from experiments.statistics.ratios import delta, ratio
from experiments.statistics.samples import PairSample

Values = NDArray[np.int64]


def of(y: Values, d: Values) -> PairSample:
    """The summary of some units."""
    return pair_sample(
        n=len(y),
        numerator=int(y.sum()),
        numerator_squares=int((y * y).sum()),
        denominator=int(d.sum()),
        denominator_squares=int((d * d).sum()),
        products=int((y * d).sum()),
        numerator_steps=1,
        denominator_steps=1,
    )


def drawn(seed: int, n: int, rate: float) -> tuple[Values, Values]:
    """Orders per unit and their value, which go together."""
    generator = np.random.default_rng(seed)
    d = generator.poisson(3.0, n) + 1
    return generator.poisson(rate * d), d


def test_the_ratio_is_tested_as_its_linear_form() -> None:
    """Each unit's (y - R d) / mean(d) is an ordinary value, which scipy can compare."""
    (y0, d0), (y1, d1) = drawn(1, 900, 2.0), drawn(2, 700, 2.2)
    linear = [(y - y.sum() / d.sum() * d) / d.mean() for y, d in ((y0, d0), (y1, d1))]
    errors = [float(z.std(ddof=1) / np.sqrt(len(z))) for z in linear]
    values = [y.sum() / d.sum() for y, d in ((y0, d0), (y1, d1))]
    known = stats.ttest_ind_from_stats(
        values[1], errors[1] * 700**0.5, 700, values[0], errors[0] * 900**0.5, 900,
        equal_var=False,
    )  # fmt: skip
    found = delta(of(y0, d0), of(y1, d1), confidence=0.95)
    assert found.value == pytest.approx(values[1] - values[0])
    assert found.p_value == pytest.approx(known.pvalue, rel=1e-9)


def test_a_denominator_of_ones_gives_the_mean() -> None:
    y, _ = drawn(3, 400, 2.0)
    found = ratio(of(y, np.ones_like(y)))
    assert found.value == pytest.approx(y.mean())
    assert found.variance == pytest.approx(float(y.var(ddof=1)) / 400)


def test_the_standard_error_is_the_spread_over_repetitions() -> None:
    estimates = [ratio(of(*drawn(seed, 300, 2.0))) for seed in range(100, 1100)]
    spread = float(np.std([e.value for e in estimates]))
    claimed = float(np.mean([e.standard_error for e in estimates]))
    assert claimed == pytest.approx(spread, rel=0.08)


def test_a_denominator_near_zero_is_refused() -> None:
    y, d = np.array([1, 0, 0, 0]), np.array([1, 0, 0, 0])
    with pytest.raises(NoisyDenominator, match="denominator"):
        ratio(of(y, d))
    with pytest.raises(NoisyDenominator):
        ratio(of(np.array([1, 2]), np.array([0, 0])))


def test_one_unit_is_too_few() -> None:
    with pytest.raises(TooFewUnits):
        ratio(of(np.array([1]), np.array([1])))


def test_units_of_one_ratio_cannot_be_compared() -> None:
    d = np.array([5, 6, 5, 6, 5])
    with pytest.raises(NoVariation):
        delta(of(2 * d, d), of(2 * d, d), confidence=0.95)
