"""Writing down how a phase's state stood beside its raw events."""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import col

from core.database import AsyncSession
from experiments.events.studies import BothStates
from experiments.models import Phase
from experiments.state_audits.differences import are_equal, differences
from experiments.state_audits.models import StateAudit

KEPT = timedelta(days=90)
"""How long an audit without a difference is kept; one with any stays."""


async def record_audit(
    session: AsyncSession, *, phase: Phase, states: BothStates, at: datetime
) -> StateAudit:
    """Add one audit, and drop the old ones of this phase that found nothing."""
    folded, recomputed = states.folded, states.recomputed
    equal = None if recomputed is None else are_equal(folded, recomputed)
    audit = StateAudit(
        project_id=phase.project_id,
        environment_id=phase.environment_id,
        phase_id=phase.id,
        position=folded.position,
        watermark=folded.watermark,
        equal=equal,
        differences=(
            list(differences(folded, recomputed))
            if recomputed is not None and not equal
            else []
        ),
        at=at,
    )
    session.add(audit)
    await session.flush()
    await session.exec(
        delete(StateAudit).where(
            col(StateAudit.phase_id) == phase.id,
            col(StateAudit.at) < at - KEPT,
            col(StateAudit.equal).is_not(False),
        )
    )
    return audit
