"""Snapshots that conclude something -> insights, each conclusion once."""

from core.database import AsyncSession
from experiments.analysis.handoff import mark_distilled, take_undistilled
from experiments.analysis.models import Snapshot
from experiments.analysis.queries import read_report
from experiments.analysis.results import MetricResult
from experiments.design import MetricRole
from experiments.models import Experiment, Phase
from feedback.distillation import create_insight_from_verdict
from feedback.insights import VerdictFacts
from workers.context import TaskContext
from workers.isolation import apart

BATCH = 20


async def run(context: TaskContext) -> int:
    """Take one batch; a rule of the project says which conclusions matter."""
    async with context.database.sessions.begin() as session:
        snapshots = await take_undistilled(session, limit=BATCH)
        rows = [(each.id, each) for each in snapshots]
        read, failures = await apart(session, rows, _distil)
        await mark_distilled(session, read)
    failures.raise_any()
    return len(snapshots)


async def _distil(session: AsyncSession, snapshot: Snapshot) -> None:
    await create_insight_from_verdict(
        session,
        project_id=snapshot.project_id,
        environment_id=snapshot.environment_id,
        facts=await _facts(session, snapshot),
    )


async def _facts(session: AsyncSession, snapshot: Snapshot) -> VerdictFacts:
    experiment = await session.get_one(Experiment, snapshot.experiment_id)
    phase = await session.get_one(Phase, snapshot.phase_id)
    report = read_report(snapshot)
    primary = next(m for m in report.metrics if m.role is MetricRole.PRIMARY)
    effect, low, high = _interval(primary, report.recommendation.arm)
    return VerdictFacts(
        experiment_id=experiment.id,
        experiment_key=experiment.key,
        phase=phase.number,
        snapshot_id=snapshot.id,
        inputs_hash=snapshot.inputs_hash,
        verdict=snapshot.verdict.value,
        recommendation=snapshot.recommendation.value,
        headline=snapshot.headline,
        metric=primary.key,
        effect=effect,
        low=low,
        high=high,
        units=report.health.matured,
    )


def _interval(
    primary: MetricResult, arm: str | None
) -> tuple[float | None, float | None, float | None]:
    """The difference that the verdict rests on, with the bounds that may be read.

    After an early stop it is the corrected one, which stopping does not exaggerate.
    """
    named = [c for c in primary.comparisons if c.arm == arm]
    comparison = (named or list(primary.comparisons))[0]
    if comparison.valid is None:
        return None, None, None
    corrected = comparison.unbiased
    if corrected is not None:
        return corrected.value, corrected.low, corrected.high
    return (
        comparison.decisive.absolute,
        comparison.valid.low,
        comparison.valid.high,
    )
