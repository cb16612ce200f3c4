"""What a guardrail says: whether it was harmed, and how bad it can still be."""

import math
from contextlib import suppress

from scipy.special import ndtri, stdtrit

from experiments.analysis.attempts import Attempt
from experiments.analysis.estimates import (
    Harm,
    MarginReading,
    Valid,
    WorstCase,
)
from experiments.analysis.labels import GuardrailOutcome, Verdict
from experiments.analysis.results import MetricResult
from experiments.analysis.wording import worst_case
from experiments.design import Direction, MetricDesign
from experiments.plan import MarginKind
from experiments.statistics.always_valid import harm_bound
from experiments.statistics.directions import Better
from experiments.statistics.errors import StatisticsError
from experiments.statistics.inferiority import against_margin
from experiments.statistics.relative import fieller

ALPHA = 0.05
"""One-sided error rate of an alarm, and of a test against a margin."""


def better(direction: Direction) -> Better:
    """Which way of moving is good, as the statistics call it."""
    return Better.HIGHER if direction is Direction.INCREASE else Better.LOWER


def harm(metric: MetricDesign, attempt: Attempt, *, planned: int) -> Harm | None:
    """The alarm on a state: whether even the best case is worse than no difference.

    One-sided and valid at every refresh; None where nothing can be compared yet.
    """
    effect = attempt.effect
    if effect is None:
        return None
    try:
        found = harm_bound(
            effect.value,
            effect.standard_error,
            n=effect.n,
            planned=planned,
            alpha=ALPHA,
            better=better(metric.direction),
        )
    except StatisticsError:
        return None
    return Harm(found.bound, found.p_value, ALPHA, found.harmed, effect.n)


def against(
    metric: MetricDesign, attempt: Attempt, *, planned: int, sequential: bool
) -> MarginReading | None:
    """The reading against the margin that was registered; None without one.

    Args:
        metric: A guardrail.
        attempt: Its difference.
        planned: Units planned in both arms together.
        sequential: Whether it must hold at every look, as before the horizon.
    """
    if metric.margin is None:
        return None
    tested = None
    with suppress(StatisticsError):
        tested = _tested(metric, attempt, planned, sequential=sequential)
    bound, p_value, shown = tested or (None, None, False)
    return MarginReading(
        kind=metric.margin_kind,
        margin=metric.margin,
        bound=bound,
        p_value=p_value,
        alpha=ALPHA,
        passed=shown,
        always_valid=sequential,
    )


def guard(
    verdict: Verdict, margin: MarginReading | None, *, alarmed: bool
) -> GuardrailOutcome:
    """Whether a guardrail stands in the way.

    An alarm that rang stands. Where a margin was registered, being shown to be within
    it is what was asked for, even if some worsening is certain; without one only a gain
    shows a guardrail safe.
    """
    if alarmed:
        return GuardrailOutcome.HARMED
    if margin is not None and margin.passed:
        return GuardrailOutcome.SAFE
    if verdict is Verdict.LOSS:
        return GuardrailOutcome.HARMED
    return (
        GuardrailOutcome.SAFE if verdict is Verdict.WIN else GuardrailOutcome.UNRESOLVED
    )


def worst(metric: MetricResult, valid: Valid | None) -> WorstCase | None:
    """The worst that a valid reading leaves possible."""
    if valid is None:
        return None
    falls = metric.direction is Direction.INCREASE
    absolute = valid.low if falls else valid.high
    share, relative = None, valid.relative
    if relative is not None:
        share = relative.low if falls else relative.high
    text = worst_case(metric, relative, valid)
    return WorstCase(absolute, share, text)


def _tested(
    metric: MetricDesign, attempt: Attempt, planned: int, *, sequential: bool
) -> tuple[float | None, float, bool] | None:
    """Bound, p-value and whether the worsening is shown to be below the margin.

    A margin that is a share of the control shares the control's own uncertainty.
    """
    effect, margin = attempt.effect, metric.margin
    if effect is None or margin is None:
        return None
    side = better(metric.direction)
    control, treatment = effect.control, effect.treatment
    kept, error, allowed = side.sign * effect.value, effect.standard_error, margin
    if metric.margin_kind is MarginKind.RELATIVE:
        if control.value == 0.0:
            return None
        factor = 1.0 - side.sign * math.copysign(margin, control.value)
        variance = treatment.variance + factor**2 * control.variance
        error = math.sqrt(variance - 2.0 * factor * effect.covariance)
        allowed = margin * abs(control.value)
    fixed = against_margin(
        kept,
        error,
        degrees=effect.degrees,
        margin=allowed,
        better=Better.HIGHER,
        alpha=ALPHA,
    )
    shown, p_value = fixed.shown, fixed.p_value
    critical = one_sided(effect.degrees)
    if sequential:
        # What is good is 'worse' here: the bound then rules out that nothing is left.
        held = harm_bound(
            kept + allowed,
            error,
            n=effect.n,
            planned=planned,
            alpha=ALPHA,
            better=Better.LOWER,
        )
        shown, p_value, critical = held.harmed, held.p_value, held.critical
    if metric.margin_kind is MarginKind.ABSOLUTE:
        reach = critical * effect.standard_error
        return effect.value - side.sign * reach, p_value, shown
    lift = fieller(control, treatment, critical=critical, covariance=effect.covariance)
    return lift.low if side is Better.HIGHER else lift.high, p_value, shown


def one_sided(degrees: float | None) -> float:
    """The critical value of a one-sided test at ALPHA."""
    if degrees is None:
        return -float(ndtri(ALPHA))
    return -float(stdtrit(degrees, ALPHA))
