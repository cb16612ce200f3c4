"""What a person makes of an experiment that is over."""

from uuid import UUID

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.analysis.queries import current_of_phase
from experiments.analysis.results import Outcome
from experiments.errors import DecisionRefused, DesignInvalid
from experiments.lifecycle import DecisionOutcome, Step, target_of
from experiments.models import TEXT_LENGTH, Experiment
from experiments.service import change
from experiments.service.locking import hold_project
from experiments.service.prerequisites import check_not_required
from experiments.service.publishing import touch_definitions


async def decide(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    expected_version: int,
    actor: Actor,
    outcome: DecisionOutcome,
    note: str,
    variant_key: str | None = None,
) -> Experiment:
    """Write down the decision, and why. Nobody's variant changes by it.

    Raises:
        DesignInvalid: The note is missing, or the variant does not fit the outcome.
        DecisionRefused: A variant would be shipped on an invalid result.
        IllegalTransition: The experiment is not stopped.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(
        session,
        project_id=project_id,
        experiment_id=experiment_id,
        expected=expected_version,
    )
    target_of(experiment.status, Step.DECIDE)
    if not 0 < len(note.strip()) <= TEXT_LENGTH:
        raise DesignInvalid("Say why: the note is the memo.", path=("note",))
    await _check_variant(session, experiment, outcome, variant_key)
    if outcome is DecisionOutcome.SHIP:
        await _check_result(session, experiment)
    return await change.take(
        session,
        experiment,
        Step.DECIDE,
        actor=actor,
        reason=note.strip(),
        facts={"decision": outcome, "variant": variant_key},
        decision=outcome,
        decision_note=note.strip(),
        decided_variant=variant_key,
        decided_at=await now(session),
    )


async def archive(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    expected_version: int,
    actor: Actor,
) -> Experiment:
    """Put it away. Its key stays reserved, and it is no longer answered for.

    Raises:
        PrerequisiteInUse: Others that run, or may start, require it.
        IllegalTransition: It is live.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(
        session,
        project_id=project_id,
        experiment_id=experiment_id,
        expected=expected_version,
    )
    target_of(experiment.status, Step.ARCHIVE)
    await hold_project(session, project_id)
    await check_not_required(session, experiment)
    row = await change.take(session, experiment, Step.ARCHIVE, actor=actor)
    for environment_id in await queries.environments_of(session, row.id):
        await touch_definitions(session, environment_id)
    return row


async def _check_result(session: AsyncSession, experiment: Experiment) -> None:
    phase = await queries.current_phase(session, experiment.id)
    snapshot = await current_of_phase(session, phase.id)
    if snapshot is not None and snapshot.recommendation is Outcome.INVALID:
        raise DecisionRefused("An invalid result never ships a variant.")


async def _check_variant(
    session: AsyncSession,
    experiment: Experiment,
    outcome: DecisionOutcome,
    variant_key: str | None,
) -> None:
    path = ("variant",)
    if outcome is not DecisionOutcome.SHIP:
        if variant_key is not None:
            raise DesignInvalid("Only SHIP names a variant.", path=path)
        return
    draft = await queries.draft_of(session, experiment)
    if variant_key not in {v.key for v in draft.variants if not v.is_control}:
        raise DesignInvalid("Name the variant to ship; not the control.", path=path)
