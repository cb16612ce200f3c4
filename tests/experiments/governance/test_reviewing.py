"""Submitting, approving, sending back, and what an edit takes back, on the stores."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.problems import IllegalTransition, Problem, StaleVersion
from core.tenancy import Governance
from experiments import queries, service
from experiments.drafts import Changes, VariantSpec
from experiments.errors import ChecklistIncomplete, ReasonMissing
from experiments.governance import queries as governance
from experiments.governance.errors import (
    AlreadyAssessed,
    NotApproved,
    ReviewerNotPerson,
    SelfApproval,
)
from experiments.governance.models import ReviewVerdict
from experiments.models import Experiment
from experiments.service.approving import agreement_of
from experiments.service.change import Intent
from experiments.treatments import TreatmentKind
from tests.experiments.company import CONVERSION, READY, Company, step
from tests.experiments.governance.conftest import Govern
from tests.experiments.governance.people import BOB, CAROL, DAVE, KEY

pytestmark = pytest.mark.stores

YES: dict[str, Any] = {"verdict": ReviewVerdict.APPROVE}
NO: dict[str, Any] = {"verdict": ReviewVerdict.REQUEST_CHANGES}
UNEVEN = Changes(
    variants=(
        VariantSpec("long", "Long", 0.7, is_control=True, payload={"value": 9}),
        VariantSpec("short", "Short", 0.3, is_control=False, payload={"value": 3}),
    )
)


def limit(value: int) -> dict[str, Any]:
    """Reports a month."""
    return {
        "meter": "reports",
        "kind": "FLOW",
        "value": value,
        "window": "MONTH",
        "disclosure": {"text": f"{value} reports a month are free."},
    }


async def less(session: AsyncSession, company: Company) -> Experiment:
    """A draft that gives fewer reports to everyone."""
    variants = (
        VariantSpec("hundred", "100", 0.5, is_control=True, payload=limit(100)),
        VariantSpec("sixty", "60", 0.5, is_control=False, payload=limit(60)),
    )
    changes = Changes(
        hypothesis=READY.hypothesis,
        variants=variants,
        measures=READY.measures,
        planned_units=1_000,
    )
    return await service.draft(
        session,
        project_id=company.project_id,
        actor=company.actor,
        key="reports-limit",
        treatment=TreatmentKind.FREEMIUM_LIMIT,
        changes=changes,
    )


async def submitted_less(sessions: Sessions, company: Company) -> Experiment:
    """The same, submitted before the checklist was as strict as the rules are now."""
    async with sessions.begin() as session:
        row = await less(session, company)
        return await service.submit(session, step(company, row))


async def in_review(session: AsyncSession, company: Company) -> Experiment:
    """A draft of ada's that waits for others."""
    row = await company.draft(session)
    return await service.submit(session, step(company, row))


async def approved(session: AsyncSession, company: Company) -> Experiment:
    """The same, and bob agreed."""
    row = await in_review(session, company)
    return await service.assess(session, step(company, row, BOB), **YES)


async def trail(session: AsyncSession, row: Experiment) -> list[AuditRow]:
    """What the audit trail says of an experiment, in order."""
    found = await session.exec(
        select(AuditRow).where(AuditRow.subject_id == row.id).order_by(AuditRow.id)  # type: ignore[arg-type]
    )
    return list(found.all())


