"""Caps: an order statistic, never an interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from experiments.statistics.caps import quantile_cap
from experiments.statistics.errors import InvalidArgument, TooFewUnits

rows = some.lists(some.integers(0, 10**15), min_size=1, max_size=300)


@given(rows, some.sampled_from([0.001, 0.5, 0.9, 0.95, 0.999]))
def test_it_is_numpys_higher_order_statistic(rows: list[int], quantile: float) -> None:
    found = quantile_cap(np.array(rows, dtype=np.int64), quantile=quantile)
    assert found in rows
    known = int(np.quantile(np.array(rows), quantile, method="higher"))
    assert found == known


def test_a_quantile_is_read_as_the_decimal_that_was_written() -> None:
    """0.1 * 30 is 3 in decimals, and a hair more in binary."""
    values = np.arange(31, dtype=np.int64)
    assert quantile_cap(values, quantile=0.1) == 3


def test_one_extreme_unit_in_a_thousand_is_cut() -> None:
    values = np.array([5] * 1001 + [10**9], dtype=np.int64)
    assert quantile_cap(values, quantile=0.999) == 5


def test_zeros_count() -> None:
    values = np.array([0] * 99 + [7], dtype=np.int64)
    assert quantile_cap(values, quantile=0.5) == 0


def test_nothing_has_no_quantile() -> None:
    with pytest.raises(TooFewUnits):
        quantile_cap(np.array([], dtype=np.int64), quantile=0.5)
    with pytest.raises(InvalidArgument):
        quantile_cap(np.array([1], dtype=np.int64), quantile=1.0)
