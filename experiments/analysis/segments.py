"""Effects by the levels of the plan's dimensions, of all metrics in one pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from experiments.analysis.attempts import treatments
from experiments.analysis.cuts import boundary_plan
from experiments.analysis.details import Heterogeneity, SegmentLevel, SegmentResult
from experiments.analysis.estimates import Reading, Valid
from experiments.analysis.families import share_segments
from experiments.analysis.labels import HorizonState, Registration, ValidMethod
from experiments.analysis.many import read_many
from experiments.analysis.readings import alpha_of, planned_pair
from experiments.analysis.taken import Kept, Taken, deciding
from experiments.analysis.verdicts import missing, shortage, skewed
from experiments.design import MetricDesign, MetricKind, MetricRole, PhaseDesign
from experiments.events.state import ArmMetricState, SegmentState, Sums
from experiments.plan import OTHER, UNKNOWN, Dimension
from experiments.statistics import heterogeneity as mixed
from experiments.statistics.always_valid import asymptotic_sequences
from experiments.statistics.errors import StatisticsError


@dataclass(frozen=True, slots=True)
class _Row:
    """One arm against the control in one level."""

    metric: MetricDesign
    arm: str
    dimension: Dimension
    level: str
    control: SegmentState
    treatment: SegmentState
    horizon: HorizonState

    @property
    def key(self) -> tuple[UUID, str, str]:
        """Which result it belongs to."""
        return self.metric.metric_id, self.arm, self.dimension.key


def segment_results(
    design: PhaseDesign, taken: Taken
) -> Mapping[UUID, tuple[SegmentResult, ...]]:
    """Every metric's effects by level, at the looks that decide.

    Only the plan's dimensions are read, so the primary metric's segments were
    registered; those of the other metrics are exploratory.
    """
    rows = _rows(design, taken)
    if not rows:
        return {}
    alpha = alpha_of(design)
    pairs = [(r.metric, _decisive(r.control), _decisive(r.treatment)) for r in rows]
    readings = read_many(pairs, confidence=1.0 - alpha)
    valid = _anytime(design, rows, readings, alpha)
    levels = [
        SegmentLevel(
            level=row.level,
            reading=reading,
            valid=anytime,
            unavailable=_unavailable(design, row, reading),
        )
        for row, reading, anytime in zip(rows, readings, valid, strict=True)
    ]
    found: dict[UUID, list[SegmentResult]] = {}
    for key in dict.fromkeys(row.key for row in rows):
        at = [index for index, row in enumerate(rows) if row.key == key]
        shown = tuple(levels[index] for index in at)
        found.setdefault(key[0], []).append(_result(rows[at[0]], shown))
    primary = design.primary.metric_id
    if primary in found:
        found[primary] = list(share_segments(found[primary], alpha=alpha))
    return {metric_id: tuple(results) for metric_id, results in found.items()}


def _rows(design: PhaseDesign, taken: Taken) -> list[_Row]:
    if design.plan is None:
        return []
    rows = []
    for metric in design.metrics:
        if metric.kind is MetricKind.QUANTILE:
            continue
        primary = metric.role is MetricRole.PRIMARY
        for arm in treatments(design):
            line = deciding(taken.of(metric, arm.key), primary=primary)
            kept = taken.kept[line.number]
            both = [
                _by_level(kept, metric, key) for key in (design.control.key, arm.key)
            ]
            for dimension in design.plan.segments:
                for level in (*dimension.levels, OTHER, UNKNOWN):
                    pair = [found.get((dimension.key, level)) for found in both]
                    if pair[0] is not None and pair[1] is not None:
                        rows.append(
                            _Row(
                                metric,
                                arm.key,
                                dimension,
                                level,
                                pair[0],
                                pair[1],
                                line.horizon,
                            )
                        )
    return rows


def _by_level(
    kept: Kept, metric: MetricDesign, arm: str
) -> dict[tuple[str, str], SegmentState]:
    found = kept.segments_of(metric, arm)
    return {(each.dimension, each.level): each for each in found}


def _decisive(state: SegmentState) -> Sums:
    return state.raw if state.capped is None else state.capped


def _unavailable(design: PhaseDesign, row: _Row, reading: Reading) -> str | None:
    """Why a level may not be read; few units say nothing, whatever their interval."""
    if reading.unavailable is not None:
        return reading.unavailable
    arms = [
        ArmMetricState(
            arm=each.arm,
            metric_id=each.metric_id,
            raw=each.raw,
            capped=each.capped,
            nonzero=each.nonzero,
            maturing=0,
        )
        for each in (row.control, row.treatment)
    ]
    if row.metric.kind is MetricKind.TIME_TO_EVENT:
        return shortage(row.metric, design.unit, arms) or skewed(row.metric, *arms)
    return missing(row.metric, design.unit, *arms)


def _anytime(
    design: PhaseDesign,
    rows: Sequence[_Row],
    readings: Sequence[Reading],
    alpha: float,
) -> list[Valid | None]:
    """Before the horizon, the intervals that hold at every look."""
    found: list[Valid | None] = [None] * len(rows)
    if boundary_plan(design) is None:
        return found
    for arm in treatments(design):
        at = [
            index
            for index, row in enumerate(rows)
            if row.arm == arm.key
            and row.horizon is not HorizonState.AT
            and readings[index].standard_error
        ]
        if not at:
            continue
        try:
            looks = asymptotic_sequences(
                np.array([readings[i].absolute for i in at], dtype=np.float64),
                np.array([readings[i].standard_error for i in at], dtype=np.float64),
                np.array([float(_units(rows[i])) for i in at]),
                planned=planned_pair(design, arm.key),
                alpha=alpha,
            )
        except StatisticsError:
            continue
        for place, index in enumerate(at):
            found[index] = Valid(
                method=ValidMethod.ALWAYS_VALID,
                low=float(looks.low[place]),
                high=float(looks.high[place]),
                p_value=float(looks.p_value[place]),
                critical=float(looks.critical[place]),
                level=alpha,
            )
    return found


def _units(row: _Row) -> int:
    return row.control.raw.n + row.treatment.raw.n


def _result(row: _Row, levels: tuple[SegmentLevel, ...]) -> SegmentResult:
    primary = row.metric.role is MetricRole.PRIMARY
    return SegmentResult(
        arm=row.arm,
        dimension=row.dimension.key,
        registration=Registration.REGISTERED if primary else Registration.EXPLORATORY,
        levels=levels,
        heterogeneity=_heterogeneity(levels),
        note="" if len(levels) > 1 else "only one level has units in both arms",
    )


def _heterogeneity(levels: Sequence[SegmentLevel]) -> Heterogeneity | None:
    """One question for all levels that may be read; None where there are too few."""
    try:
        found = mixed.heterogeneity(
            [
                mixed.Effect(level.reading.absolute, level.reading.standard_error**2)
                for level in levels
                if level.unavailable is None
                and level.reading.absolute is not None
                and level.reading.standard_error is not None
            ]
        )
    except StatisticsError:
        return None
    return Heterogeneity(found.statistic, found.degrees, found.p_value)
