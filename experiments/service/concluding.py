"""What a person makes of an experiment that is over."""

from dataclasses import asdict, replace

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.analysis.results import Report
from experiments.errors import DesignInvalid
from experiments.freezing import design_of
from experiments.lifecycle import DecisionOutcome, Step
from experiments.models import TEXT_LENGTH, Experiment
from experiments.service import change, memos
from experiments.service.change import Intent
from experiments.service.reporting import report_of
from experiments.service.seconding import approver_of, check_variant, memo_of
from experiments.shipping import agreement
from experiments.shipping.errors import (
    MemoIncomplete,
)
from experiments.shipping.models import DecisionRecord, Memo, MemoKind
from experiments.shipping.parts import (
    MemoDecision,
    MemoParts,
    parts_of_memo,
)
from experiments.shipping.reservations import NO_RESERVATIONS, Reservations, reserved


async def decide(
    session: AsyncSession,
    intent: Intent,
    *,
    outcome: DecisionOutcome,
    note: str,
    variant_key: str | None = None,
    memo_version: int | None = None,
    reservations: Reservations = NO_RESERVATIONS,
) -> Experiment:
    """Write down the decision, and why. Nobody's variant changes by it.

    It is bound to the version of the memo that it writes: the one before, or one that
    is generated, with the decision in it.

    Raises:
        DesignInvalid: The note is missing, or the variant does not fit the outcome.
        DecisionRefused: A variant would be shipped on an invalid result, on none, too
            early, or with a guardrail that is harmed or not known; or nobody agreed.
        MemoIncomplete: A part of the memo is empty.
        IllegalTransition: The experiment is not stopped.
        StaleVersion: Somebody changed it, or its memo, first.
    """
    experiment = await change.read(session, intent, Step.DECIDE)
    if not 0 < len(note.strip()) <= TEXT_LENGTH:
        raise DesignInvalid("Say why; it is part of the memo.", path=("note",))
    await check_variant(session, experiment, outcome, variant_key)
    phase = await queries.current_phase(session, experiment.id)
    report = await report_of(session, phase.id)
    decision = MemoDecision(
        outcome=outcome,
        variant=variant_key,
        note=note.strip(),
        by=intent.actor.name,
        opposes=agreement.opposes(report, outcome, variant_key),
        approved_by=None,
        reviewed=False,
        early_reason=None,
    )
    if outcome is DecisionOutcome.SHIP and variant_key is not None:
        decision = reserved(
            decision,
            report,
            variant=variant_key,
            planned_units=design_of(phase).units_in_play,
            reservations=reservations,
        )
    base = await memo_of(session, experiment, memo_version)
    approver = await approver_of(session, experiment, base, decision, intent.actor)
    decision = replace(decision, approved_by=approver, reviewed=approver is not None)
    parts = await _complete(session, experiment, base)
    memo = await conclude(
        session, experiment, parts, decision, report, actor=intent.actor, before=base
    )
    return await _settle(session, experiment, decision, memo, intent.actor)


async def conclude(
    session: AsyncSession,
    experiment: Experiment,
    parts: MemoParts,
    decision: MemoDecision,
    report: Report | None,
    *,
    actor: Actor,
    before: Memo | None,
) -> Memo:
    """Bind a decision to a version of the memo that says it."""
    memo = await memos.append(
        session,
        experiment,
        replace(parts, decision=decision, deviations=_deviations(parts, decision)),
        MemoKind.DECIDED,
        actor=actor,
        before=before,
    )
    session.add(
        DecisionRecord(
            project_id=experiment.project_id,
            experiment_id=experiment.id,
            memo_id=memo.id,
            outcome=decision.outcome,
            variant=decision.variant,
            note=decision.note,
            recommendation=None if report is None else report.recommendation.outcome,
            opposes=decision.opposes,
            approved_by=decision.approved_by,
            reviewed=decision.reviewed,
            acceptances=[asdict(each) for each in decision.acceptances],
            early_reason=decision.early_reason,
            actor_kind=actor.kind,
            actor_id=actor.id,
            actor_name=actor.name,
            at=memo.at,
        )
    )
    await session.flush()
    return memo


async def _settle(
    session: AsyncSession,
    experiment: Experiment,
    decision: MemoDecision,
    memo: Memo,
    actor: Actor,
) -> Experiment:
    return await change.take(
        session,
        experiment,
        Step.DECIDE,
        actor=actor,
        reason=decision.note,
        facts={
            "decision": decision.outcome,
            "variant": decision.variant,
            "memo_version": memo.version,
            "opposes": decision.opposes,
            "approved_by": decision.approved_by,
            "early_reason": decision.early_reason,
        },
        decision=decision.outcome,
        decision_note=decision.note,
        decided_variant=decision.variant,
        decided_at=await now(session),
    )


def _deviations(parts: MemoParts, decision: MemoDecision) -> tuple[str, ...]:
    if decision.early_reason is None:
        return parts.deviations
    early = f"Shipped before its time by {decision.by}: {decision.early_reason}"
    return (*parts.deviations, early)


async def _complete(
    session: AsyncSession, experiment: Experiment, base: Memo | None
) -> MemoParts:
    if base is None:
        parts = await memos.generated(session, experiment, None)
    else:
        parts = parts_of_memo(base.parts)
    if missing := parts.missing():
        raise MemoIncomplete(
            f"The memo does not say: {', '.join(missing)}.", path=("memo",)
        )
    return parts
