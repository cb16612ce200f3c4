"""What is decided: on what memo, against what advice, and with whose agreement."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.audit import Actor, ActorKind, AuditRow
from core.database import AsyncSession, Sessions
from core.ids import new_id
from core.problems import Forbidden, IllegalTransition, StaleVersion
from core.tenancy import Governance, Project
from experiments import service
from experiments.analysis.results import (
    ArmEstimate,
    GuardrailOutcome,
    Outcome,
    Reading,
    Verdict,
)
from experiments.errors import DesignInvalid
from experiments.lifecycle import DecisionOutcome, ExperimentStatus
from experiments.service.memos import MemoChanges
from experiments.shipping.errors import (
    ApprovalNeeded,
    DecisionRefused,
    EarlyDecision,
    GuardrailUnresolved,
    MemoIncomplete,
)
from experiments.shipping.models import DecisionRecord, Memo, MemoKind
from experiments.shipping.parts import parts_of_memo
from experiments.shipping.queries import last_memo
from experiments.shipping.reservations import Reservations
from tests.experiments.company import Company, step
from tests.experiments.shipping.concluded import (
    BOB,
    CAROL,
    Clock,
    report,
    stopped,
)

pytestmark = pytest.mark.stores

SHIP: dict[str, Any] = {
    "outcome": DecisionOutcome.SHIP,
    "note": "It works.",
    "variant_key": "short",
}
EARLY = Reservations(early_reason="The season ends.")
EARLY_REPORT: dict[str, Any] = {"matured": 400, "verdict": Verdict.NOT_ENOUGH_DATA}


async def governed(session: AsyncSession, company: Company, how: Governance) -> None:
    project = await session.get_one(Project, company.project_id)
    project.governance = how
    session.add(project)
    await session.flush()


async def record_of(session: AsyncSession) -> DecisionRecord:
    return (await session.exec(select(DecisionRecord))).one()


async def test_a_decision_needs_a_note_and_the_variant_that_it_ships(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        for refused in (
            {**SHIP, "variant_key": None},
            {**SHIP, "variant_key": "long"},
            {**SHIP, "note": " "},
            {**SHIP, "outcome": DecisionOutcome.ABANDON},
        ):
            with pytest.raises(DesignInvalid):
                await service.decide(session, step(company, row), **refused)
        decided = await service.decide(session, step(company, row), **SHIP)
    assert (decided.status, decided.decision) == ("DECIDED", "SHIP")
    assert decided.decided_variant == "short"
    assert decided.decided_at is not None


async def test_nothing_is_decided_while_it_runs(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        await service.start(
            session, step(company, row), environment_id=company.environment_id
        )
        with pytest.raises(IllegalTransition):
            await service.decide(session, step(company, row), **SHIP)


@pytest.mark.parametrize(
    "outcome",
    [
        DecisionOutcome.INCONCLUSIVE,
        DecisionOutcome.ABANDON,
        DecisionOutcome.ROLL_BACK,
    ],
)
async def test_without_a_winner_it_is_decided_all_the_same(
    sessions: Sessions, company: Company, clock: Clock, outcome: DecisionOutcome
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock)
        decided = await service.decide(
            session, step(company, row), outcome=outcome, note="It shows nothing."
        )
        record = await record_of(session)
    assert (decided.status, decided.decision) == (ExperimentStatus.DECIDED, outcome)
    assert (record.opposes, record.variant) == (False, None)


@pytest.mark.parametrize("shown", [None, "counts"])
async def test_what_no_look_has_read_is_not_shipped_whatever_is_said_for_it(
    sessions: Sessions, company: Company, clock: Clock, shown: str | None
) -> None:
    counts = report(**EARLY_REPORT)
    unread = Reading(ArmEstimate(200), ArmEstimate(200))
    counts = replace(
        counts,
        metrics=tuple(
            replace(
                metric,
                comparisons=tuple(
                    replace(each, raw=unread, capped=None, adjusted=None, valid=None)
                    for each in metric.comparisons
                ),
            )
            for metric in counts.metrics
        ),
    )
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, counts if shown else None)
        with pytest.raises(DecisionRefused, match="No look has read") as refused:
            await service.decide(
                session, step(company, row), **SHIP, reservations=EARLY
            )
        await session.refresh(row)
    assert (refused.value.code, row.status) == ("DECISION_REFUSED", "STOPPED")


async def test_an_invalid_result_never_ships(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    shown = report(outcome=Outcome.INVALID, verdict=Verdict.INVALID, arm=None)
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, shown)
        with pytest.raises(DecisionRefused, match="invalid"):
            await service.decide(
                session, step(company, row), **SHIP, reservations=EARLY
            )
        decided = await service.decide(
            session,
            step(company, row),
            outcome=DecisionOutcome.ABANDON,
            note="A broken split.",
        )
    assert decided.decision is DecisionOutcome.ABANDON


async def test_what_harms_a_guardrail_never_ships(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    shown = report(outcome=Outcome.DONT_SHIP, guardrail=GuardrailOutcome.HARMED)
    accepted = service.Reservations("Urgent.", (("revenue", "We can bear it."),))
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, shown)
        with pytest.raises(DecisionRefused, match="harms is not shipped: revenue"):
            await service.decide(
                session, step(company, row), **SHIP, reservations=accepted
            )


async def test_before_its_time_it_ships_only_with_a_reason_that_is_written_down(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report(**EARLY_REPORT))
        with pytest.raises(EarlyDecision, match="400 of 1,000"):
            await service.decide(session, step(company, row), **SHIP)
        await service.decide(session, step(company, row), **SHIP, reservations=EARLY)
        record = await record_of(session)
        memo = await last_memo(session, row.id)
    assert record.early_reason == "The season ends."
    assert memo is not None
    assert "Shipped before its time by ada: The season ends." in (
        parts_of_memo(memo.parts).deviations
    )


async def test_a_bound_that_was_crossed_early_is_enough(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report(matured=400))
        await service.decide(session, step(company, row), **SHIP)
        assert (await record_of(session)).early_reason is None


async def test_an_unresolved_guardrail_is_accepted_by_name(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    shown = report(guardrail=GuardrailOutcome.UNRESOLVED)
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, shown)
        for lacking in ((), (("revenue", " "),), (("paid", "Fine."),)):
            with pytest.raises(GuardrailUnresolved, match="revenue"):
                await service.decide(
                    session,
                    step(company, row),
                    **SHIP,
                    reservations=Reservations(acceptances=lacking),
                )
        await service.decide(
            session,
            step(company, row),
            **SHIP,
            reservations=Reservations(acceptances=(("revenue", "It is small."),)),
        )
        record = await record_of(session)
    assert record.acceptances == [
        {"metric_key": "revenue", "by": "ada", "reason": "It is small."}
    ]


@pytest.mark.parametrize("governance", [Governance.TEAM, Governance.STRICT])
async def test_what_goes_against_the_advice_needs_another_reviewer(
    sessions: Sessions, company: Company, clock: Clock, governance: Governance
) -> None:
    against = report(outcome=Outcome.DONT_SHIP, verdict=Verdict.LOSS, effect=-0.03)
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, against)
        await governed(session, company, governance)
        memo = await service.generate_memo(
            session,
            project_id=company.project_id,
            experiment_id=row.id,
            actor=company.actor,
        )
        bob = step(company, row, BOB)
        agreed: dict[str, Any] = {
            "project_id": company.project_id,
            "experiment_id": row.id,
            "memo_version": memo.version,
            "outcome": DecisionOutcome.SHIP,
            "variant_key": "short",
            "reason": "Strategy.",
        }
        await service.approve_decision(session, actor=BOB, **agreed)
        with pytest.raises(ApprovalNeeded):
            await service.decide(session, bob, **SHIP)
        await service.approve_decision(session, actor=CAROL, **agreed)
        await service.decide(session, bob, **SHIP)
        record = await record_of(session)
    assert (record.opposes, record.reviewed) == (True, True)
    assert record.approved_by == "carol@example.com"


async def test_an_agreement_is_with_one_version_of_the_memo(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    against = report(outcome=Outcome.DONT_SHIP, verdict=Verdict.LOSS, effect=-0.03)
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, against)
        await governed(session, company, Governance.TEAM)
        here = {"project_id": company.project_id, "experiment_id": row.id}
        agree: dict[str, Any] = {
            "outcome": DecisionOutcome.SHIP,
            "variant_key": "short",
            "reason": "Strategy.",
            **here,
        }
        with pytest.raises(StaleVersion):
            await service.approve_decision(session, memo_version=1, actor=BOB, **agree)
        with pytest.raises(MemoIncomplete):
            await service.approve_decision(session, memo_version=0, actor=BOB, **agree)
        await service.generate_memo(session, actor=company.actor, **here)
        await service.approve_decision(session, memo_version=1, actor=BOB, **agree)
        await service.edit_memo(
            session,
            expected_version=1,
            actor=CAROL,
            changes=MemoChanges(dissent="I would not."),
            **here,
        )
        with pytest.raises(ApprovalNeeded):
            await service.decide(session, step(company, row), **SHIP)


async def test_a_key_agrees_with_nothing(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    key = Actor(ActorKind.KEY, new_id(), "ci")
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        with pytest.raises(Forbidden):
            await service.approve_decision(
                session,
                project_id=company.project_id,
                experiment_id=row.id,
                memo_version=0,
                actor=key,
                outcome=DecisionOutcome.ABANDON,
                variant_key=None,
                reason="Why not.",
            )


async def test_alone_one_decides_against_the_advice_and_is_stamped(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        await service.decide(
            session,
            step(company, row),
            outcome=DecisionOutcome.ROLL_BACK,
            note="Nobody likes it.",
        )
        record = await record_of(session)
        memo = await last_memo(session, row.id)
    assert (record.opposes, record.reviewed, record.approved_by) == (True, False, None)
    assert memo is not None
    assert "Nobody else reviewed it." in memo.text


async def test_a_memo_with_an_empty_part_decides_nothing(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        here = {"project_id": company.project_id, "experiment_id": row.id}
        await service.generate_memo(session, actor=company.actor, **here)
        await service.edit_memo(
            session,
            expected_version=1,
            actor=company.actor,
            changes=MemoChanges(users_notice=" "),
            **here,
        )
        with pytest.raises(MemoIncomplete, match="usersNotice"):
            await service.decide(session, step(company, row), **SHIP)


async def test_a_decision_is_bound_to_a_version_of_its_own(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        here = {"project_id": company.project_id, "experiment_id": row.id}
        first = await service.generate_memo(session, actor=company.actor, **here)
        with pytest.raises(StaleVersion):
            await service.decide(session, step(company, row), **SHIP, memo_version=2)
        await service.decide(session, step(company, row), **SHIP, memo_version=1)
        record = await record_of(session)
        bound = await session.get_one(Memo, record.memo_id)
        audited = (
            await session.exec(
                select(AuditRow).where(AuditRow.action == "experiment.decide")
            )
        ).one()
    assert (bound.version, bound.kind) == (2, MemoKind.DECIDED)
    assert "**Ship “Short”**, by ada." in bound.text
    assert "**Ship" not in first.text.split("## Result")[0]
    assert audited.after is not None
    assert audited.after["memo_version"] == 2
