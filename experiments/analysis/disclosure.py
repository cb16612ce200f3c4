"""What may be shown of a report that must not be believed, or not yet be read."""

from dataclasses import replace

from experiments.analysis.results import (
    ArmEstimate,
    Comparison,
    LookSummary,
    MetricResult,
    Outcome,
    Reading,
    Recommendation,
    Report,
    Verdict,
)

UNTAKEN = "no look has been taken yet"
WITHHELD = "the plan shows the effect at the end"
_HIDDEN = "hidden, because the experiment failed a check"
_INVALIDATED = "This experiment was declared invalid: its data decide nothing."
_SECRET = frozenset({UNTAKEN, WITHHELD, _HIDDEN})


def shows_effect(comparison: Comparison) -> bool:
    """Whether a comparison may be read, as far as anything can be compared."""
    return comparison.raw.unavailable not in _SECRET


def shows_effects(report: Report) -> bool:
    """Whether any effect of a report may be read."""
    return any(
        shows_effect(comparison)
        for metric in report.metrics
        for comparison in metric.comparisons
    )


def withhold(metric: MetricResult) -> MetricResult:
    """A metric's counts alone, where the plan shows effects at the end."""
    hidden = tuple(
        replace(
            hide(each, WITHHELD),
            verdict=Verdict.NOT_ENOUGH_DATA,
        )
        for each in metric.comparisons
    )
    return replace(metric, comparisons=hidden, segments=(), survival=(), funnel=())


def without_effect(report: Report) -> Report:
    """The same report with counts and checks, and without any effect or outcome."""
    return replace(
        report,
        metrics=tuple(_hide_metric(metric) for metric in report.metrics),
        looks=without_statistics(report.looks),
        impact=(),
        futility=None,
        warnings=(),
    )


def invalidated(report: Report) -> Report:
    """The report of an experiment that somebody declared invalid: its counts alone."""
    return replace(
        without_effect(report),
        headline=_INVALIDATED,
        verdict=Verdict.INVALID,
        recommendation=Recommendation(Outcome.INVALID, None, (_INVALIDATED,)),
    )


def hide(comparison: Comparison, why: str) -> Comparison:
    """A comparison's counts alone."""
    capped = comparison.capped
    return Comparison(
        arm=comparison.arm,
        verdict=comparison.verdict,
        reason=why if why != _HIDDEN else comparison.reason,
        raw=_counts(comparison.raw, why),
        capped=None if capped is None else _counts(capped, why),
        registration=comparison.registration,
        look=comparison.look,
        horizon=comparison.horizon,
    )


def _hide_metric(metric: MetricResult) -> MetricResult:
    return replace(
        metric,
        comparisons=tuple(hide(each, _HIDDEN) for each in metric.comparisons),
        segments=(),
        survival=(),
        funnel=(),
    )


def without_statistics(looks: tuple[LookSummary, ...]) -> tuple[LookSummary, ...]:
    """When looks were taken, and nothing of what they found."""
    return tuple(replace(look, arms=()) for look in looks)


def _counts(reading: Reading, why: str) -> Reading:
    return Reading(
        control=ArmEstimate(reading.control.n),
        treatment=ArmEstimate(reading.treatment.n),
        unavailable=why,
    )
