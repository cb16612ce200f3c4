"""The life of an experiment: its states, its steps, and who may take them."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core.problems import IllegalTransition
from core.tenancy import Governance, Role


class ExperimentStatus(StrEnum):
    """Where an experiment stands."""

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
    """What can be done to an experiment."""

    SUBMIT = "SUBMIT"
    APPROVE = "APPROVE"
    REQUEST_CHANGES = "REQUEST_CHANGES"
    WITHDRAW = "WITHDRAW"
    SCHEDULE = "SCHEDULE"
    UNSCHEDULE = "UNSCHEDULE"
    RECALL = "RECALL"
    """Give up the scheduled start of a design that was never submitted."""
    START = "START"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    NEW_PHASE = "NEW_PHASE"
    STOP = "STOP"
    DECIDE = "DECIDE"
    SHIP = "SHIP"
    COMPLETE = "COMPLETE"
    """The rollout has reached everyone that it was to reach."""
    MEASURE = "MEASURE"
    """What was shipped has been measured again, for the last time."""
    ROLL_BACK = "ROLL_BACK"
    INVALIDATE = "INVALIDATE"
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
        Step.SUBMIT: Transition(frozenset({_S.DRAFT}), _S.IN_REVIEW, Role.EDITOR),
        Step.APPROVE: Transition(frozenset({_S.IN_REVIEW}), _S.APPROVED, Role.REVIEWER),
        Step.REQUEST_CHANGES: Transition(
            frozenset({_S.IN_REVIEW, _S.APPROVED}),
            _S.DRAFT,
            Role.REVIEWER,
            needs_reason=True,
        ),
        Step.WITHDRAW: Transition(
            frozenset({_S.IN_REVIEW, _S.APPROVED}), _S.DRAFT, Role.EDITOR
        ),
        Step.SCHEDULE: Transition(
            frozenset({_S.DRAFT, _S.APPROVED}), _S.SCHEDULED, Role.EDITOR
        ),
        Step.UNSCHEDULE: Transition(
            frozenset({_S.SCHEDULED}), _S.APPROVED, Role.EDITOR
        ),
        Step.RECALL: Transition(frozenset({_S.SCHEDULED}), _S.DRAFT, Role.EDITOR),
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
        Step.SHIP: Transition(frozenset({_S.DECIDED}), _S.SHIPPING, Role.EDITOR),
        Step.COMPLETE: Transition(frozenset({_S.SHIPPING}), _S.SHIPPED, Role.EDITOR),
        Step.MEASURE: Transition(frozenset({_S.SHIPPED}), _S.MEASURED, Role.EDITOR),
        Step.ROLL_BACK: Transition(
            frozenset({_S.SHIPPING, _S.SHIPPED, _S.MEASURED}),
            _S.DECIDED,
            Role.OPERATOR,
            needs_reason=True,
        ),
        Step.INVALIDATE: Transition(
            frozenset(
                {
                    _S.RUNNING,
                    _S.PAUSED,
                    _S.STOPPED,
                    _S.DECIDED,
                    _S.SHIPPING,
                    _S.SHIPPED,
                    _S.MEASURED,
                }
            ),
            _S.INVALIDATED,
            Role.REVIEWER,
            needs_reason=True,
        ),
        Step.ARCHIVE: Transition(
            frozenset(
                {
                    _S.DRAFT,
                    _S.STOPPED,
                    _S.DECIDED,
                    _S.SHIPPED,
                    _S.MEASURED,
                    _S.INVALIDATED,
                }
            ),
            _S.ARCHIVED,
            Role.EDITOR,
        ),
    }
)

BY_THE_SERVICE = frozenset({Step.COMPLETE, Step.MEASURE})
"""Steps that no person takes: they follow from the last one of a series."""

REVIEWED = frozenset({_S.IN_REVIEW, _S.APPROVED, _S.SCHEDULED})
"""States in which a change of the design takes back what was said of it."""

EDITABLE = REVIEWED | {_S.DRAFT}
"""States in which the whole design may still change."""

LIVE = frozenset({_S.RUNNING, _S.PAUSED})
"""States in which people are being assigned, or may be again."""

HOLDING = LIVE | EDITABLE
"""States in which an experiment keeps its slots of a layer: it runs, or may start."""

OUT = frozenset({_S.SHIPPING, _S.SHIPPED, _S.MEASURED})
"""States in which a variant is being given to everyone, or has been."""

SERVED = LIVE | OUT | {_S.STOPPED, _S.DECIDED, _S.INVALIDATED}
"""States whose experiment is still answered for: with its control when it is neither
live nor shipped."""


def target_of(source: ExperimentStatus, step: Step) -> ExperimentStatus:
    """Where the step leads from here.

    Raises:
        IllegalTransition: The state does not allow the step.
    """
    transition = TRANSITIONS[step]
    if source not in transition.sources:
        raise IllegalTransition(source, transition.target)
    return transition.target


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an experiment stands with those who must agree."""

    status: ExperimentStatus
    governance: Governance = Governance.SOLO
    in_review: bool = False
    """Whether its design was submitted, and neither withdrawn nor sent back."""
    approved: bool = False
    """Whether its present design has all the approvals that it needs."""
    decision: DecisionOutcome | None = None
    """What a person decided, of one that is over."""


def leads_on(standing: Standing, step: Step) -> bool:
    """Whether the step can be taken from here, by somebody who may.

    Only SOLO starts or schedules what nobody has approved, a schedule that is given up
    leads back to where it came from, and only what is to be shipped is.
    """
    if standing.status not in TRANSITIONS[step].sources:
        return False
    if step in {Step.START, Step.SCHEDULE}:
        return standing.governance is Governance.SOLO or standing.approved
    if step is Step.UNSCHEDULE:
        return standing.in_review
    if step is Step.SHIP:
        return standing.decision is DecisionOutcome.SHIP
    return step is not Step.RECALL or not standing.in_review


def allowed_transitions(standing: Standing) -> tuple[ExperimentStatus, ...]:
    """The other states that a person's step leads to from here, each once."""
    targets = (
        transition.target
        for step, transition in TRANSITIONS.items()
        if transition.target is not standing.status
        and step not in BY_THE_SERVICE
        and leads_on(standing, step)
    )
    return tuple(dict.fromkeys(targets))
