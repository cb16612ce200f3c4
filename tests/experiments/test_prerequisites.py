"""Experiments for those who have some variant of another one."""

import asyncio

import pytest

from core.database import AsyncSession, Sessions
from core.problems import Problem
from experiments import queries, service
from experiments.design import UnitKind, design_hash
from experiments.drafts import Changes, LayerSpec, PrerequisiteSpec, VariantSpec
from experiments.errors import (
    DesignInvalid,
    PrerequisiteAmbiguous,
    PrerequisiteCycle,
    PrerequisiteInUse,
    PrerequisiteInvalid,
)
from experiments.freezing import design_of
from experiments.models import Experiment, Phase
from experiments.readiness import LaunchCheck, Severity
from experiments.service.readying import checks_of
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

ON_SHORT = (PrerequisiteSpec("parent", ["short"]),)


async def start(
    session: AsyncSession, company: Company, experiment: Experiment
) -> Phase:
    """Start it in production."""
    return await service.start(
        session, step(company, experiment), environment_id=company.environment_id
    )


async def checks(
    session: AsyncSession, company: Company, experiment: Experiment
) -> dict[str, LaunchCheck]:
    """What is to do or to know before its start, by code."""
    draft = await queries.draft_of(session, experiment)
    found = await checks_of(session, project_id=company.project_id, drafts=[draft])
    return {check.code: check for check in found[experiment.id]}


