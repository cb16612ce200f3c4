"""A memo's parts as Markdown, in the order in which they are read."""

from collections.abc import Iterable, Iterator

from experiments.analysis.results import (
    GuardrailOutcome,
    Outcome,
    Registration,
    Verdict,
)
from experiments.analysis.wording import chance, dated
from experiments.design import MetricRole
from experiments.lifecycle import DecisionOutcome
from experiments.shipping.parts import (
    MemoDecision,
    MemoMeasurement,
    MemoParts,
    MemoReading,
)

_NONE = "None."
_OUTCOMES = {
    Outcome.SHIP.value: "ship",
    Outcome.DONT_SHIP.value: "do not ship",
    Outcome.NO_MEANINGFUL_DIFFERENCE.value: "no difference that matters in",
    Outcome.KEEP_RUNNING.value: "keep running",
    Outcome.INCONCLUSIVE.value: "inconclusive for",
    Outcome.INVALID.value: "nothing, for the results are invalid",
}
_DECISIONS = {
    DecisionOutcome.SHIP: "Ship",
    DecisionOutcome.ROLL_BACK: "Keep the control",
    DecisionOutcome.INCONCLUSIVE: "No clear answer",
    DecisionOutcome.ABANDON: "Abandon",
}
_VERDICTS = {
    Verdict.WIN: "better",
    Verdict.LOSS: "worse",
    Verdict.FLAT: "no difference that matters",
    Verdict.NOT_ENOUGH_DATA: "not enough data to tell",
    Verdict.INVALID: "invalid",
}
_GUARDRAILS = {
    GuardrailOutcome.SAFE: "shown to be safe",
    GuardrailOutcome.HARMED: "harmed",
    GuardrailOutcome.UNRESOLVED: "not shown to be safe",
}


def memo_text(parts: MemoParts) -> str:
    """The whole memo."""
    return "\n\n".join(_sections(parts)) + "\n"


def measurement_text(found: MemoMeasurement) -> str:
    """The section that a measurement after shipping adds."""
    effect = "No effect can be stated."
    if found.absolute is not None and found.low is not None and found.high is not None:
        effect = (
            f"Difference {found.absolute:+.4g} [{found.low:+.4g}, {found.high:+.4g}] "
            f"over {found.control_units:,} and {found.treatment_units:,} units."
        )
    note = f" {found.note}" if found.note else ""
    return f"## After {found.day} days: {found.basis.value}\n\n{effect}{note}"


def _sections(parts: MemoParts) -> Iterator[str]:
    yield f"# {parts.title}"
    yield _section("Question", parts.question or _NONE)
    if parts.decision is not None:
        yield _section("Decision", _decision(parts, parts.decision))
    yield _section("Result", parts.headline or "There are no results.")
    if parts.recommendation:
        yield f"Recommended: {_advice(parts)}."
    yield _section("Design", _design(parts))
    yield _section("Primary metric", _readings(parts, MetricRole.PRIMARY))
    yield _section("Guardrails", _readings(parts, MetricRole.GUARDRAIL))
    yield _section("Other metrics", _readings(parts, MetricRole.SECONDARY))
    yield _section("Segments", _segments(parts))
    yield _section("Multiplicity", parts.multiplicity or _NONE)
    yield _section("Deviations from the plan", _list(parts.deviations))
    yield _section("Waived", _list(parts.waivers))
    yield _section("Not reviewed", _list(parts.not_reviewed))
    yield _section("What users will notice", parts.users_notice or _NONE)
    if parts.dissent:
        yield _section("Dissent", parts.dissent)
    day = parts.follow_up_on
    yield _section("Follow-up", _NONE if day is None else f"On {dated(day)}.")
    for found in parts.measured:
        yield measurement_text(found)


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def spelled(code: str) -> str:
    """A code as words, such as 'Null replay'."""
    return code.replace("_", " ").capitalize()


def _decision(parts: MemoParts, decision: MemoDecision) -> str:
    shipped = f" “{parts.variant(decision.variant)}”" if decision.variant else ""
    told = f"**{_DECISIONS[decision.outcome]}{shipped}**, by {decision.by}."
    lines = [told, decision.note]
    if decision.opposes:
        approved = decision.approved_by
        agreed = f"{approved} agreed." if approved else "Nobody else reviewed it."
        lines.append(f"It goes against the recommendation. {agreed}")
    if decision.early_reason:
        lines.append(f"Before its time, because: {decision.early_reason}")
    lines += [
        f"{parts.metric(each.metric_key)} is not shown to be safe. {each.by} accepted "
        f"that, because: {each.reason}"
        for each in decision.acceptances
    ]
    return "\n\n".join(lines)


def _design(parts: MemoParts) -> str:
    counts = ", ".join(
        f"{parts.variant(arm)} {count:,}" for arm, count in parts.exposed
    )
    lines = [
        f"Design `{parts.design_hash}`, phase {parts.phase}."
        if parts.design_hash
        else "It was never started.",
        f"{parts.matured:,} of {parts.planned_units:,} planned units have matured.",
        f"Exposed: {counts}." if counts else "",
        parts.sample_ratio,
    ]
    return " ".join(line for line in lines if line)


def _readings(parts: MemoParts, role: MetricRole) -> str:
    return _list(_reading(parts, each) for each in parts.readings if each.role is role)


def _reading(parts: MemoParts, reading: MemoReading) -> str:
    name = f"{reading.metric_name}, {parts.variant(reading.arm)}"
    words = [f"{name}: {_verdict(parts, reading.verdict)}", *_effect(reading)]
    if reading.p_value is not None:
        words.append(chance(reading.p_value))
    if reading.guardrail is not None:
        words.append(_GUARDRAILS[reading.guardrail])
    return ", ".join(words) + "."


def _verdict(parts: MemoParts, verdict: Verdict) -> str:
    """Where all units that were planned are in, there is no more data to wait for."""
    complete = 0 < parts.planned_units <= parts.matured
    if verdict is Verdict.NOT_ENOUGH_DATA and complete:
        return "no clear answer"
    return _VERDICTS[verdict]


def _effect(reading: MemoReading) -> list[str]:
    """In the metric's unit; memos from before that was kept have bare numbers."""
    if reading.said:
        return [reading.said]
    words = [] if reading.absolute is None else [f"{reading.absolute:+.4g}"]
    if reading.low is not None and reading.high is not None:
        words.append(f"[{reading.low:+.4g}, {reading.high:+.4g}]")
    return words


def _advice(parts: MemoParts) -> str:
    """The outcome in words, and the variant that it is of."""
    outcome, _, arm = parts.recommendation.partition(" ")
    named = f" “{parts.variant(arm)}”" if arm else ""
    return f"{_OUTCOMES.get(outcome, outcome)}{named}"


def _segments(parts: MemoParts) -> str:
    return _list(
        dict.fromkeys(
            f"{parts.metric(each.metric_key)} by {each.dimension}: "
            + (
                "registered before the start"
                if each.registration is Registration.REGISTERED
                else "exploratory"
            )
            + "."
            for each in parts.segments
        )
    )


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or _NONE
