"""Estimates after a stop: unbiased in the median, and intervals that cover."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from experiments.statistics.boundaries import boundary
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.spending import Spending
from experiments.statistics.stagewise import stagewise

PLAN = boundary([1 / 3, 2 / 3, 1.0], spending=Spending.OBRIEN_FLEMING, alpha=0.05)
POCOCK = boundary([0.5, 1.0], spending=Spending.POCOCK, alpha=0.05)


def test_at_the_first_look_nothing_is_corrected() -> None:
    found = stagewise(PLAN, look=1, statistic=4.0, standard_error=0.5, confidence=0.95)
    assert found.value == pytest.approx(2.0, abs=1e-9)
    assert found.low == pytest.approx(2.0 - 0.5 * stats.norm.isf(0.025), abs=1e-9)
    assert found.high == pytest.approx(2.0 + 0.5 * stats.norm.isf(0.025), abs=1e-9)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(4.0), rel=1e-9)


@pytest.mark.parametrize("statistic", [-2.5, 0.4, 1.9, 2.2, 3.0])
def test_p_agrees_with_adaptive_quadrature(statistic: float) -> None:
    first = POCOCK.critical[0]
    assert first is not None
    reached = integrate.quad(
        lambda z: (
            stats.norm.pdf(z)
            * stats.norm.sf((statistic - z * math.sqrt(0.5)) / math.sqrt(0.5))
        ),
        -first,
        first,
        epsabs=1e-13,
    )[0]
    above = stats.norm.sf(first) + reached
    found = stagewise(
        POCOCK, look=2, statistic=statistic, standard_error=1.0, confidence=0.95
    )
    assert found.p_value == pytest.approx(2 * min(above, 1 - above), rel=1e-8)


def test_the_estimate_is_the_median_where_later_units_vary_more() -> None:
    """Sums correlate as their variances say; an effect adds up as the units do."""
    plan = boundary(
        [0.5, 1.0], spending=Spending.POCOCK, alpha=0.05, information=[0.3, 1.0]
    )
    first = plan.critical[0]
    assert first is not None
    pulls = [0.5 / math.sqrt(0.3), 1.0]
    found = stagewise(
        plan, look=2, statistic=2.4, standard_error=1.0, confidence=0.95, pulls=pulls
    )

    def above(effect: float) -> float:
        means = [effect * pull for pull in pulls]
        reached = integrate.quad(
            lambda z: (
                stats.norm.pdf(z - means[0])
                * stats.norm.sf(
                    (2.4 - means[1] - (z - means[0]) * math.sqrt(0.3)) / math.sqrt(0.7)
                )
            ),
            -first,
            first,
            epsabs=1e-13,
        )[0]
        return float(stats.norm.sf(first - means[0]) + reached)

    assert above(found.value) == pytest.approx(0.5, abs=1e-8)
    assert above(found.low) == pytest.approx(0.025, abs=1e-8)
    assert above(found.high) == pytest.approx(0.975, abs=1e-8)
    plain = stagewise(plan, look=2, statistic=2.4, standard_error=1.0, confidence=0.95)
    assert above(plain.value) != pytest.approx(0.5, abs=0.02)


def test_pulls_are_of_the_looks_up_to_the_stop() -> None:
    asked = {"look": 1, "statistic": 3.0, "standard_error": 1.0, "confidence": 0.95}
    for pulls in ([1.0, 2.0], [], [0.0]):
        with pytest.raises(InvalidArgument):
            stagewise(POCOCK, **asked, pulls=pulls)  # type: ignore[arg-type]


def test_the_sign_turns_with_the_arms() -> None:
    for look, statistic in ((2, 2.6), (3, 2.1), (3, 0.3)):
        up, down = (
            stagewise(PLAN, look=look, statistic=z, standard_error=0.2, confidence=0.95)
            for z in (statistic, -statistic)
        )
        assert up.value == pytest.approx(-down.value, abs=1e-8)
        assert up.low == pytest.approx(-down.high, abs=1e-8)
        assert up.p_value == pytest.approx(down.p_value, rel=1e-9)


@pytest.mark.parametrize("look", [1, 2, 3])
def test_the_interval_excludes_zero_exactly_where_the_boundary_is_crossed(
    look: int,
) -> None:
    critical = PLAN.critical[look - 1]
    assert critical is not None
    over, under = (
        stagewise(
            PLAN,
            look=look,
            statistic=critical + off,
            standard_error=1.0,
            confidence=0.95,
        )
        for off in (1e-4, -1e-4)
    )
    assert over.low > 0.0
    assert over.p_value < 0.05
    if look == 3:
        assert under.low < 0.0
        assert under.p_value > 0.05


def test_an_early_stop_is_shrunk() -> None:
    found = stagewise(PLAN, look=2, statistic=2.6, standard_error=1.0, confidence=0.95)
    assert 0.0 < found.low < found.value < 2.6 < found.high


def stopped(drift: float, runs: int) -> list[tuple[int, float]]:
    """Look and statistic at the stop of simulated experiments."""
    noise = np.random.default_rng(12).normal(size=(runs, 3)).cumsum(axis=1)
    times = np.array([1.0, 2.0, 3.0])
    walks = noise / np.sqrt(times) + drift * np.sqrt(times / 3.0)
    crossed = np.abs(walks) >= np.array(PLAN.critical, dtype=np.float64)
    looks = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 2)
    return [(int(k) + 1, float(walk[k])) for k, walk in zip(looks, walks, strict=True)]


def test_estimates_are_too_high_as_often_as_too_low_and_intervals_cover() -> None:
    drift, runs = 2.8, 500
    found = [
        stagewise(
            PLAN,
            look=look,
            statistic=statistic,
            standard_error=math.sqrt(3.0 / look),
            confidence=0.9,
        )
        for look, statistic in stopped(drift, runs)
    ]
    high = sum(one.value > drift for one in found) / runs
    covered = sum(one.low <= drift <= one.high for one in found) / runs
    assert high == pytest.approx(0.5, abs=0.06)
    assert covered == pytest.approx(0.9, abs=0.035)
    assert all(one.low < one.value < one.high for one in found)


def test_a_final_look_without_news_is_read_beside_the_one_before() -> None:
    plan = boundary(
        [0.5, 0.9],
        spending=Spending.OBRIEN_FLEMING,
        alpha=0.05,
        final=True,
        information=[10, 9],
    )
    found = stagewise(plan, look=2, statistic=2.5, standard_error=1.0, confidence=0.95)
    assert 0.0 < found.p_value < 1.0
    assert found.low < found.value < found.high


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"look": 0}, "look"),
        ({"look": 4}, "look"),
        ({"statistic": math.nan}, "statistic"),
        ({"standard_error": 0.0}, "standard_error"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_impossible_stops_are_refused(
    arguments: dict[str, float], argument: str
) -> None:
    asked = {"look": 2, "statistic": 2.0, "standard_error": 1.0, "confidence": 0.95}
    with pytest.raises(InvalidArgument) as caught:
        stagewise(PLAN, **(asked | arguments))  # type: ignore[arg-type]
    assert caught.value.argument == argument