async def test_a_start_keeps_what_is_required_and_hashes_it(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await company.draft(session, "parent")
        child = await company.draft(session, "child", prerequisites=ON_SHORT)
        phase = await start(session, company, child)
    kept = [{"experimentKey": "parent", "variants": ["short"]}]
    assert phase.eligibility["prerequisites"] == kept
    design = design_of(phase)
    assert design.eligibility is not None
    assert design.eligibility["prerequisites"] == kept
    assert design_hash(design) == phase.design_hash


@pytest.mark.parametrize(
    ("specs", "error", "path"),
    [
        ([("none", ["a"])], PrerequisiteInvalid, ("0", "experimentKey")),
        ([("gone", ["short"])], PrerequisiteInvalid, ("0", "experimentKey")),
        ([("parent", [])], PrerequisiteInvalid, ("0", "variants")),
        ([("parent", ["short", "short"])], PrerequisiteInvalid, ("0", "variants")),
        ([("parent", ["other"])], PrerequisiteInvalid, ("0", "variants")),
        ([("child", ["short"])], PrerequisiteInvalid, ("0", "experimentKey")),
        ([("parent", ["short"])] * 2, DesignInvalid, ("1",)),
        ([("parent", ["short"])] * 11, DesignInvalid, ()),
    ],
)
async def test_what_cannot_be_required_is_refused_by_its_path(
    sessions: Sessions,
    company: Company,
    specs: list[tuple[str, list[str]]],
    error: type[Problem],
    path: tuple[str, ...],
) -> None:
    async with sessions.begin() as session:
        await company.draft(session, "parent")
        gone = await company.draft(session, "gone")
        await service.archive(session, step(company, gone))
        with pytest.raises(error) as refused:
            await company.draft(
                session,
                "child",
                prerequisites=[PrerequisiteSpec(*spec) for spec in specs],
            )
    assert refused.value.path == ("prerequisites", *path)


async def test_nothing_requires_itself_by_whatever_way(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        first = await company.draft(session, "first")
        await company.draft(
            session, "second", prerequisites=[PrerequisiteSpec("first", ["short"])]
        )
        await company.draft(
            session, "third", prerequisites=[PrerequisiteSpec("second", ["long"])]
        )
        for key, message in (
            ("third", "first > third > second > first"),
            ("first", "first > first"),
        ):
            with pytest.raises(PrerequisiteCycle, match=message) as refused:
                await service.update(
                    session,
                    step(company, first),
                    changes=Changes(prerequisites=[PrerequisiteSpec(key, ["short"])]),
                )
            assert refused.value.code == "PREREQUISITE_CYCLE"


async def test_of_two_that_come_to_require_each_other_at_once_one_is_refused(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        drafts = [await company.draft(session, key) for key in ("one", "two")]

    async def require(draft: Experiment, key: str) -> Experiment | Problem:
        try:
            async with sessions.begin() as session:
                return await service.update(
                    session,
                    step(company, draft),
                    changes=Changes(prerequisites=[PrerequisiteSpec(key, ["short"])]),
                )
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(
        require(drafts[0], "two"), require(drafts[1], "one")
    )
    assert sum(isinstance(each, PrerequisiteCycle) for each in outcomes) == 1
    assert sum(isinstance(each, Experiment) for each in outcomes) == 1


async def test_variants_that_serve_one_value_are_required_together(
    sessions: Sessions, company: Company
) -> None:
    same = (
        VariantSpec("control", "", 0.5, True, {"value": {"fields": 3}}),
        VariantSpec("short", "", 0.5, False, {"value": {"fields": 3.0}}),
    )
    async with sessions.begin() as session:
        await company.draft(session, "parent", variants=same)
        with pytest.raises(PrerequisiteAmbiguous) as refused:
            await company.draft(session, "child", prerequisites=ON_SHORT)
        assert refused.value.code == "PREREQUISITE_AMBIGUOUS"
        both = [PrerequisiteSpec("parent", ["short", "control"])]
        await company.draft(session, "child", prerequisites=both)


async def test_an_account_is_never_divided_by_what_its_users_have(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await company.draft(session, "parent")
        with pytest.raises(PrerequisiteInvalid):
            await company.draft(
                session, "child", unit=UnitKind.ACCOUNT, prerequisites=ON_SHORT
            )
        child = await company.draft(session, "child", prerequisites=ON_SHORT)
        with pytest.raises(PrerequisiteInvalid):
            await service.update(
                session, step(company, child), changes=Changes(unit=UnitKind.ACCOUNT)
            )


async def test_what_others_require_stays(sessions: Sessions, company: Company) -> None:
    async with sessions.begin() as session:
        parent = await company.draft(session, "parent")
        child = await company.draft(session, "child", prerequisites=ON_SHORT)
        with pytest.raises(PrerequisiteInUse, match="child") as refused:
            await service.archive(session, step(company, parent))
        assert refused.value.code == "PREREQUISITE_IN_USE"
        renamed = (
            VariantSpec("long", "", 0.5, True, {"value": 9}),
            VariantSpec("shorter", "", 0.5, False, {"value": 3}),
        )
        with pytest.raises(PrerequisiteInUse, match="short"):
            await service.update(
                session, step(company, parent), changes=Changes(variants=renamed)
            )
    async with sessions.begin() as session:
        child = await service.update(
            session, step(company, child), changes=Changes(prerequisites=())
        )
        assert child.prerequisites == []
        await service.archive(session, step(company, parent))


async def test_a_start_is_refused_once_what_it_requires_is_gone(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        parent = await company.draft(session, "parent")
        child = await company.draft(session, "child", prerequisites=ON_SHORT)
        waiting = await checks(session, company, child)
        assert waiting["PREREQUISITE_WAITING"].severity is Severity.WARNING
        parent.status = type(parent.status).STOPPED
        session.add(parent)
        await session.flush()
        over = await checks(session, company, child)
        assert over["PREREQUISITE_OVER"].severity is Severity.WARNING
        parent.status = type(parent.status).ARCHIVED
        session.add(parent)
        await session.flush()
        with pytest.raises(PrerequisiteInvalid):
            await start(session, company, child)
        shown = await checks(session, company, child)
    assert shown["PREREQUISITE_INVALID"].severity is Severity.BLOCKER


async def test_what_runs_beside_it_is_named(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        for key in ("one", "two"):
            await start(session, company, await company.draft(session, key))
        draft = await company.draft(session, "three")
        found = await checks(session, company, draft)
    assert found["OVERLAP"].severity is Severity.INFO
    assert "Shorter form (one), Shorter form (two)" in found["OVERLAP"].message


async def test_neighbours_of_one_layer_are_not_met(
    sessions: Sessions, company: Company
) -> None:
    half = LayerSpec("free", share=0.5)
    async with sessions.begin() as session:
        await service.create_layer(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="free",
            name="",
            unit=UnitKind.USER,
        )
        one = await company.draft(session, "one", layer=half)
        await start(session, company, one)
        draft = await company.draft(session, "two", layer=half)
        assert "OVERLAP" not in await checks(session, company, draft)
