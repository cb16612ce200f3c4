"""The rules of a draft by itself: what blocks a start, and what is worth knowing."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.conditions import compiled
from experiments.design import MetricRole
from experiments.drafts import Draft
from experiments.eligibility.segments import SegmentRule, misplaced, named
from experiments.eligibility.values import json_type
from experiments.treatments import TreatmentKind

WEIGHT_TOLERANCE = 1e-6
MAX_GUARDRAILS = 5
MAX_NAMED = 5

_NAMES = ("meter", "flow")
_CHANGED_BY: Mapping[TreatmentKind, frozenset[str]] = {
    TreatmentKind.FREEMIUM_LIMIT: frozenset({"plan", "mrr_minor"}),
    TreatmentKind.ONBOARDING_FLOW: frozenset({"plan", "mrr_minor", "role"}),
}
"""Traits that a treatment moves when it works: people pay, or bring colleagues in."""


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


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another experiment that people are in while this one starts."""

    key: str
    layer_id: UUID | None
    treats: frozenset[str]
    """The meters and flows that it varies."""
    primary: str | None = None
    """The metric that decides it."""
    name: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.key


def launch_checks(draft: Draft, *, importing: bool = False) -> tuple[LaunchCheck, ...]:
    """Everything to do or to know before the start.

    An import may leave a cap to its own quantile: its data is there to read it from.
    """
    checks = [check for rule in _RULES for check in rule(draft)]
    if not importing:
        checks.extend(_caps(draft))
    return tuple(checks)


def neighbour_checks(
    draft: Draft, neighbours: Sequence[Neighbour]
) -> tuple[LaunchCheck, ...]:
    """What is worth knowing of the experiments that run beside it.

    Those in its own layer are not met: nobody is in both.
    """
    layer_id = draft.experiment.layer_id
    met = [
        each
        for each in neighbours
        if each.key != draft.experiment.key
        and (layer_id is None or each.layer_id != layer_id)
    ]
    mine = treated_by(draft)
    same = [each for each in met if each.treats & mine]
    others = [each for each in met if each not in same]
    checks = []
    if same:
        checks.append(
            LaunchCheck(
                "OVERLAP_SAME_TREATMENT",
                Severity.WARNING,
                f"The same people get the same meter or flow from {_named(same)}. Put "
                "them into one layer.",
            )
        )
    if others:
        checks.append(
            LaunchCheck(
                "OVERLAP",
                Severity.INFO,
                f"The same people are in {_named(others)}; each is split by its own "
                "seed.",
            )
        )
    return tuple(checks)


def targeting_checks(
    draft: Draft, condition: Mapping[str, Any]
) -> tuple[LaunchCheck, ...]:
    """What is worth knowing of the targeting, its segments written out.

    Who is treated may leave it by that, and only in one arm.
    """
    changed = _CHANGED_BY.get(draft.experiment.treatment, frozenset())
    return tuple(
        LaunchCheck(
            "TARGETING_CHANGES",
            Severity.WARNING,
            f"The treatment can change {name}, which the targeting reads. Whoever was "
            "exposed stays in the analysis, but is served by what holds now.",
        )
        for name in sorted(compiled(condition).names() & changed)
    )


def segment_checks(
    source: object, segments: Sequence[SegmentRule]
) -> tuple[LaunchCheck, ...]:
    """What is worth knowing of how the targeting uses segments."""
    rules = {rule.key: rule for rule in segments}
    return tuple(
        LaunchCheck(
            "SEGMENT_ATTRIBUTE",
            Severity.WARNING,
            f"{key} lists values of {rules[key].attribute}, and is compared with "
            f"{attribute}.",
        )
        for key, attribute in sorted(misplaced(source, rules))
    )


def treated_by(draft: Draft) -> frozenset[str]:
    """The meters and flows that an experiment varies; a feature's value has no name."""
    names = (variant.payload.get(name) for variant in draft.variants for name in _NAMES)
    return frozenset(name for name in names if isinstance(name, str))


def blockers(checks: tuple[LaunchCheck, ...]) -> tuple[str, ...]:
    """The codes that refuse a start."""
    return tuple(c.code for c in checks if c.severity is Severity.BLOCKER)


def _named(neighbours: Sequence[Neighbour]) -> str:
    """By name, and by key where a name stands for several."""
    times = Counter(each.title for each in neighbours)
    names = ", ".join(
        each.title if times[each.title] == 1 else f"{each.title} ({each.key})"
        for each in neighbours[:MAX_NAMED]
    )
    more = len(neighbours) - MAX_NAMED
    return f"{names} and {more} more" if more > 0 else names


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
                "METRIC_ARCHIVED", f"The metric {measure.metric.name} is archived."
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
    if draft.experiment.treatment is TreatmentKind.FEATURE:
        yield from _value_types(draft)
    if draft.experiment.treatment is not TreatmentKind.FREEMIUM_LIMIT:
        return
    for variant in draft.variants:
        if not (variant.payload.get("disclosure") or {}).get("text"):
            yield _blocker(
                "DISCLOSURE_MISSING",
                "Write what people are told up front of the limit in "
                f"{variant.name or variant.key}.",
            )


def _value_types(draft: Draft) -> Iterator[LaunchCheck]:
    kinds = {v.key: json_type(v.payload.get("value")) for v in draft.variants}
    if len(set(kinds.values())) > 1:
        served = ", ".join(f"{key}: {kind}" for key, kind in kinds.items())
        yield LaunchCheck(
            "VALUE_TYPES",
            Severity.WARNING,
            f"The variants serve values of different types ({served}). A flag client "
            "asks for one type, and falls back to its own default for any other.",
        )


def _population(draft: Draft) -> Iterator[LaunchCheck]:
    experiment = draft.experiment
    targeting = experiment.targeting or {}
    # One that names segments is judged with them written out, by who can read them.
    if not named(targeting) and compiled(targeting).flaws:
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
                "CAP_UNRESOLVED", f"Give the metric {metric.name} a cap in numbers."
            )


_RULES: tuple[Callable[[Draft], Iterator[LaunchCheck]], ...] = (
    _hypothesis,
    _metrics,
    _variants,
    _population,
)
