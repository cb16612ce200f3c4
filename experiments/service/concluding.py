"""What a person makes of an experiment that is over."""

from dataclasses import asdict, dataclass, replace

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.analysis.results import Outcome, Report
from experiments.errors import DesignInvalid
from experiments.freezing import design_of
from experiments.lifecycle import DecisionOutcome, Step
from experiments.models import TEXT_LENGTH, Experiment, Phase
from experiments.service import change, memos
from experiments.service.change import Intent
from experiments.service.reporting import report_of
from experiments.service.seconding import approver_of, check_variant, memo_of
from experiments.shipping import agreement
from experiments.shipping.errors import (
    DecisionRefused,
    EarlyDecision,
    GuardrailUnresolved,
    MemoIncomplete,
)
from experiments.shipping.models import DecisionRecord, Memo, MemoKind
from experiments.shipping.parts import (
    MemoAcceptance,
    MemoDecision,
    MemoParts,
    parts_of_memo,
)


@dataclass(frozen=True, slots=True)
class Reservations:
    """What is said of a variant that ships although something stands against it."""

    early_reason: str | None = None
    """Why before the planned number, or a valid bound, is there."""
    acceptances: tuple[tuple[str, str], ...] = ()
    """Guardrails that are not known, by key, each with why that is accepted."""


NO_RESERVATIONS = Reservations()


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
        decision = _shippable(decision, report, phase, variant_key, reservations)
    base = await memo_of(session, experiment, memo_version)
    approver = await approver_of(session, experiment, base, decision, intent.actor)
    decision = replace(decision, approved_by=approver, reviewed=approver is not None)
    parts = await _complete(session, experiment, base)
    memo = await conclude(
        session, experiment, parts, decision, report, actor=intent.actor, before=base
    )
    return await change.take(
        session,
        experiment,
        Step.DECIDE,
        actor=intent.actor,
        reason=decision.note,
        facts={
            "decision": outcome,
            "variant": variant_key,
            "memo_version": memo.version,
            "opposes": decision.opposes,
            "approved_by": approver,
            "early_reason": decision.early_reason,
        },
        decision=outcome,
        decision_note=decision.note,
        decided_variant=variant_key,
        decided_at=await now(session),
    )


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


def _deviations(parts: MemoParts, decision: MemoDecision) -> tuple[str, ...]:
    if decision.early_reason is None:
        return parts.deviations
    early = f"Shipped before its time by {decision.by}: {decision.early_reason}"
    return (*parts.deviations, early)


def _shippable(
    decision: MemoDecision,
    report: Report | None,
    phase: Phase,
    variant: str,
    reservations: Reservations,
) -> MemoDecision:
    """The decision with what was accepted for it.

    Raises:
        DecisionRefused: The result is invalid, there is none, it is too early, or a
            guardrail is harmed or unknown.
    """
    if report is not None and report.recommendation.outcome is Outcome.INVALID:
        raise DecisionRefused("An invalid result never ships a variant.")
    if worse := agreement.harmed(report, variant):
        raise DecisionRefused(
            f"What {variant} harms is not shipped: {', '.join(worse)}.",
            path=("variant",),
        )
    if not agreement.is_known(report, variant):
        raise DecisionRefused(
            f"No look has read what {variant} does: nothing speaks for shipping it. "
            "Wait for one, or decide INCONCLUSIVE or ABANDON.",
            path=("decision",),
        )
    early = (reservations.early_reason or "").strip()[:TEXT_LENGTH] or None
    planned = design_of(phase).units_in_play
    if agreement.is_ripe(report, planned, variant):
        early = None
    elif early is None:
        matured = 0 if report is None else report.health.matured
        raise EarlyDecision(
            f"{matured:,} of {planned:,} planned units are there, and no "
            "valid bound was crossed: say why it ships all the same.",
            path=("earlyReason",),
        )
    unknown = agreement.unresolved(report, variant)
    accepted = {
        key: reason.strip()
        for key, reason in reservations.acceptances
        if reason.strip()
    }
    if lacking := [key for key in unknown if key not in accepted]:
        raise GuardrailUnresolved(
            f"It is not known whether {', '.join(lacking)} is harmed: accept it by "
            "name, and say why.",
            path=("acceptances",),
        )
    return replace(
        decision,
        early_reason=early,
        acceptances=tuple(
            MemoAcceptance(key, decision.by, accepted[key][:TEXT_LENGTH])
            for key in unknown
        ),
    )


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
