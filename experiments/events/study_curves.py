"""How units come to their values, day after day since their exposure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias
from uuid import UUID

from experiments.design import MetricDesign, MetricKind, PhaseDesign
from experiments.events import definitions
from experiments.events.errors import UnknownMetric, UnknownPhase
from experiments.events.state import Sums
from experiments.events.store import MILLISECOND, Session
from experiments.events.study_rows import DAY, pairs_of

MAX_DAYS = 365

Added: TypeAlias = dict[tuple[str, int], Sums]
"""What one block added in one arm."""


@dataclass(frozen=True, slots=True)
class SinceExposure:
    """One arm's units up to the end of one 24-hour block after their exposures.

    The same units stand in every block: those observed to the last one. Values are
    uncapped; they begin with the metric's delay and do not end with its window.
    """

    arm: str
    day: int
    """The block's number; 0 is the first 24 hours."""
    sums: Sums
    """The value so far. For RETENTION it is an event in this very block."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The first days of one metric's units."""

    phase_id: UUID
    metric_id: UUID
    days: int


Curves: TypeAlias = dict[tuple[UUID, UUID], tuple[SinceExposure, ...]]
"""By phase and metric one row for each arm and block, in the design's order of arms."""


async def since_exposure(session: Session, asked: Sequence[Asked]) -> Curves:
    """The curves of metrics of one environment's phases, read at once.

    Raises:
        UnknownPhase: A phase was never published.
        UnknownMetric: It does not measure this metric.
        ValueError: `days` is not in 1 to MAX_DAYS, or environments are mixed.
    """
    if not asked:
        return {}
    for each in asked:
        if not 1 <= each.days <= MAX_DAYS:
            raise ValueError(
                f"{each.days} days cannot be plotted: 1 to {MAX_DAYS} can."
            )
    designs, watermark = await _designs(session, asked)
    environments = {design.environment_id for design in designs.values()}
    if len(environments) > 1:
        raise ValueError("Curves are read of one environment at a time.")
    metrics = [_metric(designs[each.phase_id], each.metric_id) for each in asked]
    named: dict[str, object] = {
        "phase_ids": [each.phase_id for each in asked],
        "metric_ids": [each.metric_id for each in asked],
        "last_exposed_at": [watermark - each.days * DAY for each in asked],
    }
    observed: dict[tuple[UUID, UUID], dict[str, int]] = defaultdict(dict)
    for phase_id, metric_id, arm, units in await session.run("study_observed", **named):
        observed[phase_id, metric_id][arm] = int(units)
    rows = await session.run(
        "study_since_exposure",
        environment_id=environments.pop(),
        kinds=[metric.kind.value for metric in metrics],
        weeks=[(metric.weeks or 1) * 7 * DAY for metric in metrics],
        opens_after=[_opens_after(metric) for metric in metrics],
        observed=[each.days * DAY for each in asked],
        **named,
    )
    added: dict[tuple[UUID, UUID], Added] = defaultdict(lambda: defaultdict(Sums))
    for phase_id, metric_id, arm, began_at, *parts in rows:
        added[phase_id, metric_id][arm, began_at // DAY] = pairs_of((0, *parts))
    return {
        key: _grown(designs[key[0]], metric, observed[key], added[key], each.days)
        for each, metric in zip(asked, metrics, strict=True)
        for key in [(each.phase_id, each.metric_id)]
    }


async def _designs(
    session: Session, asked: Sequence[Asked]
) -> tuple[dict[UUID, PhaseDesign], int]:
    """The designs, and how far their environment is folded."""
    phase_ids = list(dict.fromkeys(each.phase_id for each in asked))
    rows = await session.run("state_designs", phase_ids=phase_ids)
    designs = {row[0]: definitions.decode(row[1]) for row in rows}
    for phase_id in phase_ids:
        if phase_id not in designs:
            raise UnknownPhase(phase_id)
    return designs, int(rows[0][4])


def _metric(design: PhaseDesign, metric_id: UUID) -> MetricDesign:
    metric = next((m for m in design.metrics if m.metric_id == metric_id), None)
    if metric is None:
        raise UnknownMetric(metric_id)
    return metric


def _grown(
    design: PhaseDesign,
    metric: MetricDesign,
    observed: dict[str, int],
    added: Added,
    days: int,
) -> tuple[SinceExposure, ...]:
    curve: list[SinceExposure] = []
    for arm in design.arms:
        so_far = Sums()
        for day in range(days):
            today = added[arm.key, day]
            so_far = _alone(today) if _daily(metric) else so_far + today
            whole = replace(so_far, n=observed.get(arm.key, 0))
            curve.append(SinceExposure(arm.key, day, whole))
    return tuple(curve)


def _daily(metric: MetricDesign) -> bool:
    """Whether each block stands for itself."""
    return metric.kind is MetricKind.RETENTION


def _alone(today: Sums) -> Sums:
    """Ones that do not add up over blocks: their squares are themselves."""
    return replace(today, yy=today.y)


def _opens_after(metric: MetricDesign) -> int:
    return 0 if _daily(metric) else metric.opens_after // MILLISECOND
