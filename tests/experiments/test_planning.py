"""The analysis plan: what may be written down, and what a phase keeps of it."""

from dataclasses import replace
from typing import Any

import pytest

from core.database import Sessions
from core.subjects import SubjectKind, identify
from experiments import service
from experiments.errors import DesignInvalid
from experiments.freezing import design_of
from experiments.models import Experiment, Phase
from experiments.plan import AnalysisPlan, Dimension, StoppingRule, plan_of
from experiments.service.planning import check_plan, level_text, levels_seen
from tests.experiments.company import Company, step

PLAN = Dimension("plan", "plan", ("free", "pro"))


def dimensions(*given: Dimension) -> AnalysisPlan:
    """A plan with these."""
    return AnalysisPlan(dimensions=given)


def strata(*levels: int) -> AnalysisPlan:
    """A plan whose strata have so many levels."""
    return dimensions(
        *(
            Dimension(f"d{index}", "x", tuple(map(str, range(count))), stratum=True)
            for index, count in enumerate(levels)
        )
    )


@pytest.mark.parametrize(
    ("plan", "path"),
    [
        (AnalysisPlan(alpha=0.0), ("alpha",)),
        (AnalysisPlan(alpha=0.5), ("alpha",)),
        (AnalysisPlan(alpha=float("nan")), ("alpha",)),
        (AnalysisPlan(power=0.4), ("power",)),
        (AnalysisPlan(power=1.0), ("power",)),
        (AnalysisPlan(look_hour=24), ("lookHour",)),
        (AnalysisPlan(look_hour=-1), ("lookHour",)),
        (AnalysisPlan(lookback_days=91), ("lookbackDays",)),
        (AnalysisPlan(lookback_days=-1), ("lookbackDays",)),
        (AnalysisPlan(prior_deviation=0.0), ("priorDeviation",)),
        (dimensions(*[PLAN] * 2), ("dimensions", "1", "key")),
        (
            dimensions(*(replace(PLAN, key=f"d{k}") for k in range(9))),
            ("dimensions",),
        ),
        (dimensions(replace(PLAN, key="")), ("dimensions", "0", "key")),
        (dimensions(replace(PLAN, key="$strata")), ("dimensions", "0", "key")),
        (dimensions(replace(PLAN, attribute=" x")), ("dimensions", "0", "attribute")),
        (dimensions(replace(PLAN, attribute="id")), ("dimensions", "0", "attribute")),
        (
            dimensions(replace(PLAN, levels=tuple(map(str, range(21))))),
            ("dimensions", "0", "levels"),
        ),
        (
            dimensions(replace(PLAN, levels=("a", "a"))),
            ("dimensions", "0", "levels", "1"),
        ),
        (
            dimensions(replace(PLAN, levels=("other",))),
            ("dimensions", "0", "levels", "0"),
        ),
        (
            dimensions(replace(PLAN, levels=("",))),
            ("dimensions", "0", "levels", "0"),
        ),
        (strata(10), ("dimensions",)),
        (strata(4, 5), ("dimensions",)),
    ],
)
def test_a_plan_out_of_bounds_is_refused_by_its_path(
    plan: AnalysisPlan, path: tuple[str, ...]
) -> None:
    with pytest.raises(DesignInvalid) as refused:
        check_plan(plan)
    assert refused.value.path == ("plan", *path)


@pytest.mark.parametrize(
    "plan", [AnalysisPlan(), strata(9), strata(4, 4), strata(0, 0, 0, 0, 0)]
)
def test_a_plan_within_bounds_stays_as_it_is(plan: AnalysisPlan) -> None:
    assert check_plan(plan) is plan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("free", "free"),
        (3, "3"),
        (1.5, "1.5"),
        (0, "0"),
        (True, "true"),
        (False, "false"),
        (None, None),
        ("", None),
        ({"a": 1}, None),
        ("x" * 201, None),
    ],
)
def test_a_trait_is_a_level_as_it_is_written(value: Any, text: str | None) -> None:
    assert level_text(value) == text


def test_the_most_frequent_values_are_levels_in_order() -> None:
    seen = [{"c": "de"}] * 3 + [{"c": "fr"}] * 2 + [{"c": "at"}] * 2 + [{"c": "us"}, {}]
    assert levels_seen(seen, "c", 2) == ("at", "de")
    many = [{"c": f"{number:02}"} for number in range(40)]
    assert len(levels_seen(many, "c")) == 19


@pytest.mark.stores
async def test_a_draft_keeps_its_plan(sessions: Sessions, company: Company) -> None:
    plan = AnalysisPlan(stopping=StoppingRule.POCOCK, dimensions=(PLAN,))
    async with sessions.begin() as session:
        row = await company.draft(session, plan=plan)
    async with sessions() as session:
        kept = await session.get_one(Experiment, row.id)
    assert plan_of(kept.plan) == plan


@pytest.mark.stores
async def test_a_refused_plan_writes_nothing(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        with pytest.raises(DesignInvalid):
            await company.draft(session, plan=AnalysisPlan(alpha=0.7))


async def started(sessions: Sessions, company: Company, **changes: Any) -> AnalysisPlan:
    """The plan of the phase that such a draft becomes."""
    async with sessions.begin() as session:
        row = await company.draft(session, **changes)
        phase: Phase = await service.start(
            session,
            step(company, row),
            environment_id=company.environment_id,
        )
    plan = design_of(phase).plan
    assert plan is not None
    return plan


async def people(sessions: Sessions, company: Company, *traits: dict[str, Any]) -> None:
    """So many users on record."""
    async with sessions.begin() as session:
        for index, each in enumerate(traits):
            await identify(
                session,
                environment_id=company.environment_id,
                kind=SubjectKind.USER,
                external_id=f"u{index}",
                traits=each,
            )


@pytest.mark.stores
async def test_a_start_fixes_open_levels_by_whom_it_is_for(
    sessions: Sessions, company: Company
) -> None:
    await people(
        sessions,
        company,
        {"plan": "free", "country": "de"},
        {"plan": "free", "country": "at"},
        {"plan": "pro", "country": "us"},
        {"plan": "free"},
    )
    plan = await started(
        sessions,
        company,
        targeting={"plan": "free"},
        plan=dimensions(Dimension("country", "country"), PLAN),
    )
    assert [each.levels for each in plan.dimensions] == [("at", "de"), ("free", "pro")]


@pytest.mark.stores
async def test_open_strata_share_the_columns_that_are_left(
    sessions: Sessions, company: Company
) -> None:
    await people(sessions, company, *({"a": str(k), "b": str(k)} for k in range(15)))
    plan = await started(
        sessions,
        company,
        plan=dimensions(
            Dimension("a", "a", stratum=True), Dimension("b", "b", stratum=True)
        ),
    )
    counts = [len(each.levels) for each in plan.dimensions]
    assert counts == [7, 1]
    assert sum(counts) + 2 == 10


@pytest.mark.stores
async def test_levels_stay_open_where_nobody_is_on_record(
    sessions: Sessions, company: Company
) -> None:
    plan = await started(
        sessions, company, plan=dimensions(Dimension("country", "country"))
    )
    assert plan.dimensions[0].levels == ()
