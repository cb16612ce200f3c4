"""The life of an experiment: its states, its steps, and who may take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core.problems import IllegalTransition
from core.tenancy import Role


class ExperimentStatus(StrEnum):
    """Where an experiment stands. A state that no step leads to is yet to come."""

    DRAFT = "DRAFT"
    IN_REVIEW = "IN_REVIEW"
    APPROVED = "APPROVED"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"
    DECIDED = "DECIDED"
    SHIPPING = "SHIPPING"
    SHIPPED = "SHIPPED"
    MEASURED = "MEASURED"
    ARCHIVED = "ARCHIVED"
    INVALIDATED = "INVALIDATED"


class DecisionOutcome(StrEnum):
    """What a person decided."""

    SHIP = "SHIP"
    ROLL_BACK = "ROLL_BACK"
    INCONCLUSIVE = "INCONCLUSIVE"
    ABANDON = "ABANDON"


class PauseMode(StrEnum):
    """What a pause does to those who ask meanwhile."""

    PAUSE_ENROLMENT = "PAUSE_ENROLMENT"
    """Everyone keeps being served; who is first exposed meanwhile is left out."""
    PAUSE_SERVING = "PAUSE_SERVING"
    """Everyone gets the control until it resumes."""


class Step(StrEnum):
    """What a person can do to an experiment."""

    START = "START"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    NEW_PHASE = "NEW_PHASE"
    STOP = "STOP"
    DECIDE = "DECIDE"
    ARCHIVE = "ARCHIVE"


@dataclass(frozen=True, slots=True)
class Transition:
    """Where a step leads, from where, by whom at least, and if it needs a reason."""

    sources: frozenset[ExperimentStatus]
    target: ExperimentStatus
    role: Role
    needs_reason: bool = False


_S = ExperimentStatus

TRANSITIONS: Mapping[Step, Transition] = MappingProxyType(
    {
        Step.START: Transition(
            frozenset({_S.DRAFT, _S.APPROVED, _S.SCHEDULED}), _S.RUNNING, Role.EDITOR
        ),
        Step.PAUSE: Transition(
            frozenset({_S.RUNNING}), _S.PAUSED, Role.OPERATOR, needs_reason=True
        ),
        Step.RESUME: Transition(frozenset({_S.PAUSED}), _S.RUNNING, Role.OPERATOR),
        Step.NEW_PHASE: Transition(
            frozenset({_S.RUNNING}), _S.RUNNING, Role.EDITOR, needs_reason=True
        ),
        Step.STOP: Transition(
            frozenset({_S.RUNNING, _S.PAUSED}),
            _S.STOPPED,
            Role.EDITOR,
            needs_reason=True,
        ),
        Step.DECIDE: Transition(frozenset({_S.STOPPED}), _S.DECIDED, Role.EDITOR),
        Step.ARCHIVE: Transition(
            frozenset({_S.DRAFT, _S.STOPPED, _S.DECIDED}), _S.ARCHIVED, Role.EDITOR
        ),
    }
)

EDITABLE = frozenset({_S.DRAFT})
"""States in which the whole design may still change."""

LIVE = frozenset({_S.RUNNING, _S.PAUSED})
"""States in which people are being assigned, or may be again."""

HOLDING = LIVE | EDITABLE | {_S.IN_REVIEW, _S.APPROVED, _S.SCHEDULED}
"""States in which an experiment keeps its slots of a layer: it runs, or may start."""

SERVED = LIVE | {_S.STOPPED, _S.DECIDED}
"""States whose experiment is still answered for: with its control when not live."""


def target_of(source: ExperimentStatus, step: Step) -> ExperimentStatus:
    """Where the step leads from here.

    Raises:
        IllegalTransition: The state does not allow the step.
    """
    transition = TRANSITIONS[step]
    if source not in transition.sources:
        raise IllegalTransition(source, transition.target)
    return transition.target


def allowed_transitions(source: ExperimentStatus) -> tuple[ExperimentStatus, ...]:
    """The other states that a step leads to from here."""
    return tuple(
        t.target
        for t in TRANSITIONS.values()
        if source in t.sources and t.target is not source
    )
