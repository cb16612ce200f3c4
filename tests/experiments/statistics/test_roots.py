"""Finding where a function crosses zero."""

import math
from collections.abc import Callable

import pytest

from experiments.statistics.roots import root


@pytest.mark.parametrize(
    ("function", "low", "high", "known"),
    [
        (lambda x: x * x - 2.0, 0.0, 2.0, math.sqrt(2.0)),
        (lambda x: 1.0 - math.exp(x), -1.0, 5.0, 0.0),
        (lambda x: math.atan(1e6 * (x - 0.3)), 0.0, 1.0, 0.3),
        (lambda x: (x - 1.0) ** 3, 0.0, 3.0, 1.0),
        (lambda x: -1.0 if x < 0.7 else 1.0, 0.0, 1.0, 0.7),
    ],
)
def test_the_crossing_is_found(
    function: Callable[[float], float], low: float, high: float, known: float
) -> None:
    assert root(function, low, high, tolerance=1e-12) == pytest.approx(known, abs=1e-5)


def test_without_a_crossing_the_nearer_end_is_returned() -> None:
    assert root(lambda x: x + 1.0, 0.0, 5.0, tolerance=1e-9) == 0.0
    assert root(lambda x: x - 6.0, 0.0, 5.0, tolerance=1e-9) == 5.0


def test_an_end_may_be_the_crossing() -> None:
    assert root(lambda x: x, 0.0, 5.0, tolerance=1e-9) == pytest.approx(0.0, abs=1e-9)
    assert root(lambda x: x - 5.0, 0.0, 5.0, tolerance=1e-9) == pytest.approx(5.0)
