"""Random experiments, from tiny to large and from even to wild."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """Unit values of two arms: outcome, denominator, value before, hit, and time."""

    control: Floats
    """(n, 6) y, d, x, 0/1, days until the event or the end, whether it happened."""
    treatment: Floats
    p_values: Floats
    """(k,) of a family."""
    weights: tuple[float, float]
    """The split that the units were drawn with."""


def cases(number: int, seed: int) -> Iterator[Case]:
    """So many random cases, always the same."""
    draw = np.random.default_rng(seed)
    for _ in range(number):
        size = math.exp(draw.uniform(math.log(60), math.log(2_000)))
        weight = float(draw.choice([0.5, 0.5, 0.3, 0.1]))
        n = [max(20, round(size * share)) for share in (1.0 - weight, weight)]
        shape, centre = int(draw.integers(4)), float(draw.choice([0.0, 1.0, 50.0]))
        chance, effect = float(draw.uniform(0.02, 0.9)), float(draw.choice([0.0, 0.1]))
        arms = [
            _arm(rows, shape, centre + shift, min(chance * (1.0 + shift), 0.98), draw)
            for rows, shift in zip(n, (0.0, effect), strict=True)
        ]
        family = draw.random(int(draw.integers(1, 30))) ** float(draw.choice([1, 4]))
        yield Case(arms[0], arms[1], family, (1.0 - weight, weight))


def _arm(
    n: int, shape: int, centre: float, chance: float, draw: np.random.Generator
) -> Floats:
    x = draw.standard_normal(n)
    y = 0.6 * x + 0.8 * draw.standard_normal(n)
    if shape == 1:
        x, y = np.exp(x), np.exp(y)
    elif shape == 2:
        x, y = (np.floor(np.abs(3.0 * each) + 0.5) for each in (x, y))
    elif shape == 3:
        y = y * (0.2 + np.abs(x))
    d = 1.0 + draw.poisson(3.0, n)
    hit = (draw.random(n) < chance).astype(np.float64)
    event = draw.geometric(0.05, n)
    last = np.where(draw.random(n) < 0.3, draw.integers(1, 29, n), 28)
    days = np.minimum(event, last)
    return np.column_stack([y + centre, d, x, hit, days, event <= last])
