"""Rows of sums and counts, as the store adds them up, as the state of a phase."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import TypeAlias
from uuid import UUID

from experiments.design import MetricDesign, PhaseDesign
from experiments.events.parts import dimensions
from experiments.events.state import (
    DEPTH,
    STRATA,
    ArmMetricState,
    SegmentState,
    Sums,
    SurvivalState,
)
from experiments.events.store import MILLISECOND, Row

DAY = timedelta(days=1) // MILLISECOND

Key: TypeAlias = tuple[str, UUID, str, str]
"""Arm, metric, dimension and level."""

_RAW = 18
_NOTHING = (0,) * 26


def raw_sums(parts: Sequence[int]) -> Sums:
    """The sums of whole totals."""
    return Sums(*map(int, parts[:_RAW]))


def capped_sums(metric: MetricDesign, parts: Sequence[int]) -> Sums | None:
    """The same units with totals cut at the cap."""
    if metric.cap is None:
        return None
    n, _, _, d, dd, _, x, xx, _, dx, w, ww, _, dw, xw, m, _, dm = map(int, parts[:_RAW])
    y, yy, yd, yx, yw, ym = map(int, parts[_RAW : _RAW + 6])
    return Sums(n, y, yy, d, dd, yd, x, xx, yx, dx, w, ww, yw, dw, xw, m, ym, dm)


def metric_states(
    design: PhaseDesign, exposed: Mapping[str, int], sums: Mapping[Key, Sequence[int]]
) -> tuple[ArmMetricState, ...]:
    """Every metric in every arm, over all units."""
    return tuple(
        _metric_state(arm.key, metric, exposed[arm.key], sums)
        for metric in design.metrics
        for arm in design.arms
    )


def _metric_state(
    arm: str, metric: MetricDesign, exposed: int, sums: Mapping[Key, Sequence[int]]
) -> ArmMetricState:
    parts = sums.get((arm, metric.metric_id, "*", "*"), _NOTHING)
    nonzero, refused = parts[-2:]
    return ArmMetricState(
        arm=arm,
        metric_id=metric.metric_id,
        raw=raw_sums(parts),
        capped=capped_sums(metric, parts),
        nonzero=nonzero,
        maturing=exposed - parts[0] - refused,
        refused=refused,
    )


def segment_states(
    design: PhaseDesign, sums: Mapping[Key, Sequence[int]]
) -> tuple[SegmentState, ...]:
    """Every level that has units: by metric, arm, dimension in the plan, and level."""
    metrics = {metric.metric_id: metric for metric in design.metrics}
    places = _places(design)
    order = [metric.metric_id for metric in design.metrics]
    arms = [arm.key for arm in design.arms]
    found = [
        key
        for key, parts in sums.items()
        if key[2] in places and key[1] in metrics and (parts[0] or parts[-1])
    ]
    found.sort(
        key=lambda key: (
            order.index(key[1]),
            arms.index(key[0]),
            places[key[2]],
            key[3],
        )
    )
    return tuple(
        SegmentState(
            arm=arm,
            metric_id=metric_id,
            dimension=dimension,
            level=level,
            raw=raw_sums(sums[arm, metric_id, dimension, level]),
            capped=capped_sums(
                metrics[metric_id], sums[arm, metric_id, dimension, level]
            ),
            nonzero=sums[arm, metric_id, dimension, level][-2],
            refused=sums[arm, metric_id, dimension, level][-1],
        )
        for arm, metric_id, dimension, level in found
    )


def level_counts(
    design: PhaseDesign, rows: Iterable[Row]
) -> dict[str, dict[str, dict[str, int]]]:
    """Units exposed by dimension, level and arm, where a level has any."""
    counts: dict[str, dict[str, dict[str, int]]] = {
        dimension: {} for dimension in _places(design) if dimension != DEPTH
    }
    for dimension, level, arm, units in sorted(rows, key=lambda row: tuple(row[:3])):
        if units:
            by_arm = dict.fromkeys((each.key for each in design.arms), 0)
            counts[dimension].setdefault(level, by_arm)[arm] = int(units)
    return counts


def survival_states(
    design: PhaseDesign,
    metrics: Sequence[MetricDesign],
    exposed: Iterable[Row],
    blocks: Iterable[Row],
    watermark: int,
) -> tuple[SurvivalState, ...]:
    """Who was at risk and what happened in each block, of days that completed it."""
    units: dict[str, dict[int, int]] = defaultdict(dict)
    for arm, day, count in exposed:
        units[arm][day] = int(count)
    events: dict[tuple[UUID, str, int], dict[int, int]] = defaultdict(dict)
    for metric_id, arm, day, block, count in blocks:
        events[metric_id, arm, day][block] = int(count)
    return tuple(
        _survival(arm.key, metric, units[arm.key], events, watermark)
        for metric in metrics
        for arm in design.arms
    )


def _survival(
    arm: str,
    metric: MetricDesign,
    units: Mapping[int, int],
    events: Mapping[tuple[UUID, str, int], Mapping[int, int]],
    watermark: int,
) -> SurvivalState:
    opens_after = metric.opens_after // MILLISECOND
    blocks = (metric.closes_after - metric.opens_after) // timedelta(days=1)
    at_risk, happened = [0] * blocks, [0] * blocks
    for day, count in units.items():
        complete = min(blocks, max(0, (watermark - day - DAY - opens_after) // DAY))
        here = events.get((metric.metric_id, arm, day), {})
        first = [here.get(block, 0) for block in range(complete)]
        for block, before in zip(
            range(complete), accumulate(first, initial=0), strict=False
        ):
            at_risk[block] += count - before
            happened[block] += first[block]
    return SurvivalState(arm, metric.metric_id, tuple(at_risk), tuple(happened))


def _places(design: PhaseDesign) -> dict[str, int]:
    """The dimensions of a design's state, in their order."""
    names = [dimension.key for dimension in dimensions(design)]
    if any(dimension.stratum for dimension in dimensions(design)):
        names.append(STRATA)
    return {name: place for place, name in enumerate([*names, DEPTH])}
