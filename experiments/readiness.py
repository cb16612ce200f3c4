"""The launch checklist: what blocks a start, and what is worth knowing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.conditions import compiled
from experiments.design import MetricRole
from experiments.drafts import Draft
from experiments.treatments import TreatmentKind

WEIGHT_TOLERANCE = 1e-6
MAX_GUARDRAILS = 5


class Severity(StrEnum):
    """How much a check matters."""

    INFO = "INFO"
    WARNING = "WARNING"
    BLOCKER = "BLOCKER"


@dataclass(frozen=True, slots=True)
class LaunchCheck:
    """One item of the checklist that is not as it should be."""

    code: str
    severity: Severity
    message: str


def launch_checks(draft: Draft, *, importing: bool = False) -> tuple[LaunchCheck, ...]:
    """Everything to do or to know before the start.

    An import may leave a cap to its own quantile: its data is there to read it from.
    """
    checks = [check for rule in _RULES for check in rule(draft)]
    if not importing:
        checks.extend(_caps(draft))
    return tuple(checks)


def blockers(checks: tuple[LaunchCheck, ...]) -> tuple[str, ...]:
    """The codes that refuse a start."""
    return tuple(c.code for c in checks if c.severity is Severity.BLOCKER)


def _blocker(code: str, message: str) -> LaunchCheck:
    return LaunchCheck(code, Severity.BLOCKER, message)


def _hypothesis(draft: Draft) -> Iterator[LaunchCheck]:
    hypothesis = draft.hypothesis
    if not hypothesis.statement.strip():
        yield _blocker("HYPOTHESIS_STATEMENT", "Say what you expect, and why.")
    if hypothesis.metric_key is None:
        yield _blocker("HYPOTHESIS_METRIC", "Name the metric that should move.")
    if hypothesis.direction is None:
        yield _blocker("HYPOTHESIS_DIRECTION", "Say which way it should move.")
    if not hypothesis.minimum_effect or hypothesis.minimum_effect <= 0:
        yield _blocker(
            "HYPOTHESIS_MDE", "State the smallest difference that would matter."
        )


def _metrics(draft: Draft) -> Iterator[LaunchCheck]:
    primaries = draft.primaries
    if len(primaries) != 1:
        yield _blocker("PRIMARY_METRIC", "Choose exactly one primary metric.")
    elif primaries[0].metric.key != draft.hypothesis.metric_key:
        yield _blocker(
            "HYPOTHESIS_NOT_PRIMARY", "The hypothesis is about the primary metric."
        )
    for measure in draft.measures:
        if measure.metric.archived_at is not None:
            yield _blocker(
                "METRIC_ARCHIVED", f"The metric {measure.metric.key} is archived."
            )
    guardrails = [m for m in draft.measures if m.role is MetricRole.GUARDRAIL]
    if not guardrails:
        yield LaunchCheck(
            "NO_GUARDRAIL", Severity.WARNING, "Nothing watches for harm elsewhere."
        )
    if len(guardrails) > MAX_GUARDRAILS:
        yield _blocker("GUARDRAILS", f"Choose at most {MAX_GUARDRAILS} guardrails.")


def _variants(draft: Draft) -> Iterator[LaunchCheck]:
    if len(draft.variants) < 2:
        yield _blocker("VARIANTS", "Describe at least two variants.")
    if sum(variant.is_control for variant in draft.variants) != 1:
        yield _blocker("CONTROL", "Mark exactly one variant as the control.")
    weights = sum(variant.weight for variant in draft.variants)
    if abs(weights - 1) > WEIGHT_TOLERANCE:
        yield _blocker("WEIGHTS", f"The weights sum to {weights:g}, not to 1.")
    if draft.experiment.treatment is not TreatmentKind.FREEMIUM_LIMIT:
        return
    for variant in draft.variants:
        if not (variant.payload.get("disclosure") or {}).get("text"):
            yield _blocker(
                "DISCLOSURE_MISSING",
                f"Write what people are told up front of the limit in {variant.key}.",
            )


def _population(draft: Draft) -> Iterator[LaunchCheck]:
    experiment = draft.experiment
    if compiled(experiment.targeting or {}).flaws:
        yield _blocker("TARGETING", "The targeting cannot be evaluated.")
    if not experiment.planned_units:
        yield _blocker("PLANNED_UNITS", "Plan how many units decide the question.")
    if experiment.coverage == 0:
        yield LaunchCheck(
            "COVERAGE_ZERO", Severity.WARNING, "Nobody is covered until it is raised."
        )


def _caps(draft: Draft) -> Iterator[LaunchCheck]:
    for measure in draft.measures:
        metric = measure.metric
        if metric.cap is None and metric.cap_quantile is not None:
            yield _blocker(
                "CAP_UNRESOLVED", f"Give the metric {metric.key} a cap in numbers."
            )


_RULES: tuple[Callable[[Draft], Iterator[LaunchCheck]], ...] = (
    _hypothesis,
    _metrics,
    _variants,
    _population,
)
