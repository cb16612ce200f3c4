"""Simulated experiments through the service, as many as a minute has room for."""

import asyncio
import math
from pathlib import Path

import pytest

from benchmarks.verdicts.boundary_alone import crossed, without_effect
from benchmarks.verdicts.cases import Case, Situation, cases
from benchmarks.verdicts.counting import rows, table
from benchmarks.verdicts.outcomes import KINDS, truth_of
from benchmarks.verdicts.service import Found, company
from experiments.analysis.results import Outcome
from experiments.design import UnitKind

FEW = 5
MANY = 40


def concluded(count: int, folder: Path) -> list[Found]:
    """So many experiments from their drafts to their recommendations."""

    async def run() -> list[Found]:
        async with company(folder) as founded:
            return await founded.run(cases(count))

    return asyncio.run(run())


def check(found: list[Found], count: int) -> None:
    """What so few can show: each has an answer, and none is beyond what chance does."""
    assert sorted(each.case.number for each in found) == list(range(count))
    assert all("nan" not in each.headline for each in found)
    assert not any(each.outcome is Outcome.KEEP_RUNNING for each in found)
    broken = [line for line in table(found) if line.kept is False]
    assert not broken, rows(broken)


def test_a_few_experiments_come_to_answers_that_chance_explains(tmp_path: Path) -> None:
    check(concluded(FEW, tmp_path), FEW)


@pytest.mark.slow
def test_experiments_come_to_answers_that_chance_explains(tmp_path: Path) -> None:
    check(concluded(MANY, tmp_path), MANY)


def test_the_cases_have_every_kind_unit_and_situation() -> None:
    few = cases(60)
    assert {case.kind for case in few} == set(KINDS)
    assert {case.unit for case in few} == set(UnitKind)
    assert {case.situation for case in few} == set(Situation)
    assert {case.coverage < 1.0 for case in few} == {True, False}
    assert cases(5) == cases(60)[:5]


def test_the_boundary_alone_is_crossed_about_as_often_as_it_promises() -> None:
    asked = without_effect(2_000, 2_500)
    assert {case.kind for case in asked} == {"spent", "ordered"}
    found = [crossed(case) for case in asked]
    assert [each.case for each in found] == asked
    assert crossed(asked[0]) == found[0]
    share = sum(each.side != 0 for each in found) / len(found)
    assert share == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / len(found)))


def test_a_broken_promise_is_told_from_chance() -> None:
    nothing = [case for case in cases(400) if case.situation is Situation.NO_EFFECT]
    for wrong, kept in ((0, True), (6, True), (16, False)):
        found = [answered(case, ships=i < wrong) for i, case in enumerate(nothing)]
        line = next(line for line in table(found) if line.text == "SHIP, no effect")
        assert line.kept is kept


def answered(case: Case, *, ships: bool) -> Found:
    """What a case might have come to."""
    return Found(
        case=case,
        outcome=Outcome.SHIP if ships else Outcome.INCONCLUSIVE,
        day=14,
        look=1,
        estimate=truth_of(case.kind).effect,
        open_guardrail=False,
        headline="It is so.",
    )
