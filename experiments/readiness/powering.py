"""The size of a draft's experiment: its question, from what was seen of its metric."""

from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from experiments.design import Direction, MetricDesign, MetricKind, SourceValue
from experiments.events.studies import HistoryValues
from experiments.freezing import metric_design
from experiments.plan import Adjustment, MarginKind
from experiments.readiness.questions import Baseline, Question
from experiments.readiness.rehearsals import linearised
from experiments.readiness.situation import Seen, Situation
from experiments.readiness.sizing import (
    Size,
    margin_shown,
    minimum_effect,
    sized,
)

Floats: TypeAlias = NDArray[np.float64]

LEAST_UNITS = 30
"""Units from which a baseline is more than a guess."""
LEAST_PAIRS = 100
"""Units seen in both periods from which a correlation is."""

_COUNTED = frozenset(
    {MetricKind.COUNT, MetricKind.SUM, MetricKind.RATIO, MetricKind.CADENCE}
)
"""Kinds whose value adds up events, each as much as any other, where they are ONE."""
_UNSCALED = frozenset({MetricKind.TIME_TO_EVENT, MetricKind.FUNNEL})
"""Kinds whose values have an upper end: days of a window, steps of a funnel."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """How large the experiment should be, and why."""

    question: Question
    size: Size
    units_seen: int
    """Units that the baseline is of."""
    daily: tuple[float, ...]
    """Units a day that would enrol."""
    margins: dict[str, float]
    """The smallest margin that each guardrail could show, in its unit."""
    window_days: float
    """The primary metric's, after the last unit's exposure."""

    def effect_at(self, units: int) -> float | None:
        """The smallest effect that so many units show."""
        return minimum_effect(self.question, units / self.size.inflation)

    @property
    def duration_days(self) -> float | None:
        """Whole weeks of enrolment, and then the primary metric's full window."""
        if self.size.weeks is None:
            return None
        return self.size.weeks * 7 + self.window_days

    def document(self) -> dict[str, Any]:
        """As evidence keeps it."""
        question = self.question
        return {
            "baseline": question.baseline.mean,
            "variance": question.baseline.variance,
            "binary": question.baseline.binary,
            "level": question.baseline.level,
            "counted": question.baseline.counted,
            "effect": question.effect,
            "explained": question.explained,
            "weights": list(question.weights),
            "units_seen": self.units_seen,
            "daily": list(self.daily),
            "margins": self.margins,
            "window_days": self.window_days,
            "duration_days": self.duration_days,
            "size": asdict(self.size),
        }


def proposal_of(situation: Situation, seen: Seen) -> Proposal | None:
    """The size by the primary metric's own history; None where that tells too little.

    Too little are few units, and values that are all the same.

    Raises:
        DesignInvalid: The effect that matters is none that the metric could have.
    """
    measure, plan = situation.primary, situation.draft.plan
    metric = metric_design(measure)
    history = seen.values.get(metric.key)
    if history is None or len(history.y) < LEAST_UNITS:
        return None
    baseline = baseline_of(metric, history)
    if baseline.variance <= 0:
        return None
    hypothesis = situation.draft.hypothesis
    effect = hypothesis.minimum_effect or 0.0
    if hypothesis.direction is Direction.DECREASE:
        effect = -effect
    explained = 0.0
    if plan.adjustment is Adjustment.LIN and plan.lookback_days and seen.before:
        explained = explained_by(seen.before, history)
    question = Question(
        baseline=baseline,
        effect=effect,
        weights=situation.weights,
        alpha=plan.alpha,
        power=plan.power,
        stopping=plan.stopping,
        explained=explained,
    )
    daily = enrolling(situation, seen)
    size = sized(question, daily)
    return Proposal(
        question=question,
        size=size,
        units_seen=len(history.y),
        daily=daily,
        margins=_margins(situation, seen, size),
        window_days=metric.closes_after.total_seconds() / 86_400,
    )


