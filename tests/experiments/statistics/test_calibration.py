"""A/A at a small size: one in twenty, and intervals that cover."""

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.statistics.means import Samples, welch_many

RUNS = 2000
UNITS = 1000


def arm(draws: NDArray[np.float64]) -> Samples:
    """One arm in every run: (runs, units) values."""
    runs, units = draws.shape
    return Samples(
        n=np.full(runs, float(units)),
        mean=draws.mean(axis=1),
        variance=draws.var(axis=1, ddof=1),
    )


@pytest.mark.parametrize("shape", ["normal", "rare", "skewed"])
def test_two_equal_arms_differ_one_time_in_twenty(shape: str) -> None:
    generator = np.random.default_rng(20)

    def drawn() -> NDArray[np.float64]:
        if shape == "normal":
            return generator.normal(size=(RUNS, UNITS))
        if shape == "rare":
            return (generator.random((RUNS, UNITS)) < 0.05).astype(np.float64)
        return np.minimum(generator.lognormal(0, 1.5, (RUNS, UNITS)), 103.0)

    found = welch_many(arm(drawn()), arm(drawn()), confidence=0.95)
    wrong = float((found.p_value < 0.05).mean())
    covered = float(((found.low <= 0) & (found.high >= 0)).mean())
    assert 0.04 <= wrong <= 0.06
    assert covered == pytest.approx(1 - wrong, abs=1e-9)
    quarters = np.histogram(found.p_value, bins=4, range=(0, 1))[0] / RUNS
    assert quarters == pytest.approx(np.full(4, 0.25), abs=0.04)
