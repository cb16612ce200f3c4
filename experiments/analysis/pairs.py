"""Pairs of phases that were compared, as they are stored."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Subquery
from sqlmodel import col, or_, select

from core.database import AsyncSession
from experiments.analysis.interactions import Known, PairTest, share_pairs
from experiments.analysis.models import InteractionTest
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Phase, PhaseKind

AFTER_THE_END = timedelta(days=90)
"""How long a phase that is over is still compared with others."""

MAX_PHASES = 20
"""Phases of an environment that are crossed: those that began last."""

MAX_SHOWN = 50
"""Pairs that are shown of one phase: those that interact most."""

Pair = tuple[UUID, UUID]


async def overlapping_phases(session: AsyncSession, *, at: datetime) -> Sequence[Phase]:
    """Phases that run or ended lately, the newest ones of each environment."""
    found = await session.exec(
        select(Phase)
        .where(
            col(Phase.published_at).is_not(None),
            col(Phase.imported).is_(False),
            Phase.kind == PhaseKind.RANDOMISED,
            col(Phase.experiment_id) == Experiment.id,
            Experiment.status != ExperimentStatus.ARCHIVED,
            or_(
                col(Phase.ended_at).is_(None),
                col(Phase.ended_at) > at - AFTER_THE_END,
            ),
        )
        .order_by(col(Phase.started_at).desc(), col(Phase.id))
    )
    kept: dict[UUID, list[Phase]] = {}
    for phase in found.all():
        kept.setdefault(phase.environment_id, []).append(phase)
    return [each for phases in kept.values() for each in phases[:MAX_PHASES]]


async def known_pairs(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[Pair, Known]:
    """What was found of pairs before: of the first phase, beside the second."""
    found = await session.exec(
        select(InteractionTest).where(col(InteractionTest.phase_id).in_(phase_ids))
    )
    return {
        (row.phase_id, row.other_phase_id): Known(
            row.tests, row.units, row.sequential_p_value
        )
        for row in found.all()
    }


async def record_pair(
    session: AsyncSession,
    *,
    phase: Phase,
    other: Phase,
    metric_key: str,
    found: PairTest,
    at: datetime,
) -> InteractionTest:
    """Store the newest test of a pair, in place of the one before."""
    existing = await session.exec(
        select(InteractionTest).where(
            InteractionTest.phase_id == phase.id,
            InteractionTest.other_phase_id == other.id,
        )
    )
    row = existing.first() or InteractionTest(
        project_id=phase.project_id,
        environment_id=phase.environment_id,
        phase_id=phase.id,
        other_phase_id=other.id,
        metric_key=metric_key,
        units=0,
        tests=0,
        p_value=1.0,
        sequential_p_value=1.0,
        adjusted_p_value=1.0,
        degrees=found.degrees,
        at=at,
    )
    row.units, row.tests, row.at = found.units, found.tests, at
    row.p_value = found.p_value
    row.sequential_p_value = found.sequential_p_value
    row.degrees = found.degrees
    row.estimate, row.low, row.high = found.estimate, found.low, found.high
    session.add(row)
    await session.flush()
    return row


async def adjust_pairs(
    session: AsyncSession, *, environment_id: UUID, at: datetime
) -> None:
    """Adjust the p-values of an environment's pairs for each other."""
    found = await session.exec(
        select(InteractionTest).where(
            InteractionTest.environment_id == environment_id,
            InteractionTest.at > at - AFTER_THE_END,
        )
    )
    rows = found.all()
    adjusted = share_pairs([row.sequential_p_value for row in rows])
    for row, p_value in zip(rows, adjusted, strict=True):
        row.adjusted_p_value = p_value
        session.add(row)
    await session.flush()


async def pairs_by_phase(
    session: AsyncSession, phase_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[tuple[InteractionTest, str, str]]]:
    """Each phase's pairs with the keys of the tested experiment and of the other.

    Either side of a pair has it, those first that interact most.
    """
    tested, other = _named("tested"), _named("other")
    found = await session.exec(
        select(InteractionTest, tested.c.key, other.c.key)
        .join(tested, tested.c.phase_id == col(InteractionTest.phase_id))
        .join(other, other.c.phase_id == col(InteractionTest.other_phase_id))
        .where(
            or_(
                col(InteractionTest.phase_id).in_(phase_ids),
                col(InteractionTest.other_phase_id).in_(phase_ids),
            )
        )
        .order_by(
            col(InteractionTest.adjusted_p_value),
            col(InteractionTest.p_value),
            col(InteractionTest.id),
        )
    )
    rows = found.all()
    return {
        phase_id: [
            each
            for each in rows
            if phase_id in (each[0].phase_id, each[0].other_phase_id)
        ][:MAX_SHOWN]
        for phase_id in phase_ids
    }


def _named(name: str) -> Subquery:
    """The key of every phase's experiment."""
    return (
        select(col(Phase.id).label("phase_id"), col(Experiment.key).label("key"))
        .join(Experiment, col(Experiment.id) == col(Phase.experiment_id))
        .subquery(name)
    )