async def test_who_wrote_a_design_does_not_approve_it(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await in_review(session, company)
        with pytest.raises(SelfApproval) as refused:
            await service.assess(session, step(company, row), **YES)
        assert refused.value.code == "SELF_APPROVAL"
        row = await service.assess(session, step(company, row, BOB), **YES)
    assert row.status == "APPROVED"


async def test_who_changed_a_design_does_not_approve_it_either(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await company.draft(session)
        row = await service.update(session, step(company, row, BOB), changes=UNEVEN)
        row = await service.submit(session, step(company, row))
        with pytest.raises(SelfApproval):
            await service.assess(session, step(company, row, BOB), **YES)
        row = await service.assess(session, step(company, row, CAROL), **YES)
    assert row.status == "APPROVED"


async def test_a_key_never_reviews_even_where_one_works_alone(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await in_review(session, company)
        with pytest.raises(ReviewerNotPerson):
            await service.assess(session, step(company, row, KEY), **YES)
        row = await service.assess(session, step(company, row), **YES)
    assert row.status == "APPROVED"


async def test_two_agree_to_a_decrease_and_a_later_edit_takes_it_back(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    row = await submitted_less(sessions, company)
    await govern(Governance.STRICT)
    async with sessions.begin() as session:
        row = await service.assess(session, step(company, row, BOB), **YES)
        assert row.status == "IN_REVIEW"
        with pytest.raises(AlreadyAssessed):
            await service.assess(session, step(company, row, BOB), **YES)
        row = await service.assess(session, step(company, row, CAROL), **YES)
        assert row.status == "APPROVED"
        before = len(await trail(session, row))
        uneven = tuple(
            VariantSpec(key, key, weight, is_control, payload=limit(value))
            for key, weight, is_control, value in (
                ("hundred", 0.6, True, 100),
                ("sixty", 0.4, False, 60),
            )
        )
        changes = Changes(variants=uneven)
        row = await service.update(session, step(company, row), changes=changes)
        (last,) = (await trail(session, row))[before:]
        agreement = await agreement_of(session, await queries.draft_of(session, row))
    assert row.status == "IN_REVIEW"
    assert last.action == "experiment.update"
    assert last.before is not None
    assert last.after is not None
    assert (last.before["status"], last.after["status"]) == ("APPROVED", "IN_REVIEW")
    assert (agreement.required, agreement.approvers) == (2, frozenset())


async def test_a_new_name_takes_nothing_back(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await approved(session, company)
        changes = Changes(name="Another")
        row = await service.update(session, step(company, row), changes=changes)
    assert (row.status, row.name) == ("APPROVED", "Another")


@pytest.mark.parametrize("preset", [Governance.TEAM, Governance.STRICT])
async def test_nothing_starts_that_nobody_approved(
    sessions: Sessions, company: Company, govern: Govern, preset: Governance
) -> None:
    await govern(preset)
    async with sessions.begin() as session:
        row = await company.draft(session)
        with pytest.raises(NotApproved) as refused:
            await service.start(
                session, step(company, row), environment_id=company.environment_id
            )
    assert isinstance(refused.value, IllegalTransition)
    assert (refused.value.source, refused.value.target) == ("DRAFT", "RUNNING")


async def test_a_start_that_was_approved_is_stamped_so(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    place: dict[str, Any] = {"environment_id": company.environment_id}
    async with sessions.begin() as session:
        row = await approved(session, company)
        phase = await service.start(session, step(company, row), **place)
        launch = (await governance.launches(session, [phase.id]))[phase.id]
        assert await governance.not_reviewed(session, phase.id) == ()
    assert (launch.reviewed, launch.governance) == (True, Governance.TEAM)
    assert launch.approvals == 1


async def test_a_start_that_nobody_reviewed_is_stamped_so(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        phase = await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        launch = (await governance.launches(session, [phase.id]))[phase.id]
        said = await governance.not_reviewed(session, phase.id)
    assert (launch.reviewed, launch.governance) == (False, Governance.SOLO)
    assert said == ("Nobody reviewed the design before it started.",)


async def test_a_split_that_changes_later_is_not_reviewed_by_then(
    sessions: Sessions, company: Company
) -> None:
    place: dict[str, Any] = {"environment_id": company.environment_id}
    async with sessions.begin() as session:
        row = await approved(session, company)
        await service.start(session, step(company, row), **place)
        same = await service.start_new_phase(
            session, step(company, row), reason="Less.", coverage=0.5, **place
        )
        assert await governance.not_reviewed(session, same.id) == ()
        weights = [
            service.WeightSpec("long", 0.8),
            service.WeightSpec("short", 0.2),
        ]
        other = await service.start_new_phase(
            session, step(company, row), reason="Uneven.", weights=weights, **place
        )
        assert await governance.not_reviewed(session, other.id) == (
            "The design of this phase was changed after the review.",
        )


async def test_a_metric_that_is_edited_is_not_reviewed_in_the_next_phase(
    sessions: Sessions, company: Company
) -> None:
    place: dict[str, Any] = {"environment_id": company.environment_id}
    async with sessions.begin() as session:
        row = await approved(session, company)
        await service.start(session, step(company, row), **place)
        metrics = await queries.metrics_by_keys(
            session, project_id=company.project_id, keys=["paid"]
        )
        await service.update_metric(
            session,
            project_id=company.project_id,
            metric_id=metrics["paid"].id,
            expected_version=1,
            actor=company.actor,
            spec=replace(CONVERSION, window_days=14),
        )
        phase = await service.start_new_phase(
            session, step(company, row), reason="Anew.", **place
        )
        assert await governance.not_reviewed(session, phase.id) == (
            "The design of this phase was changed after the review.",
        )


async def test_a_metric_that_is_edited_makes_another_design(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await approved(session, company)
        metrics = await queries.metrics_by_keys(
            session, project_id=company.project_id, keys=["paid"]
        )
        await service.update_metric(
            session,
            project_id=company.project_id,
            metric_id=metrics["paid"].id,
            expected_version=1,
            actor=company.actor,
            spec=CONVERSION,
        )
        with pytest.raises(NotApproved, match="of what it is now"):
            await service.start(
                session, step(company, row), environment_id=company.environment_id
            )


async def test_what_is_sent_back_is_a_draft_again_and_starts_over(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await in_review(session, company)
        with pytest.raises(ReasonMissing) as refused:
            await service.assess(session, step(company, row, BOB), **NO)
        assert refused.value.path == ("note",)
        row = await service.assess(
            session, step(company, row, BOB), **NO, note="Too long."
        )
        assert row.status == "DRAFT"
        assert await governance.open_review(session, row.id) is None
        row = await service.submit(session, step(company, row))
        review = await governance.open_review(session, row.id)
        assert review is not None
        assert review.number == 2
        row = await service.withdraw(session, step(company, row))
    assert row.status == "DRAFT"


async def test_what_is_not_ready_is_not_submitted(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session, planned_units=None)
        with pytest.raises(ChecklistIncomplete) as refused:
            await service.submit(session, step(company, row))
    assert "PLANNED_UNITS" in refused.value.items


async def test_of_two_last_approvals_at_once_each_is_counted_once(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    row = await submitted_less(sessions, company)
    await govern(Governance.STRICT)
    given = [step(company, row, actor) for actor in (BOB, CAROL, DAVE)]

    async def agree(by: Intent) -> Experiment | Problem:
        try:
            async with sessions.begin() as session:
                return await service.assess(session, by, **YES)
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(*(agree(by) for by in given))
    refused = [each for each in outcomes if isinstance(each, Problem)]
    assert len(refused) == 2
    assert all(isinstance(each, StaleVersion) for each in refused)
    async with sessions() as session:
        draft = await queries.draft_of(session, row)
        assert len((await agreement_of(session, draft)).approvers) == 1
