"""Experiments on the same units: an interaction that is planted, and none."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

import numpy as np
import pytest

from experiments.analysis.interactions import (
    ALPHA,
    Known,
    compare_pair,
    meet,
    pairs_of,
    share_much,
    share_pairs,
)
from experiments.design import PhaseDesign, UnitKind
from experiments.events.state import Sums
from experiments.events.study_overlaps import CrossedCell, Overlap
from tests.experiments.analysis.designs import (
    NAMESPACE,
    START,
    arm,
    conversions,
    design,
)

ONE = design()
ARMS = ("control", "sixty")


def another(key: str, **changes: object) -> PhaseDesign:
    """A phase of another experiment."""
    named = replace(ONE, phase_id=uuid5(NAMESPACE, key), experiment_key=key)
    return replace(named, **changes)  # type: ignore[arg-type]


OTHER = another("pricing")


def cells(n: int, rates: tuple[tuple[float, float], ...]) -> list[CrossedCell]:
    """Conversions by the arms of both phases."""
    return [
        CrossedCell(one, two, conversions(n, round(n * rate)))
        for one, row in zip(ARMS, rates, strict=True)
        for two, rate in zip(ARMS, row, strict=True)
    ]


PLANTED = cells(5_000, ((0.10, 0.10), (0.10, 0.14)))


def test_a_planted_interaction_is_found_with_its_size() -> None:
    found = compare_pair(ONE, OTHER, PLANTED, Known())
    assert found is not None
    assert found.estimate == pytest.approx(0.04)
    assert found.low is not None
    assert found.low > 0.0
    assert found.p_value < 1e-4
    assert found.sequential_p_value == pytest.approx(2 * found.p_value)
    assert (found.units, found.tests, found.degrees) == (20_000, 1, 1)


def test_effects_that_add_up_are_no_interaction() -> None:
    added = cells(5_000, ((0.10, 0.12), (0.13, 0.15)))
    found = compare_pair(ONE, OTHER, added, Known())
    assert found is not None
    assert found.p_value > 0.9


def test_three_variants_have_one_test_and_no_single_size() -> None:
    third = arm("eighty", "80 reports")
    wide = replace(ONE, arms=(*ONE.arms, third))
    more = [CrossedCell("eighty", two, conversions(5_000, 500)) for two in ARMS]
    found = compare_pair(wide, OTHER, [*PLANTED, *more], Known())
    assert found is not None
    assert (found.degrees, found.estimate) == (2, None)
    assert found.p_value < 1e-3


def test_a_pair_waits_until_its_units_have_grown_by_half() -> None:
    assert compare_pair(ONE, OTHER, PLANTED, Known(1, 15_000, 0.5)) is None
    found = compare_pair(ONE, OTHER, PLANTED, Known(1, 13_000, 0.5))
    assert found is not None
    assert found.tests == 2
    assert found.sequential_p_value == pytest.approx(6 * found.p_value)


def test_when_both_are_over_what_came_last_is_tested_too() -> None:
    over = {"ended_at": START + timedelta(days=20)}
    ended = replace(ONE, **over)  # type: ignore[arg-type]
    other = another("pricing", **over)
    assert compare_pair(ended, other, PLANTED, Known(1, 19_000, 0.5)) is not None
    assert compare_pair(ended, other, PLANTED, Known(2, 20_000, 0.5)) is None


def test_an_earlier_finding_stands() -> None:
    none = cells(5_000, ((0.10, 0.10), (0.10, 0.10)))
    found = compare_pair(ONE, OTHER, none, Known(1, 1_000, 0.001))
    assert found is not None
    assert found.sequential_p_value == 0.001


def test_few_units_in_one_combination_are_not_tested() -> None:
    few = [*PLANTED[:3], CrossedCell("sixty", "sixty", conversions(99, 20))]
    assert compare_pair(ONE, OTHER, few, Known()) is None
    assert compare_pair(ONE, OTHER, PLANTED[:3], Known()) is None
    constant = [replace(cell, sums=Sums(n=5_000)) for cell in PLANTED]
    assert compare_pair(ONE, OTHER, constant, Known()) is None


def test_phases_meet_where_they_ran_at_the_same_time_on_the_same_kind() -> None:
    later = START + timedelta(days=40)
    ended = replace(ONE, ended_at=START + timedelta(days=20))
    assert meet(ONE, OTHER)
    assert not meet(ended, another("pricing", started_at=later))
    assert not meet(ONE, another("pricing", unit=UnitKind.ACCOUNT))
    assert not meet(ONE, another(ONE.experiment_key, number=2))
    assert not meet(ONE, another("pricing", imported=True))
    assert len(pairs_of([ONE, OTHER, another("third")])) == 3


def test_a_twentieth_of_the_smaller_phase_is_much() -> None:
    assert share_much(Overlap(10_000, 1_000, 50))
    assert not share_much(Overlap(10_000, 1_000, 49))
    assert not share_much(Overlap(0, 1_000, 0))


def test_of_500_pairs_without_an_interaction_fewer_than_one_in_twenty_warn() -> None:
    draws = np.random.default_rng(20_260_302)
    warned = 0
    for _ in range(500):
        known, seen = Known(), np.zeros((2, 2), dtype=np.int64)
        for units in (400, 400, 800, 1_600):
            seen += draws.binomial(units, [[0.10, 0.13], [0.12, 0.15]])
            n = known.units // 4 + units
            found = compare_pair(ONE, OTHER, _counted(n, seen), known)
            assert found is not None
            known = Known(found.tests, found.units, found.sequential_p_value)
        warned += share_pairs([known.p_value])[0] <= ALPHA
    assert warned < 25


def _counted(
    n: int, seen: np.ndarray[tuple[int, int], np.dtype[np.int64]]
) -> list[CrossedCell]:
    return [
        CrossedCell(one, two, conversions(n, int(seen[row, column])))
        for row, one in enumerate(ARMS)
        for column, two in enumerate(ARMS)
    ]


def test_many_pairs_share_one_error_rate() -> None:
    assert share_pairs([0.04, 0.01, 0.5]) == pytest.approx((0.08, 0.03, 0.5))
