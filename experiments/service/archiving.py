"""Putting an experiment away."""

from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.errors import LiveReference
from experiments.lifecycle import OUT, Step
from experiments.models import Experiment
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.locking import hold_project
from experiments.service.prerequisites import check_not_required
from experiments.service.publishing import touch_definitions
from experiments.service.rolling_back import end_holdback


async def archive(
    session: AsyncSession,
    intent: Intent,
    *,
    references_gone: bool = False,
) -> Experiment:
    """Put it away. Its key stays reserved, and it is no longer answered for.

    Raises:
        LiveReference: It was shipped, and nobody said that no code asks for it now.
        PrerequisiteInUse: Others that run, or may start, require it.
        IllegalTransition: It is live, or being shipped.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent, Step.ARCHIVE)
    if experiment.status in OUT and not references_gone:
        raise LiveReference(
            "Code that still asks for it would fall back to its own default: take it "
            "out of the code first, and say so.",
            path=("referencesGone",),
        )
    await hold_project(session, intent.project_id)
    await check_not_required(session, experiment)
    row = await change.take(session, experiment, Step.ARCHIVE, actor=intent.actor)
    await end_holdback(session, row.id, await now(session))
    for environment_id in await queries.environments_of(session, row.id):
        await touch_definitions(session, environment_id)
    return row