def enrolling(situation: Situation, seen: Seen) -> tuple[float, ...]:
    """Eligible units a day: who was first seen on it, as if the start were then.

    The share of the eligible is that of the people on record; of nobody, coverage.
    """
    share = situation.eligible
    if share is None:
        share = situation.definition.coverage
    return tuple(each.first_seen * share for each in seen.traffic)


def baseline_of(metric: MetricDesign, history: HistoryValues) -> Baseline:
    """What a unit's value is like, in the metric's own unit, below its cap."""
    y = history.y.astype(np.float64) / metric.numerator_steps
    if metric.cap is not None:
        y = np.minimum(y, metric.cap / metric.numerator_steps)
    counts = metric.kind in _COUNTED and metric.numerator.value is SourceValue.ONE
    event = 1 / metric.numerator_steps if counts else 0.0
    if metric.is_ratio:
        d = history.d.astype(np.float64) / metric.denominator_steps
        return baseline_of_ratios(y, d, event=event)
    if metric.is_binary:
        mean = float(y.mean())
        return Baseline(mean, mean * (1 - mean), binary=True)
    return baseline_of_means(y, event=event, scales=metric.kind not in _UNSCALED)


def baseline_of_means(y: Floats, *, event: float, scales: bool = True) -> Baseline:
    """From a value by unit.

    Args:
        y: Values in the metric's unit.
        event: What one event adds to a value where events are counted; 0 for amounts.
        scales: Whether a treatment multiplies values rather than shifting them.
    """
    mean, level = float(y.mean()), float(np.abs(y).mean())
    counted = event * level if scales else 0.0
    spread = float(y.var(ddof=1))
    return Baseline(mean, spread, False, level if scales else 0.0, counted)


def baseline_of_ratios(y: Floats, d: Floats, *, event: float) -> Baseline:
    """From a pair by unit: the variance is that of its part of the ratio's error."""
    below = float(d.sum())
    if below <= 0:
        return Baseline(0.0, 0.0, binary=False)
    level = float(np.abs(y).sum()) / below
    counted = event * level / float(d.mean())
    spread = float(linearised(y, d).var(ddof=1))
    return Baseline(float(y.sum()) / below, spread, False, level, counted)


def explained_by(before: HistoryValues, after: HistoryValues) -> float:
    """The share of the variance that the earlier value explains.

    The squared correlation over units that were seen in both periods, times their
    share: who has no value before is not helped by it.
    """
    earlier = {str(key): y for key, y in zip(before.ids, before.y, strict=True)}
    pairs = [
        (earlier[str(key)], y)
        for key, y in zip(after.ids, after.y, strict=True)
        if str(key) in earlier
    ]
    if len(pairs) < LEAST_PAIRS:
        return 0.0
    x, y = np.array(pairs, np.float64).T
    if not x.std() or not y.std():
        return 0.0
    correlation = float(np.corrcoef(x, y)[0, 1])
    return min(correlation**2 * len(pairs) / len(after.ids), 0.95)


def _margins(situation: Situation, seen: Seen, size: Size) -> dict[str, float]:
    guardrails = situation.guardrails
    planned = situation.draft.experiment.planned_units or size.total
    per_arm = [max(int(planned * weight), 2) for weight in situation.weights]
    margins: dict[str, float] = {}
    for measure in guardrails:
        metric = metric_design(measure)
        history = seen.values.get(metric.key)
        if history is None or len(history.y) < LEAST_UNITS:
            continue
        baseline = baseline_of(metric, history)
        if baseline.variance <= 0:
            continue
        margin = margin_shown(
            baseline,
            per_arm,
            power=situation.draft.plan.power,
            guardrails=len(guardrails),
        )
        relative = measure.margin_kind is MarginKind.RELATIVE
        if relative and baseline.mean == 0:
            continue
        margins[metric.key] = margin / abs(baseline.mean) if relative else margin
    return margins
