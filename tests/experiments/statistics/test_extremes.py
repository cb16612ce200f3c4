"""Values of any size: finite numbers, or a refusal that names its reason."""

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from experiments.statistics.adjustment import ancova, cuped, lin
from experiments.statistics.clusters import Accounts, bell_mccaffrey, compare_accounts
from experiments.statistics.crossproducts import Moments
from experiments.statistics.errors import StatisticsError
from experiments.statistics.leverage import lin_by_unit
from experiments.statistics.permutation import permute_accounts
from experiments.statistics.quantiles import compare_quantiles, quantile_estimate
from experiments.statistics.ratio_adjustment import ratio_cuped, ratio_lin
from experiments.statistics.robust import mann_whitney, yuen
from tests.experiments.statistics.units import Floats

SCALES = (0.0, 1e-300, 1e-160, 1e-8, 1.0, 1e8, 1e150, 1e300)


def column(generator: np.random.Generator, n: int) -> Floats:
    """Values that are constant, rare, small, huge, negative, far out or tied."""
    scale = float(generator.choice(SCALES))
    kinds: list[Callable[[], Floats]] = [
        lambda: np.full(n, scale),
        lambda: np.asarray((generator.random(n) < 0.02) * scale, dtype=np.float64),
        lambda: generator.normal(size=n) * scale,
        lambda: np.asarray(-generator.lognormal(0, 1, n) * scale, dtype=np.float64),
        lambda: generator.normal(size=n) + scale,
        lambda: generator.integers(0, 3, n).astype(np.float64),
    ]
    return kinds[int(generator.integers(0, 6))]()


def tried(compute: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """The answer, checked number by number; None where it was refused."""
    try:
        found = compute(*given, **named)
    except StatisticsError:
        return None
    waiting = [found]
    while waiting:
        part = waiting.pop()
        if is_dataclass(part):
            waiting.extend(getattr(part, field.name) for field in fields(part))
        elif isinstance(part, tuple):
            waiting.extend(part)
        elif isinstance(part, float):
            assert math.isfinite(part)
        elif isinstance(part, np.ndarray):
            assert np.isfinite(part).all()
    return found


def adjustments(rows: tuple[Floats, Floats]) -> int:
    """Every adjustment of two arms; how many gave an answer."""
    arms = [tried(Moments.of, values) for values in rows]
    if arms[0] is None or arms[1] is None:
        return 0
    found = [
        tried(method, *arms, confidence=0.95)
        for method in (lin, cuped, ratio_lin, ratio_cuped)
    ]
    found += [
        tried(ancova, *arms, confidence=0.95, equal_variances=equal)
        for equal in (True, False)
    ]
    found.append(tried(lin_by_unit, *rows, confidence=0.95))
    for adjusted in found:
        if adjusted is not None:
            tried(adjusted.lift)
    return sum(adjusted is not None for adjusted in found)


def unit_values(rows: tuple[Floats, Floats]) -> None:
    """Every comparison of unit values and of accounts."""
    outcomes = [values[:, 0] for values in rows]
    tried(mann_whitney, *outcomes)
    tried(yuen, *outcomes, trim=0.1, confidence=0.95)
    medians = [tried(quantile_estimate, values, quantile=0.5) for values in outcomes]
    if medians[0] is not None and medians[1] is not None:
        tried(compare_quantiles, *medians, confidence=0.95)
    accounts = [tried(Accounts, r[:, 0], np.abs(r[:, 1]) + 1.0) for r in rows]
    if accounts[0] is not None and accounts[1] is not None:
        tried(compare_accounts, *accounts, confidence=0.95)
        tried(bell_mccaffrey, *accounts, confidence=0.95)


@pytest.mark.parametrize("seed", range(4))
def test_values_of_any_size_are_answered_or_refused(seed: int) -> None:
    generator = np.random.default_rng(seed)
    answered = 0
    for _ in range(60):
        sizes = generator.choice([1, 2, 3, 5, 20, 99, 100, 150], 2)
        width = int(generator.integers(2, 6))
        rows = tuple(
            np.column_stack([column(generator, int(n)) for _ in range(width)])
            for n in sizes
        )
        answered += adjustments((rows[0], rows[1]))
        unit_values((rows[0], rows[1]))
    assert answered > 20


@pytest.mark.parametrize("scale", [1e-160, 1e90])
def test_accounts_of_any_size_are_dealt_or_refused(scale: float) -> None:
    generator = np.random.default_rng(5)
    arms = [
        Accounts(
            np.asarray(generator.normal(size=9) * scale, dtype=np.float64),
            generator.integers(1, 9, 9).astype(np.float64),
        )
        for _ in range(2)
    ]
    found = tried(permute_accounts, *arms, confidence=0.9, draws=200, seed=1)
    assert found is None or found.p_value > 0.0
