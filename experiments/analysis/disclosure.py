"""What may be shown of a report that must not be believed."""

from dataclasses import replace

from experiments.analysis.results import (
    ArmEstimate,
    Comparison,
    MetricResult,
    Reading,
    Report,
)


def without_effect(report: Report) -> Report:
    """The same report with counts and checks, and without any effect or outcome."""
    metrics = tuple(_hide_metric(metric) for metric in report.metrics)
    return replace(report, metrics=metrics)


def _hide_metric(metric: MetricResult) -> MetricResult:
    return replace(metric, comparisons=tuple(_hide(c) for c in metric.comparisons))


def _hide(comparison: Comparison) -> Comparison:
    capped = comparison.capped
    return replace(
        comparison,
        raw=_counts(comparison.raw),
        capped=None if capped is None else _counts(capped),
        valid=None,
        guardrail=None,
    )


def _counts(reading: Reading) -> Reading:
    return Reading(
        control=ArmEstimate(reading.control.n),
        treatment=ArmEstimate(reading.treatment.n),
        unavailable="hidden, because the experiment failed a check",
    )
