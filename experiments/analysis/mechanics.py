"""Metrics that a flow moves by its mere length: finishing it proves nothing."""

from experiments.analysis.results import MetricResult
from experiments.analysis.wording import capitalised, effect
from experiments.arms import ArmDesign
from experiments.design import MetricDesign, MetricKind, MetricRole, PhaseDesign
from experiments.treatments import TreatmentKind

_FINISHED = ("complet", "finish")
"""Parts of the names under which flows report that they are done."""


def is_mechanical(design: PhaseDesign, metric: MetricDesign) -> bool:
    """Whether fewer steps alone move a metric: it counts the flow's own progress."""
    if design.treatment is not TreatmentKind.ONBOARDING_FLOW or not _lengths(design):
        return False
    if metric.kind is MetricKind.FUNNEL:
        return True
    events = {
        event
        for arm in design.arms
        for step in _steps(arm)
        if (event := step.get("completionEvent")) is not None
    }
    name = metric.numerator.event_name
    return name in events or any(part in name.lower() for part in _FINISHED)


def mechanics(
    design: PhaseDesign, metrics: tuple[MetricResult, ...], arm: str
) -> tuple[str, ...]:
    """A sentence for each metric whose difference is that of the flows' lengths."""
    designs = {metric.key: metric for metric in design.metrics}
    return tuple(
        _sentence(metric, arm)
        for metric in metrics
        if metric.key in designs and is_mechanical(design, designs[metric.key])
    )


def _sentence(metric: MetricResult, arm: str) -> str:
    name = capitalised(metric.name)
    found = next((c for c in metric.comparisons if c.arm == arm), None)
    if metric.role is MetricRole.PRIMARY:
        return f"{name} is mechanical: of flows, the shorter is finished more often."
    reading = None if found is None else found.decisive
    if found is None or found.valid is None or reading is None:
        return f"{name} is mechanical and says nothing of the effect."
    before, after = reading.control.mean, reading.treatment.mean
    if before is None or after is None:
        return f"{name} is mechanical and says nothing of the effect."
    change = effect(metric, before, after, found.valid)
    return f"{name} {change} is mechanical: the flows differ in length."


def _lengths(design: PhaseDesign) -> bool:
    """Whether the flows differ in length."""
    return len({len(_steps(arm)) for arm in design.arms}) > 1


def _steps(arm: ArmDesign) -> list[dict[str, object]]:
    steps = arm.payload.get("steps")
    return steps if isinstance(steps, list) else []
