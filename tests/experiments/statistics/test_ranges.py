"""Numbers that are too large or too small to be computed with."""

import math

import pytest

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.ranges import number, size, standardised


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e80])
def test_no_number_leaves_the_range(value: float) -> None:
    with pytest.raises(InvalidArgument, match="value"):
        number("value", value)
    with pytest.raises(InvalidArgument, match="value"):
        size("value", value)
    with pytest.raises(InvalidArgument, match="value"):
        standardised("value", value)


def test_ordinary_numbers_pass() -> None:
    assert number("value", -3.5) == -3.5
    assert size("value", 1e-70) == 1e-70
    assert standardised("value", 40.0) == 40.0


def test_sizes_too_near_zero_and_distances_too_far_are_refused() -> None:
    with pytest.raises(InvalidArgument):
        size("value", 1e-80)
    with pytest.raises(InvalidArgument):
        standardised("value", 2e6)
