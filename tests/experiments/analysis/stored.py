"""An experiment in the facts database, and snapshots of it."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from core.audit import ActorKind
from core.database import Sessions
from experiments.analysis import service
from experiments.analysis.models import Snapshot
from experiments.design import PhaseDesign, UnitKind, design_hash
from experiments.events.state import PhaseState
from experiments.models import Experiment, Phase
from experiments.treatments import TreatmentKind
from tests.experiments.analysis.designs import START

NOW = datetime(2026, 5, 1, tzinfo=UTC)


async def prepared(
    sessions: Sessions, project_id: UUID, environment_id: UUID, plan: PhaseDesign
) -> tuple[UUID, PhaseDesign]:
    """An experiment with one phase of this design, stored."""
    async with sessions.begin() as session:
        experiment = Experiment(
            project_id=project_id,
            key=plan.experiment_key,
            name="Reports limit",
            treatment=TreatmentKind.FREEMIUM_LIMIT,
            unit=UnitKind.USER,
            owner_kind=ActorKind.MEMBER,
            owner_name="ada",
            created_at=START,
            updated_at=START,
        )
        session.add(experiment)
        await session.flush()
        phase = Phase(
            project_id=project_id,
            environment_id=environment_id,
            experiment_id=experiment.id,
            number=plan.number,
            seed=plan.seed,
            design={},
            design_hash=design_hash(plan),
            coverage=1.0,
            planned_units=plan.planned_units,
            started_at=START,
        )
        session.add(phase)
        await session.flush()
        stored = replace(plan, phase_id=phase.id, environment_id=environment_id)
        return experiment.id, stored


async def publish(
    sessions: Sessions,
    project_id: UUID,
    experiment_id: UUID,
    plan: PhaseDesign,
    found: PhaseState,
) -> Snapshot:
    """One refresh, in its own transaction."""
    async with sessions.begin() as session:
        return await service.analyse(
            session,
            design=plan,
            state=replace(found, phase_id=plan.phase_id),
            experiment_id=experiment_id,
            project_id=project_id,
            now=NOW,
        )
