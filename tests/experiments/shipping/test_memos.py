"""A memo is generated, edited, and never overwritten."""

from datetime import date
from typing import Any

import pytest
from sqlmodel import select

from core.database import AsyncSession, Sessions
from core.problems import StaleVersion
from experiments import service
from experiments.analysis.results import GuardrailOutcome, Verdict
from experiments.errors import DesignInvalid, PhaseUnknown
from experiments.governance.ramps import RampStep
from experiments.service.memos import MemoChanges
from experiments.shipping.errors import MemoIncomplete
from experiments.shipping.models import Memo, MemoKind
from experiments.shipping.parts import parts_of_memo
from tests.experiments.company import Company, step
from tests.experiments.shipping.concluded import Clock, report, stopped

pytestmark = pytest.mark.stores


async def versions(session: AsyncSession) -> list[Memo]:
    found = await session.exec(select(Memo).order_by(Memo.version))  # type: ignore[arg-type]
    return list(found.all())


async def test_what_is_known_is_in_the_memo(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    shown = report(
        matured=400,
        verdict=Verdict.NOT_ENOUGH_DATA,
        guardrail=GuardrailOutcome.UNRESOLVED,
    )
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, shown)
        memo = await service.generate_memo(
            session,
            project_id=company.project_id,
            experiment_id=row.id,
            actor=company.actor,
        )
    parts = parts_of_memo(memo.parts)
    assert (memo.version, memo.kind) == (1, MemoKind.GENERATED)
    assert parts.question == "Fewer fields, more sign-ups."
    assert parts.follow_up_on == date(2026, 6, 10)
    assert parts.deviations == ("It stopped at 400 of 1,000 planned units.",)
    assert [each.metric_key for each in parts.readings] == ["paid", "revenue"]
    assert parts.not_reviewed == ("Nobody reviewed the design before it started.",)
    for said in (
        f"Design `{parts.design_hash}`, phase 1.",
        "Long 500, Short 500",
        "not shown to be safe",
        "Recommended: ship “Short”.",
        "## Not reviewed\n\n- Nobody reviewed the design before it started.",
        "On 10 Jun 2026.",
    ):
        assert said in memo.text


async def test_coverage_that_a_ramp_came_to_was_planned(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    said = []
    async with sessions.begin() as session:
        row = await company.draft(session)
        steps = (RampStep(0.1), RampStep(0.5))
        row = await service.plan_ramp(session, step(company, row), steps=steps)
        await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        for coverage in (0.5, 0.6):
            row = await service.raise_coverage(
                session, step(company, row), coverage=coverage
            )
            memo = await service.generate_memo(
                session,
                project_id=company.project_id,
                experiment_id=row.id,
                actor=company.actor,
            )
            said.append(parts_of_memo(memo.parts).deviations)
    assert said == [(), ("Coverage was raised from 0.1 to 0.6.",)]


async def test_edits_are_later_versions_and_outlive_a_new_draft(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        here: dict[str, Any] = {
            "project_id": company.project_id,
            "experiment_id": row.id,
            "actor": company.actor,
        }
        await service.generate_memo(session, **here)
        changes = MemoChanges(users_notice="A shorter form.", text="# In my words")
        await service.edit_memo(session, expected_version=1, changes=changes, **here)
        await service.generate_memo(session, **here)
        first, edited, again = await versions(session)
    assert edited.text == "# In my words"
    assert "A shorter form." not in first.text
    assert "## What users will notice\n\nA shorter form." in again.text
    assert [m.kind for m in (first, edited, again)] == [
        MemoKind.GENERATED,
        MemoKind.EDITED,
        MemoKind.GENERATED,
    ]


async def test_an_edit_of_what_nobody_has_or_of_another_version_is_refused(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        here: dict[str, Any] = {
            "project_id": company.project_id,
            "experiment_id": row.id,
            "actor": company.actor,
        }
        edit = MemoChanges(dissent="No.")
        with pytest.raises(MemoIncomplete):
            await service.edit_memo(session, expected_version=0, changes=edit, **here)
        await service.generate_memo(session, **here)
        with pytest.raises(StaleVersion):
            await service.edit_memo(session, expected_version=2, changes=edit, **here)
        with pytest.raises(DesignInvalid):
            await service.edit_memo(
                session,
                expected_version=1,
                changes=MemoChanges(dissent="x" * 4_001),
                **here,
            )


async def test_what_never_started_has_no_memo(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        with pytest.raises(PhaseUnknown):
            await service.generate_memo(
                session,
                project_id=company.project_id,
                experiment_id=row.id,
                actor=company.actor,
            )
