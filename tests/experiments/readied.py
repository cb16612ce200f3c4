"""What makes a draft ready to be launched under the strictest rules."""

from datetime import timedelta

from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.models import Experiment
from experiments.readiness.items import GATHERED, Found, ItemStatus
from experiments.readiness.models import LaunchNotes
from experiments.readiness.situation import fingerprint
from experiments.service.gathering import record_evidence
from tests.experiments.company import Company


async def make_ready(
    session: AsyncSession, company: Company, experiment: Experiment
) -> None:
    """Say what people have to say, and find nothing wrong with the draft as it is."""
    at = await now(session)
    if await session.get(LaunchNotes, experiment.id) is None:
        session.add(
            LaunchNotes(
                experiment_id=experiment.id,
                decider="Ada",
                decision_date=(at + timedelta(days=60)).date(),
                ethics="Nobody loses anything.",
                identity="Only signed-in users are met.",
                support_briefed="All of them.",
                updated_at=at,
            )
        )
    draft = await queries.draft_of(session, experiment)
    await record_evidence(
        session,
        experiment_id=experiment.id,
        environment_id=company.environment_id,
        design=fingerprint(draft),
        found={code: Found(ItemStatus.OK, "Nothing is wrong.") for code in GATHERED},
        at=at,
    )
