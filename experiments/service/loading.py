"""From rows to what an environment serves."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select

from core.database import AsyncSession
from experiments import queries
from experiments.assignment.definitions import (
    PhaseDefinition,
    Serving,
    Snapshot,
    VariantDefinition,
)
from experiments.drafts import Draft
from experiments.lifecycle import SERVED, ExperimentStatus, PauseMode
from experiments.models import DefinitionsVersion, Experiment, Phase
from experiments.treatments import served_value


async def versions_of(
    session: AsyncSession, environment_ids: Sequence[UUID]
) -> Mapping[UUID, int]:
    """The definitions' version of each environment that ever served anything."""
    found = await session.exec(
        select(DefinitionsVersion).where(
            col(DefinitionsVersion.environment_id).in_(environment_ids)
        )
    )
    return {row.environment_id: row.version for row in found.all()}


async def load(session: AsyncSession, environment_id: UUID) -> Snapshot:
    """Compile what the environment serves now.

    The version is read first: a change in between is loaded once more, never missed.
    """
    versions = await versions_of(session, [environment_id])
    found = await session.exec(
        select(Experiment, Phase)
        .where(
            col(Phase.experiment_id) == Experiment.id,
            Phase.environment_id == environment_id,
            col(Experiment.status).in_(SERVED),
            col(Phase.imported).is_(False),
        )
        .order_by(col(Phase.number))
    )
    latest = {experiment.id: (experiment, phase) for experiment, phase in found.all()}
    drafts = await queries.drafts_of(session, [e for e, _ in latest.values()])
    definitions = tuple(
        _definition(drafts[experiment.id], phase)
        for experiment, phase in latest.values()
    )
    return Snapshot.of(versions.get(environment_id, 0), definitions)


def _definition(draft: Draft, phase: Phase) -> PhaseDefinition:
    experiment = draft.experiment
    return PhaseDefinition(
        experiment_id=experiment.id,
        experiment_key=experiment.key,
        treatment=experiment.treatment,
        phase_id=phase.id,
        number=phase.number,
        version=phase.version,
        unit=experiment.unit,
        seed=phase.seed,
        coverage=phase.coverage,
        condition=experiment.targeting,
        variants=tuple(
            VariantDefinition(
                key=variant.key,
                weight=variant.weight,
                is_control=variant.is_control,
                payload=variant.payload,
                value=served_value(experiment.treatment, variant.payload),
            )
            for variant in draft.variants
        ),
        serving=_serving(experiment, phase),
    )


def _serving(experiment: Experiment, phase: Phase) -> Serving:
    """A pause of enrolment splits on: it only closes the analysis to newcomers."""
    if phase.ended_at is not None or experiment.status in {
        ExperimentStatus.STOPPED,
        ExperimentStatus.DECIDED,
    }:
        return Serving.STOPPED
    paused = [pause for pause in phase.pauses if pause["until"] is None]
    if any(pause["mode"] == PauseMode.PAUSE_SERVING for pause in paused):
        return Serving.PAUSED
    return Serving.SPLIT
