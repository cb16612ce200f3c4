"""What people say before a launch, what they waive, and what a start keeps of it."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlmodel import col, select

from core.audit import AuditRow
from core.clock import now
from core.database import AsyncSession, Sessions
from core.problems import StaleVersion
from core.tenancy import Governance, Project
from experiments import queries, service
from experiments.drafts import Changes
from experiments.errors import (
    ChecklistIncomplete,
    DesignFrozen,
    ItemNotWaivable,
    OutOfUse,
    ReasonMissing,
)
from experiments.models import Experiment
from experiments.readiness.items import GATHERED, Found, Item, ItemCode, ItemStatus
from experiments.readiness.queries import waivers_of
from experiments.readiness.situation import fingerprint
from experiments.service import noting
from experiments.service.change import Intent
from experiments.service.gathering import is_due, record_evidence
from experiments.service.noting import NoteChanges
from experiments.service.readying import Readiness, readiness_of
from tests.experiments.company import Company, step
from tests.experiments.readied import make_ready

pytestmark = pytest.mark.stores


def at(company: Company, row: Experiment, version: int) -> Intent:
    """To change an experiment that was read at a version."""
    return replace(step(company, row), expected_version=version)


def saying(company: Company, row: Experiment, version: int) -> dict[str, Any]:
    """To change its notes, which were read at a version of their own."""
    return {
        "project_id": company.project_id,
        "experiment_id": row.id,
        "expected_version": version,
        "actor": company.actor,
    }


async def start(session: AsyncSession, company: Company, row: Experiment) -> None:
    """Launch it here."""
    given = step(company, row)
    await service.start(session, given, environment_id=company.environment_id)


async def looked_at(
    session: AsyncSession,
    company: Company,
    row: Experiment,
    **found: Found,
) -> None:
    """Evidence of the draft as it is: nothing is wrong but what is given."""
    fine = {code: Found(ItemStatus.OK, "Fine.") for code in GATHERED}
    draft = await queries.draft_of(session, row)
    await record_evidence(
        session,
        experiment_id=row.id,
        environment_id=company.environment_id,
        design=fingerprint(draft),
        found=fine | {ItemCode(code): each for code, each in found.items()},
        at=await now(session),
    )


async def readiness(session: AsyncSession, company: Company, row: Experiment) -> Any:
    """The checklist as it is now, and its items by code."""
    draft = await queries.draft_of(session, row)
    found: Readiness = (
        await readiness_of(
            session,
            project_id=company.project_id,
            environment_id=company.environment_id,
            drafts=[draft],
        )
    )[row.id]
    items: dict[ItemCode, Item] = {each.code: each for each in found.items}
    return found, items


async def test_notes_are_written_bit_by_bit_on_the_version_that_was_read(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        due = NoteChanges(decider=" Bob ", decision_date=date(2026, 6, 1))
        await noting.note(session, changes=due, **saying(company, row, 0))
        more = NoteChanges(ethics="Fair.")
        notes = await noting.note(session, changes=more, **saying(company, row, 1))
        assert (notes.decider, notes.ethics, notes.version) == ("Bob", "Fair.", 2)
        with pytest.raises(StaleVersion):
            await noting.note(session, changes=more, **saying(company, row, 1))
    async with sessions() as session:
        rows = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "experiment.note")
            .order_by(col(AuditRow.id))
        )
        first, second = rows.all()
    assert first.before is None
    assert second.before is not None
    assert second.before["ethics"] == ""
    assert second.after is not None
    assert second.after["ethics"] == "Fair."


async def test_an_empty_text_takes_back_what_was_said(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        for version, said in enumerate(("All of them.", "")):
            changes = NoteChanges(support_briefed=said)
            await noting.note(session, changes=changes, **saying(company, row, version))
        _, items = await readiness(session, company, row)
    assert items[ItemCode.SUPPORT].status is ItemStatus.WARNING


async def test_an_item_is_waived_by_name_with_a_reason_and_counts_again(
    sessions: Sessions, company: Company
) -> None:
    bad = Found(ItemStatus.BLOCKED, "Far too many.")
    async with sessions.begin() as session:
        row = await company.draft(session)
        await looked_at(session, company, row, NULL_REPLAY=bad)
        with pytest.raises(ChecklistIncomplete) as refused:
            await start(session, company, row)
        assert refused.value.items == ("NULL_REPLAY",)
        code, given = ItemCode.NULL_REPLAY, at(company, row, 1)
        here = company.environment_id
        with pytest.raises(ReasonMissing):
            await noting.waive(
                session, given, environment_id=here, code=code, reason=" "
            )
        await noting.waive(
            session, given, environment_id=here, code=code, reason="Urgent."
        )
        found, items = await readiness(session, company, row)
        assert (found.ready, items[code].status) == (True, ItemStatus.WAIVED)
        (waiver,) = await waivers_of(session, row.id)
        assert (waiver.actor_name, waiver.reason) == ("ada", "Urgent.")
        await noting.withdraw_waiver(session, given, code=code)
        assert not (await readiness(session, company, row))[0].ready
        with pytest.raises(OutOfUse):
            await noting.withdraw_waiver(session, given, code=code)


@pytest.mark.parametrize(
    "code", [ItemCode.HYPOTHESIS, ItemCode.POWER, ItemCode.FLOW_FROZEN]
)
async def test_what_holds_or_waits_or_does_not_apply_is_not_waived(
    sessions: Sessions, company: Company, code: ItemCode
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        with pytest.raises(ItemNotWaivable):
            await noting.waive(
                session,
                at(company, row, 1),
                environment_id=company.environment_id,
                code=code,
                reason="Why not.",
            )


async def test_a_design_edit_makes_evidence_worthless_and_a_name_does_not(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        await looked_at(session, company, row)
        place = company.environment_id
        assert not await is_due(session, await queries.draft_of(session, row), place)
        row = await service.update(
            session, at(company, row, 1), changes=Changes(name="Another")
        )
        assert not await is_due(session, await queries.draft_of(session, row), place)
        row = await service.update(
            session, at(company, row, 2), changes=Changes(coverage=0.5)
        )
        assert await is_due(session, await queries.draft_of(session, row), place)
        _, items = await readiness(session, company, row)
    assert items[ItemCode.POWER].status is ItemStatus.WAITING


async def test_a_start_keeps_the_checklist_as_it_stood(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        await start(session, company, row)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, row.id)
        found, items = await readiness(session, company, row)
        assert found.launched_at is not None
        assert len(items) == 16
        assert items[ItemCode.POWER].status is ItemStatus.WAITING
        assert not any(each.blocking or each.waivable for each in found.items)
        with pytest.raises(DesignFrozen):
            await noting.note(
                session, changes=NoteChanges(ethics="x"), **saying(company, row, 0)
            )


async def test_a_start_takes_the_number_of_units_that_was_proposed(
    sessions: Sessions, company: Company
) -> None:
    sized = Found(ItemStatus.OK, "Enough.", {"size": {"total": 13_490}})
    async with sessions.begin() as session:
        row = await company.draft(session, planned_units=None)
        with pytest.raises(ChecklistIncomplete) as refused:
            await start(session, company, row)
        assert refused.value.items == ("PLANNED_UNITS",)
        await looked_at(session, company, row, POWER=sized)
        assert (await readiness(session, company, row))[0].ready
        await start(session, company, row)
    async with sessions.begin() as session:
        phase = await queries.current_phase(session, row.id)
        assert phase.planned_units == 13_490
        row = await session.get_one(Experiment, row.id)
        assert row.planned_units == 13_490
        _, items = await readiness(session, company, row)
    assert items[ItemCode.POWER].status is ItemStatus.OK


async def govern(session: AsyncSession, company: Company) -> None:
    """The strictest rules."""
    project = await session.get_one(Project, company.project_id)
    project.governance = Governance.STRICT
    session.add(project)
    await session.flush()


async def test_the_strictest_rules_let_nothing_open_into_review(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await govern(session, company)
        row = await company.draft(session)
        with pytest.raises(ChecklistIncomplete) as refused:
            await service.submit(session, at(company, row, 1))
        assert {"DECISION", "ETHICS", "POWER"} <= set(refused.value.items)
        await make_ready(session, company, row)
        assert (await service.submit(session, at(company, row, 1))).version == 2
