"""Tests that share an error rate: the secondary metrics, and the segments."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.analysis.details import SegmentResult
from experiments.analysis.estimates import FamilyAdjusted
from experiments.analysis.labels import Family, Verdict
from experiments.analysis.results import Comparison, MetricResult
from experiments.design import MetricRole
from experiments.statistics.multiplicity import Discovery, benjamini_hochberg

_NOT_ALONE = "not clear enough among {size} secondary comparisons"


def share_secondary(
    metrics: Sequence[MetricResult], *, alpha: float, decide: bool
) -> tuple[MetricResult, ...]:
    """Judge the secondary metrics of all arms as one family.

    At the horizon this is Benjamini and Hochberg's procedure. Before it the p-values
    are one over e-values, of which the same procedure holds however they depend.

    Args:
        metrics: Every metric of the experiment.
        alpha: False discovery rate of the family.
        decide: Whether a verdict that does not survive the family is taken back.
    """
    members = [
        comparison.valid.p_value
        for metric in metrics
        if metric.role is MetricRole.SECONDARY
        for comparison in metric.comparisons
        if comparison.valid is not None
    ]
    found = iter(benjamini_hochberg(members, alpha=alpha) if members else ())
    size = len(members)
    return tuple(
        replace(
            metric,
            comparisons=tuple(
                comparison
                if comparison.valid is None
                else _judged(comparison, next(found), size, decide=decide)
                for comparison in metric.comparisons
            ),
        )
        if metric.role is MetricRole.SECONDARY
        else metric
        for metric in metrics
    )


def share_segments(
    segments: Sequence[SegmentResult], *, alpha: float
) -> tuple[SegmentResult, ...]:
    """Judge the primary metric in all levels of all dimensions as one family."""
    p_values = [
        p_value
        for each in segments
        for p_value in _p_values(each)
        if p_value is not None
    ]
    found = iter(benjamini_hochberg(p_values, alpha=alpha) if p_values else ())
    shared = []
    for each in segments:
        levels = tuple(
            level
            if p_value is None
            else replace(
                level, adjusted=_member(Family.SEGMENT, next(found), len(p_values))
            )
            for level, p_value in zip(each.levels, _p_values(each), strict=True)
        )
        shared.append(replace(each, levels=levels))
    return tuple(shared)


def _p_values(segment: SegmentResult) -> list[float | None]:
    return [
        None
        if level.unavailable is not None
        else level.reading.p_value
        if level.valid is None
        else level.valid.p_value
        for level in segment.levels
    ]


def _judged(
    comparison: Comparison, found: Discovery, size: int, *, decide: bool
) -> Comparison:
    member = _member(Family.SECONDARY, found, size)
    clear = comparison.verdict in {Verdict.WIN, Verdict.LOSS}
    if not decide or found.rejected or not clear:
        return replace(comparison, family=member)
    return replace(
        comparison,
        family=member,
        verdict=Verdict.NOT_ENOUGH_DATA,
        reason=_NOT_ALONE.format(size=size),
    )


def _member(family: Family, found: Discovery, size: int) -> FamilyAdjusted:
    return FamilyAdjusted(family, size, found.p_value, found.rejected)
