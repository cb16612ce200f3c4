"""Who has a hand in a design that has not started: whoever changed it, or its parts.

A metric or a segment that an unstarted design uses is part of it: who edits one may
not be the second pair of eyes on what they made of it. What somebody defined before the
design took it up was seen by the design's own author, and stands in nobody's way.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession, is_sqlite
from core.ids import new_id
from experiments.eligibility import queries
from experiments.governance.approval import identity
from experiments.governance.models import DesignAuthor
from experiments.lifecycle import EDITABLE
from experiments.models import Experiment, ExperimentMetric, Metric, Segment


async def note_author(
    session: AsyncSession, experiment_ids: Collection[UUID], actor: Actor
) -> None:
    """Remember that somebody has a hand in these designs; once is enough."""
    if not experiment_ids:
        return
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    at, who = await now(session), identity(actor)
    await session.exec(
        insert(DesignAuthor)
        .values(
            [
                {
                    "id": new_id(),
                    "experiment_id": each,
                    "actor": who,
                    "name": actor.name,
                    "at": at,
                }
                for each in sorted(experiment_ids)
            ]
        )
        .on_conflict_do_nothing(index_elements=["experiment_id", "actor"])
    )


async def note_metric_author(
    session: AsyncSession, metric: Metric, actor: Actor
) -> None:
    """Whoever edits a metric has a hand in the unstarted designs that measure it."""
    found = await session.exec(
        select(Experiment.id).where(
            col(ExperimentMetric.experiment_id) == Experiment.id,
            ExperimentMetric.metric_id == metric.id,
            col(Experiment.status).in_(EDITABLE),
        )
    )
    await note_author(session, found.all(), actor)


async def note_segment_author(
    session: AsyncSession, segment: Segment, actor: Actor
) -> None:
    """Likewise for those that a segment is for, also by way of other segments."""
    keys: set[str] = set()
    seen, ahead = {segment.key}, {segment.key}
    while ahead:
        uses = await queries.uses_of(
            session,
            project_id=segment.project_id,
            keys=ahead,
            statuses=EDITABLE,
            limit=None,
        )
        keys |= {key for each in uses.values() for key in each.experiments}
        ahead = {key for each in uses.values() for key in each.segments} - seen
        seen |= ahead
    if not keys:
        return
    found = await session.exec(
        select(Experiment.id).where(
            Experiment.project_id == segment.project_id, col(Experiment.key).in_(keys)
        )
    )
    await note_author(session, found.all(), actor)
