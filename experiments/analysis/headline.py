"""One plain sentence for the whole experiment, with sign, unit and caveats."""

from experiments.analysis.results import (
    Comparison,
    GuardrailOutcome,
    Health,
    MetricResult,
    Outcome,
    Recommendation,
)
from experiments.analysis.verdicts import leading
from experiments.analysis.wording import (
    capitalised,
    chance,
    contrast,
    effect,
    listed,
    planned,
    worst_case,
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
) -> str:
    """Write the headline."""
    primary = next(m for m in metrics if m.role is MetricRole.PRIMARY)
    chosen = _chosen(primary, recommendation)
    names = {arm.key: arm.name for arm in design.arms}
    subject = contrast(names[chosen.arm], design.control.name)
    if recommendation.outcome is Outcome.INVALID:
        return f"{subject}: not valid. {_mismatch(health, recommendation)}"
    if recommendation.outcome is Outcome.KEEP_RUNNING:
        waiting = listed(list(recommendation.reasons))
        return f"{subject}: too early to say. {capitalised(waiting)}."
    sentences = [
        f"{subject}: {_primary_effect(primary, chosen)}.",
        *_guardrails(metrics, chosen.arm),
        *_caveats(health, primary),
        _ADVICE[recommendation.outcome],
    ]
    return " ".join(sentences)


def _chosen(primary: MetricResult, recommendation: Recommendation) -> Comparison:
    for comparison in primary.comparisons:
        if comparison.arm == recommendation.arm:
            return comparison
    return leading(primary)


def _primary_effect(metric: MetricResult, comparison: Comparison) -> str:
    name = metric.name if comparison.capped is None else f"{metric.name} (capped)"
    text = _effect(metric, comparison)
    if text is None:
        return f"{name} cannot be compared, {comparison.reason}"
    return f"{name} {text}"


def _effect(metric: MetricResult, comparison: Comparison) -> str | None:
    before = comparison.decisive.control.mean
    after = comparison.decisive.treatment.mean
    if comparison.valid is None or before is None or after is None:
        return None
    return effect(metric, before, after, comparison.valid)


def _guardrails(metrics: tuple[MetricResult, ...], arm: str) -> list[str]:
    found = []
    for metric in metrics:
        for comparison in metric.comparisons:
            if comparison.arm != arm or comparison.guardrail is None:
                continue
            if comparison.guardrail is not GuardrailOutcome.SAFE:
                found.append(_guardrail(metric, comparison))
    return found


def _guardrail(metric: MetricResult, comparison: Comparison) -> str:
    name = capitalised(metric.name)
    if comparison.valid is None:
        return f"{name} is not known yet."
    if comparison.guardrail is GuardrailOutcome.HARMED:
        return f"{name} got worse: {_effect(metric, comparison)}."
    relative = comparison.decisive.relative
    return f"{worst_case(metric, relative, comparison.valid)}."


def _caveats(health: Health, primary: MetricResult) -> list[str]:
    found = []
    ratio = health.sample_ratio
    if ratio.warned and ratio.p_value is not None:
        found.append(
            f"Caution: a split of {_split(health)} is unlikely by chance "
            f"({chance(ratio.p_value)})."
        )
    if health.matured < health.planned_units:
        found.append(
            f"It stopped at {health.matured:,} of "
            f"{planned(health.planned_units, health.unit)}."
        )
    if len(primary.comparisons) > 1:
        found.append(f"One of {len(primary.comparisons)} variants tried.")
    return found


def _mismatch(health: Health, recommendation: Recommendation) -> str:
    ratio = health.sample_ratio
    if not ratio.failed or ratio.p_value is None:
        return f"{capitalised(listed(list(recommendation.reasons)))}."
    return (
        f"A split of {_split(health)} does not come from the planned one by chance "
        f"({chance(ratio.p_value)})."
    )


def _split(health: Health) -> str:
    counts = [f"{arm.exposed:,}" for arm in health.arms]
    return f"{listed(counts)} {health.unit.value.lower()}s"
