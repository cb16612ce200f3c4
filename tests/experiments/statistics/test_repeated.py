"""Readings at any look, and several arms over several looks."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.boundaries import boundary
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.multiplicity import holm
from experiments.statistics.repeated import ArmPath, repeated_p_value, sequential_holm
from experiments.statistics.spending import Spending

OBF = Spending.OBRIEN_FLEMING
LOOKS = (1 / 3, 2 / 3, 1.0)
TAKEN = boundary(LOOKS, spending=OBF, alpha=0.05)


def p_value(statistic: float, *, alpha: float = 0.05) -> float:
    return repeated_p_value(statistic, TAKEN, spending=OBF, alpha=alpha)


@settings(max_examples=30, deadline=None)
@given(some.floats(-6, 6))
def test_p_is_the_level_whose_boundary_is_just_reached(statistic: float) -> None:
    found = p_value(statistic)
    if 1e-11 < found < 0.999:
        own = boundary(LOOKS, spending=OBF, alpha=found)
        assert own.critical[-1] == pytest.approx(abs(statistic), abs=1e-6)
    critical = TAKEN.critical[-1]
    assert critical is not None
    assert (found <= 0.05) == (abs(statistic) >= critical)


def test_larger_statistics_have_smaller_p() -> None:
    found = [p_value(z) for z in (0.0, 0.5, 1.0, 1.9, 1.99, 2.0, 3.0, 5.0, 40.0)]
    assert found == sorted(found, reverse=True)
    assert found[0] == 1.0
    assert found[-1] > 0.0


def test_one_look_has_the_ordinary_p() -> None:
    single = boundary([1.0], spending=OBF, alpha=0.05)
    for statistic in (0.7, 1.959, 1.961, 3.3):
        found = repeated_p_value(statistic, single, spending=OBF, alpha=0.05)
        assert found == pytest.approx(2 * stats.norm.sf(statistic), rel=1e-6)


def test_p_stands_by_the_boundary_that_was_applied() -> None:
    kept = boundary(LOOKS, spending=OBF, alpha=0.05, previous=[2.5])
    critical = kept.critical[-1]
    assert critical is not None
    over, under = (
        repeated_p_value(critical + off, kept, spending=OBF, alpha=0.05)
        for off in (1e-6, -1e-6)
    )
    assert over <= 0.05 < under


def test_a_look_that_may_not_reject_has_no_evidence() -> None:
    idle = boundary([0.5, 0.5], spending=OBF, alpha=0.05)
    assert repeated_p_value(9.0, idle, spending=OBF, alpha=0.05) == 1.0


def test_impossible_statistics_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="statistic"):
        p_value(math.nan)
    with pytest.raises(InvalidArgument, match="alpha"):
        p_value(1.0, alpha=0.0)


@given(some.lists(some.floats(-4, 4), min_size=1, max_size=5))
def test_one_look_is_holms_procedure(statistics: list[float]) -> None:
    found = sequential_holm(
        [ArmPath((z,), (1.0,)) for z in statistics], spending=OBF, alpha=0.05
    )
    known = holm([float(2 * stats.norm.sf(abs(z))) for z in statistics], alpha=0.05)
    for judged, adjusted in zip(found, known, strict=True):
        if abs(adjusted.p_value - 0.05) > 1e-6:
            assert (judged.rejected_at == 1) == (adjusted.p_value <= 0.05)


def test_a_rejected_arm_passes_its_level_on_at_once() -> None:
    alone = sequential_holm(
        [ArmPath((0.0, 0.0, 2.2), LOOKS), ArmPath((0.0, 0.0, 1.0), LOOKS)],
        spending=OBF,
        alpha=0.05,
    )
    assert [one.rejected_at for one in alone] == [None, None]
    helped = sequential_holm(
        [ArmPath((0.0, 0.0, 2.2), LOOKS), ArmPath((0.0, 3.5, 1.0), LOOKS)],
        spending=OBF,
        alpha=0.05,
    )
    assert [one.rejected_at for one in helped] == [3, 2]
    assert [one.level for one in helped] == [0.05, 0.025]
    assert helped[0].boundary == TAKEN


def test_earlier_looks_are_not_judged_again() -> None:
    """2.6 at the second look would cross at the level that the third look gives."""
    found = sequential_holm(
        [ArmPath((0.0, 2.6, 1.0), LOOKS), ArmPath((0.0, 0.0, 4.0), LOOKS)],
        spending=OBF,
        alpha=0.05,
    )
    assert [one.rejected_at for one in found] == [None, 3]


@given(some.permutations(range(3)))
def test_the_order_of_the_arms_does_not_matter(order: list[int]) -> None:
    paths = [
        ArmPath((1.0, 3.3, 2.5), LOOKS),
        ArmPath((0.0, 2.7, 2.3), LOOKS),
        ArmPath((0.5, 0.1, 1.9), LOOKS),
    ]
    plain = sequential_holm(paths, spending=OBF, alpha=0.05)
    found = sequential_holm([paths[i] for i in order], spending=OBF, alpha=0.05)
    assert [plain[i] for i in order] == list(found)


@pytest.mark.parametrize("effective", [0, 1, 2])
def test_any_false_rejection_is_rare(effective: int) -> None:
    """Three arms share a control and are compared at five looks; some really work."""
    runs, looks, arms = 3000, 5, 3
    generator = np.random.default_rng(44)
    noise = generator.normal(size=(runs, arms + 1, looks)).cumsum(axis=2)
    times = np.arange(1, looks + 1)
    walks = (noise[:, 1:] - noise[:, :1]) / np.sqrt(2 * times)
    walks[:, :effective] += 3.5 * np.sqrt(times / looks)
    fractions = tuple(float(t) / looks for t in times)
    levels = [boundary(fractions, spending=OBF, alpha=0.05 / m) for m in (1, 2, 3)]
    lowest = np.array(levels[0].critical, dtype=np.float64)
    wrong = 0
    for walk in walks:
        if not (np.abs(walk[effective:]) >= lowest).any():
            continue
        found = sequential_holm(
            [ArmPath(tuple(map(float, path)), fractions) for path in walk],
            spending=OBF,
            alpha=0.05,
        )
        wrong += any(one.rejected_at for one in found[effective:])
    assert 0.01 <= wrong / runs <= 0.06


def test_arms_with_other_looks_are_refused() -> None:
    for one, other in itertools.permutations(
        [ArmPath((1.0,), (1.0,)), ArmPath((1.0, 2.0), (0.5, 1.0))]
    ):
        with pytest.raises(InvalidArgument, match="paths"):
            sequential_holm([one, other], spending=OBF, alpha=0.05)
    with pytest.raises(InvalidArgument, match="paths"):
        sequential_holm([], spending=OBF, alpha=0.05)
    with pytest.raises(InvalidArgument, match="statistics"):
        sequential_holm([ArmPath((math.inf,), (1.0,))], spending=OBF, alpha=0.05)
