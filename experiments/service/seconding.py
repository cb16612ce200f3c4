"""Who agrees with a decision, on which version of the memo."""

from uuid import UUID

from core.audit import Actor, ActorKind
from core.clock import now
from core.database import AsyncSession
from core.problems import Forbidden, StaleVersion
from core.tenancy import Governance, Project
from experiments import queries
from experiments.errors import DesignInvalid
from experiments.freezing import design_of
from experiments.lifecycle import DecisionOutcome, Step, target_of
from experiments.models import Experiment
from experiments.service import change
from experiments.service.recording import record
from experiments.shipping.errors import ApprovalNeeded, MemoIncomplete
from experiments.shipping.models import DecisionApproval, Memo
from experiments.shipping.parts import MemoDecision
from experiments.shipping.queries import approvals, last_memo


async def approve_decision(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    memo_version: int,
    actor: Actor,
    outcome: DecisionOutcome,
    variant_key: str | None,
    reason: str,
) -> DecisionApproval:
    """Agree with a decision that somebody else is about to take on this memo.

    Raises:
        ReasonMissing, DesignInvalid: The reason is blank, or too long.
        Forbidden: It is no person who agrees.
        IllegalTransition: The experiment is not stopped.
        MemoIncomplete: There is no memo yet.
        StaleVersion: The memo has another version by now.
    """
    experiment = await queries.experiment_by_id(
        session, project_id=project_id, experiment_id=experiment_id
    )
    target_of(experiment.status, Step.DECIDE)
    reason = change.said(reason)
    if actor.kind is not ActorKind.MEMBER or actor.id is None:
        raise Forbidden("A person agrees, not a key.")
    await check_variant(session, experiment, outcome, variant_key)
    if await memo_of(session, experiment, memo_version) is None:
        raise MemoIncomplete("There is no memo yet to agree with.", path=("memo",))
    approval = DecisionApproval(
        project_id=project_id,
        experiment_id=experiment.id,
        memo_version=memo_version,
        outcome=outcome,
        variant=variant_key,
        reason=reason,
        actor_id=actor.id,
        actor_name=actor.name,
        at=await now(session),
    )
    session.add(approval)
    await record(
        session,
        experiment,
        "experiment.approve_decision",
        actor=actor,
        after={"decision": outcome, "variant": variant_key, "memo": memo_version},
        reason=approval.reason,
    )
    return approval


async def check_variant(
    session: AsyncSession,
    experiment: Experiment,
    outcome: DecisionOutcome,
    variant_key: str | None,
) -> None:
    """Refuse a decision that names no variant to ship, or one where none is shipped.

    Raises:
        DesignInvalid: The variant does not fit the outcome.
    """
    path = ("variant",)
    if outcome is not DecisionOutcome.SHIP:
        if variant_key is not None:
            raise DesignInvalid("Only SHIP names a variant.", path=path)
        return
    draft = await queries.draft_of(session, experiment)
    if variant_key not in {v.key for v in draft.variants if not v.is_control}:
        raise DesignInvalid("Name the variant to ship; not the control.", path=path)
    phase = await queries.current_phase(session, experiment.id)
    if variant_key in design_of(phase).dropped_at:
        raise DesignInvalid(
            f"{variant_key} was dropped: nothing is concluded of it.", path=path
        )


async def memo_of(
    session: AsyncSession, experiment: Experiment, version: int | None
) -> Memo | None:
    """The version that is decided on: the last one, and the one that was named.

    Raises:
        StaleVersion: Another version was named.
    """
    memo = await last_memo(session, experiment.id)
    current = 0 if memo is None else memo.version
    if version is not None and version != current:
        raise StaleVersion(current)
    return memo


async def approver_of(
    session: AsyncSession,
    experiment: Experiment,
    memo: Memo | None,
    decision: MemoDecision,
    actor: Actor,
) -> str | None:
    """Who agreed with a decision that goes against the recommendation.

    Raises:
        ApprovalNeeded: Nobody else did, and the project's governance asks for it.
    """
    if not decision.opposes:
        return None
    agreed = await approvals(
        session,
        experiment_id=experiment.id,
        memo_version=0 if memo is None else memo.version,
        outcome=decision.outcome,
        variant=decision.variant,
    )
    names = [each.actor_name for each in agreed if each.actor_id != actor.id]
    if names:
        return names[0]
    project = await session.get_one(Project, experiment.project_id)
    if project.governance is not Governance.SOLO:
        raise ApprovalNeeded(
            "It goes against the recommendation: another reviewer has to agree with "
            "this decision on this version of the memo first."
        )
    return None
