"""Spending functions: their formulas, their ends and their order."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.spending import Spending, spent

levels = some.floats(0.001, 0.5)
shares = some.floats(0.0, 1.2)


def exponent(spending: Spending) -> float | None:
    return 2.0 if spending is Spending.POWER else None


@pytest.mark.parametrize("done", [0.05, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_obrien_and_fleming_is_spent_on_each_side(done: float, alpha: float) -> None:
    one_side = 2.0 * stats.norm.sf(stats.norm.isf(alpha / 4.0) / math.sqrt(done))
    found = spent(Spending.OBRIEN_FLEMING, done, alpha=alpha)
    assert found == pytest.approx(2.0 * one_side, rel=1e-12)


@pytest.mark.parametrize(
    ("done", "known"), [(0.2, 0.01477), (0.4, 0.02616), (0.6, 0.03543), (0.8, 0.04324)]
)
def test_pocock_spends_as_published(done: float, known: float) -> None:
    """Lan and DeMets (1983), section 3, with alpha 0.05."""
    assert spent(Spending.POCOCK, done, alpha=0.05) == pytest.approx(known, abs=1e-5)


@given(shares, shares, levels, some.sampled_from(Spending))
def test_more_is_spent_later(
    one: float, other: float, alpha: float, spending: Spending
) -> None:
    first, second = sorted((one, other))
    rho = exponent(spending)
    early = spent(spending, first, alpha=alpha, rho=rho)
    assert 0.0 <= early <= spent(spending, second, alpha=alpha, rho=rho)


@given(some.floats(1.0, 3.0), levels, some.sampled_from(Spending))
def test_all_is_spent_at_the_end_and_past_it(
    done: float, alpha: float, spending: Spending
) -> None:
    assert spent(spending, done, alpha=alpha, rho=exponent(spending)) == alpha


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"spending": Spending.POWER}, "rho"),
        ({"spending": Spending.POWER, "rho": 0.0}, "rho"),
        ({"spending": Spending.POCOCK, "rho": 1.0}, "rho"),
        ({"fraction_done": -0.1}, "fraction_done"),
        ({"fraction_done": math.nan}, "fraction_done"),
        ({"alpha": 0.0}, "alpha"),
    ],
)
def test_impossible_spending_is_refused(
    arguments: dict[str, float], argument: str
) -> None:
    asked = {"spending": Spending.POCOCK, "fraction_done": 0.5, "alpha": 0.05}
    with pytest.raises(InvalidArgument) as caught:
        spent(**(asked | arguments))  # type: ignore[arg-type]
    assert caught.value.argument == argument
