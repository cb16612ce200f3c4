"""One plain sentence for the whole experiment, with sign, unit and caveats."""

from experiments.analysis.advice import failures, leading
from experiments.analysis.results import (
    Comparison,
    GuardrailOutcome,
    Health,
    MetricResult,
    Outcome,
    Recommendation,
    Verdict,
)
from experiments.analysis.wording import (
    capitalised,
    chance,
    contrast,
    difference,
    effect,
    listed,
    planned,
)
from experiments.design import MetricRole, PhaseDesign

_ADVICE = {
    Outcome.SHIP: "Ship it.",
    Outcome.DONT_SHIP: "Do not ship it.",
    Outcome.NO_MEANINGFUL_DIFFERENCE: "No difference that matters.",
    Outcome.INCONCLUSIVE: "This does not show which is better.",
}


def write(
    design: PhaseDesign,
    health: Health,
    metrics: tuple[MetricResult, ...],
    recommendation: Recommendation,
    *,
    notes: tuple[str, ...] = (),
) -> str:
    """Write the headline.

    Args:
        design: The frozen phase.
        health: Its checks.
        metrics: Its results.
        recommendation: What to do.
        notes: Sentences that belong beside the effect.
    """
    primary = next(m for m in metrics if m.role is MetricRole.PRIMARY)
    chosen = _chosen(primary, recommendation)
    names = {arm.key: arm.name for arm in design.arms}
    subject = contrast(names[chosen.arm], design.control.name)
    if recommendation.outcome is Outcome.INVALID:
        return f"{subject}: not valid. {_mismatch(health)}"
    if recommendation.outcome is Outcome.KEEP_RUNNING:
        return _early(primary, chosen, subject, recommendation, metrics)
    if chosen.valid is None and chosen.look is None:
        reasons = capitalised(listed(list(recommendation.reasons)))
        return f"{subject}: {reasons}. {_ADVICE[recommendation.outcome]}"
    sentences = [
        f"{subject}: {_primary_effect(primary, chosen)}.",
        *_guardrails(metrics, chosen.arm),
        *notes,
        *_caveats(design, health, primary, chosen),
        *_open(primary, chosen, recommendation),
        _ADVICE[recommendation.outcome],
    ]
    return " ".join(sentences)


def _early(
    primary: MetricResult,
    chosen: Comparison,
    subject: str,
    recommendation: Recommendation,
    metrics: tuple[MetricResult, ...],
) -> str:
    """What is awaited, after what the last look allows to say."""
    reasons, arm = list(recommendation.reasons), chosen.arm
    waiting = capitalised(listed(reasons))
    effect_so_far = _effect(primary, chosen)
    if effect_so_far is None:
        return f"{subject}: too early to say. {waiting}."
    name = _named(primary, chosen)
    if chosen.verdict is Verdict.WIN:
        sentences = [f"{subject}: {name} {effect_so_far}.", *_guardrails(metrics, arm)]
        return " ".join([*sentences, f"Keep it running: {listed(reasons)}."])
    harms = _guardrails(metrics, arm, only=GuardrailOutcome.HARMED)
    sentences = [f"{subject}: too early to say. {name} {effect_so_far} so far.", *harms]
    return " ".join([*sentences, f"{waiting}."])


def _chosen(primary: MetricResult, recommendation: Recommendation) -> Comparison:
    for comparison in primary.comparisons:
        if comparison.arm == recommendation.arm:
            return comparison
    return leading(primary)


def _named(metric: MetricResult, comparison: Comparison) -> str:
    return metric.name if comparison.capped is None else f"{metric.name} (capped)"


def _primary_effect(metric: MetricResult, comparison: Comparison) -> str:
    name = _named(metric, comparison)
    text = _effect(metric, comparison)
    if text is None:
        return f"{name} cannot be compared, {comparison.reason}"
    return f"{name} {text}"


def _effect(metric: MetricResult, comparison: Comparison) -> str | None:
    before = comparison.decisive.control.mean
    after = comparison.decisive.treatment.mean
    if comparison.valid is None or before is None or after is None:
        return None
    corrected = comparison.unbiased
    if corrected is None:
        return effect(metric, before, after, comparison.valid)
    return effect(metric, before, before + corrected.value, corrected)


def _open(
    metric: MetricResult, comparison: Comparison, recommendation: Recommendation
) -> list[str]:
    """How small the difference is that nothing follows from."""
    before = comparison.decisive.control.mean
    after = comparison.decisive.treatment.mean
    undecided = recommendation.outcome is Outcome.INCONCLUSIVE
    if not undecided or before is None or after is None or comparison.valid is None:
        return []
    size = difference(metric, before, after, comparison.valid)
    return [f"A difference of {size} may be chance."]


def _guardrails(
    metrics: tuple[MetricResult, ...], arm: str, only: GuardrailOutcome | None = None
) -> list[str]:
    found = []
    for metric in metrics:
        for comparison in metric.comparisons:
            if comparison.arm != arm or comparison.guardrail is None:
                continue
            if only is not None and comparison.guardrail is not only:
                continue
            if comparison.guardrail is not GuardrailOutcome.SAFE:
                found.append(_guardrail(metric, comparison))
    return found


def _guardrail(metric: MetricResult, comparison: Comparison) -> str:
    name = capitalised(metric.name)
    if comparison.guardrail is GuardrailOutcome.HARMED:
        text = _effect(metric, comparison)
        return f"{name} got worse." if text is None else f"{name} got worse: {text}."
    if comparison.worst is None:
        return f"{name} is not known yet."
    return f"{comparison.worst.text}."


def _caveats(
    design: PhaseDesign, health: Health, primary: MetricResult, chosen: Comparison
) -> list[str]:
    found = []
    ratio = health.sample_ratio
    if ratio.warned and ratio.p_value is not None:
        found.append(
            f"Caution: a split of {_split(health)} is unlikely by chance "
            f"({chance(ratio.p_value)})."
        )
    if chosen.unbiased is not None:
        found.append(
            f"The boundary was crossed at look {chosen.unbiased.look}, before "
            f"{planned(health.planned_units, health.unit)}."
        )
    elif health.matured < health.planned_units:
        many = f"{health.matured:,} of {planned(health.planned_units, health.unit)}"
        stopped = design.ended_at is not None or design.finished_import
        found.append(f"It stopped at {many}." if stopped else f"So far it has {many}.")
    tried = len(health.arms) - 1
    if tried > 1:
        found.append(f"One of {tried} variants tried.")
    return found


def _mismatch(health: Health) -> str:
    ratio = health.sample_ratio
    if not ratio.failed or ratio.p_value is None:
        return f"{capitalised(listed(list(failures(health))))}."
    return (
        f"A split of {_split(health)} does not come from the planned one by chance "
        f"({chance(ratio.p_value)})."
    )


def _split(health: Health) -> str:
    counts = [f"{a.exposed:,}" for a in health.arms if a.dropped_at is None]
    return f"{listed(counts)} {health.unit.value.lower()}s"
