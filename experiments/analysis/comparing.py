"""Every treatment arm against the control in one metric, at the look that decides."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

from experiments.analysis.allowed import (
    allowed,
    at_any_time,
    lacking,
    shown_valid,
    single,
)
from experiments.analysis.attempts import Attempt, Attempts, attempt_all, treatments
from experiments.analysis.cuts import boundary_plan
from experiments.analysis.estimates import Bayes, Unbiased, Valid, Whale
from experiments.analysis.guardrails import against, better, guard
from experiments.analysis.labels import HorizonState, ValidMethod, Verdict
from experiments.analysis.readings import (
    ArmStates,
    alpha_of,
    counts_only,
    planned_pair,
    state_of,
)
from experiments.analysis.results import Comparison
from experiments.analysis.taken import Line, Taken, deciding
from experiments.analysis.verdicts import judge
from experiments.design import MetricDesign, MetricRole, PhaseDesign
from experiments.plan import AnalysisPlan
from experiments.statistics.bayes import Prior, posterior
from experiments.statistics.errors import StatisticsError
from experiments.statistics.evidence import Evidence

Alarmed = Collection[tuple[str, str]]
"""Metric keys and arms whose alarm rang."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What the comparisons of one metric share."""

    design: PhaseDesign
    metric: MetricDesign
    taken: Taken
    alarmed: Alarmed

    @property
    def alpha(self) -> float:
        """The two-sided error rate of one reading."""
        return alpha_of(self.design)


def compare(
    design: PhaseDesign, metric: MetricDesign, taken: Taken, *, alarmed: Alarmed = ()
) -> tuple[Comparison, ...]:
    """Read every treatment arm at its deciding look."""
    primary = metric.role is MetricRole.PRIMARY
    lines = {
        arm.key: deciding(taken.of(metric, arm.key), primary=primary)
        for arm in treatments(design)
    }
    read = {
        number: attempt_all(design, metric, taken.kept[number])
        for number in {line.number for line in lines.values()}
    }
    attempts = {arm: read[line.number][arm] for arm, line in lines.items()}
    found = allowed(design, metric, taken, lines, attempts)
    question = _Question(design, metric, taken, alarmed)
    return tuple(
        _comparison(question, lines[arm], attempts[arm], evidence)
        for arm, evidence in found.items()
    )


def counted(
    design: PhaseDesign, metric: MetricDesign, states: ArmStates, why: str
) -> tuple[Comparison, ...]:
    """What is shown before a look: how many units there are."""
    control = state_of(states, metric, design.control.key)
    return tuple(
        Comparison(
            arm=arm.key,
            verdict=Verdict.NOT_ENOUGH_DATA,
            reason=why,
            raw=counts_only(control, state_of(states, metric, arm.key), why),
        )
        for arm in treatments(design)
    )


def _comparison(
    question: _Question, line: Line, found: Attempts, evidence: Evidence | None
) -> Comparison:
    design, metric = question.design, question.metric
    kept, confidence = question.taken.kept[line.number], 1.0 - question.alpha
    method = None if evidence is None else evidence.valid
    short = lacking(design, metric, found, kept, method=method)
    if short is not None:
        evidence = None
    valid = shown_valid(evidence, found.decisive)
    verdict, reason = _verdict(question, found, valid, short)
    comparison = Comparison(
        arm=line.arm,
        verdict=verdict,
        reason=reason,
        raw=found.raw.at(confidence),
        capped=None if found.capped is None else found.capped.at(confidence),
        valid=valid,
        adjusted=None if found.adjusted is None else found.adjusted.at(confidence),
        adjustment=found.summary,
        always_valid=_newest(question, line, found),
        unbiased=_unbiased(evidence, line),
        bayes=_bayes(design, metric, found.decisive),
        whale=_whale(question, found),
        look=line.number,
        horizon=line.horizon,
    )
    if metric.role is MetricRole.GUARDRAIL:
        return _guarded(question, line, found, comparison)
    return comparison


def _unbiased(evidence: Evidence | None, line: Line) -> Unbiased | None:
    if evidence is None or evidence.stopped is None:
        return None
    found = evidence.estimate
    return Unbiased(line.number, found.value, found.low, found.high, found.p_value)


def _verdict(
    question: _Question, found: Attempts, valid: Valid | None, short: str | None
) -> tuple[Verdict, str]:
    if short is None and valid is not None:
        primary = question.metric.role is MetricRole.PRIMARY
        effect = question.design.hypothesis.minimum_effect if primary else None
        return judge(valid, question.metric.direction, effect)
    unavailable = found.decisive.reason or "the arms cannot be compared"
    if short is None and found.decisive.effect is not None:
        unavailable = "this look may not conclude anything"
    return Verdict.NOT_ENOUGH_DATA, short or unavailable


def _guarded(
    question: _Question, line: Line, found: Attempts, comparison: Comparison
) -> Comparison:
    metric, design = question.metric, question.design
    margin = against(
        metric,
        found.decisive,
        planned=planned_pair(design, line.arm),
        sequential=boundary_plan(design) is not None
        and line.horizon is not HorizonState.AT,
    )
    if margin is not None and comparison.valid is None:
        margin = replace(margin, passed=False)
    alarmed = (metric.key, line.arm) in question.alarmed
    outcome = guard(comparison.verdict, margin, alarmed=alarmed)
    return replace(comparison, margin=margin, guardrail=outcome)


def _newest(question: _Question, line: Line, found: Attempts) -> Valid | None:
    """The sequence at the newest look; after the horizon it only informs."""
    design, metric = question.design, question.metric
    if boundary_plan(design) is None:
        return None
    newest = question.taken.of(metric, line.arm)[-1]
    attempt = found.decisive
    if newest.number != line.number:
        kept = question.taken.kept[newest.number]
        attempt = attempt_all(design, metric, kept)[line.arm].decisive
    return shown_valid(at_any_time(design, attempt, newest), attempt)


def _bayes(design: PhaseDesign, metric: MetricDesign, attempt: Attempt) -> Bayes | None:
    """The posterior of the lift; None where there is no control to be a share of."""
    plan = design.plan or AnalysisPlan()
    effect = attempt.effect
    if effect is None or effect.control.value == 0.0:
        return None
    size = abs(effect.control.value)
    try:
        prior = Prior(0.0, plan.prior_deviation).of_share(effect.control.value)
        found = posterior(
            effect.value,
            effect.standard_error,
            prior=prior,
            better=better(metric.direction),
            confidence=1.0 - plan.alpha,
        )
    except StatisticsError:
        return None
    numbers = (
        found.treatment_loss / size,
        found.control_loss / size,
        found.mean / size,
        found.low / size,
        found.high / size,
    )
    if not all(math.isfinite(number) for number in numbers):
        return None
    return Bayes(found.chance_to_win, *numbers, plan.prior_deviation)


def _whale(question: _Question, found: Attempts) -> Whale | None:
    """Whether the cap changes the answer, both read alike."""
    if found.capped is None:
        return None
    verdicts = []
    for attempt in (found.raw, found.capped):
        alone = single(attempt, ValidMethod.FIXED_HORIZON, question.alpha)
        valid = shown_valid(alone, attempt)
        direction = question.metric.direction
        verdicts.append(
            Verdict.NOT_ENOUGH_DATA
            if valid is None
            else judge(valid, direction, None)[0]
        )
    raw, capped = verdicts
    note = (
        "large values change nothing"
        if raw is capped
        else ("the answer rests on where large values are cut")
    )
    return Whale(raw, capped, raw is capped, note)
