"""What a phase's results say now, for whoever concludes from them."""

from uuid import UUID

from core.database import AsyncSession
from experiments.analysis.queries import current_of_phase, read_report
from experiments.analysis.results import Report


async def report_of(session: AsyncSession, phase_id: UUID) -> Report | None:
    """What the phase shows; without any effect where it is INVALID."""
    snapshot = await current_of_phase(session, phase_id)
    return None if snapshot is None else read_report(snapshot)
