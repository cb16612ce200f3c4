"""What governance refuses.

Problem
├── Invalid
│   ├── ScheduleInvalid       a start is at no instant to come
│   ├── RampInvalid           the steps of a ramp break a rule
│   └── ProjectInvalid        a project's name, zone or currency breaks a rule
├── NotFound
│   └── AlarmUnknown          no such alarm in this environment
├── Conflict
│   ├── SelfApproval          whoever changed a design does not approve it
│   ├── AlreadyAssessed       this person said so of this design before
│   ├── RampAbsent            no ramp is under way
│   ├── RampStepUnapproved    a step of the ramp waits for a person
│   ├── AlarmDismissed        somebody dismissed the alarm before
│   ├── ReviewersMissing      too few people could agree under these rules
│   └── CurrencyFixed         amounts of money were recorded in the other currency
├── Forbidden
│   └── ReviewerNotPerson     a key or the service would review
└── IllegalTransition
    └── NotApproved           the design lacks approvals that these rules ask for
"""

from core.problems import Conflict, Forbidden, IllegalTransition, Invalid, NotFound


class ScheduleInvalid(Invalid):
    """A start is at no instant to come, or in no known zone."""

    code = "SCHEDULE_INVALID"


class RampInvalid(Invalid):
    """The steps of a ramp break a rule."""

    code = "RAMP_INVALID"


class ProjectInvalid(Invalid):
    """A project's name, zone or currency breaks a rule."""

    code = "PROJECT_INVALID"


class AlarmUnknown(NotFound):
    """There is no such alarm in this environment."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The alarm", path=path)


class SelfApproval(Conflict):
    """Whoever changed a design does not approve it."""

    code = "SELF_APPROVAL"

    def __init__(self) -> None:
        super().__init__("You changed this design; somebody else approves it.")


class AlreadyAssessed(Conflict):
    """This person said so of this design before."""

    code = "ALREADY_ASSESSED"

    def __init__(self) -> None:
        super().__init__("You have approved this design already.")


class ReviewerNotPerson(Forbidden):
    """A key or the service would review."""

    code = "REVIEWER_NOT_PERSON"

    def __init__(self) -> None:
        super().__init__("Only a person reviews: sign in as a member.")


class NotApproved(IllegalTransition):
    """The design lacks approvals that the project's rules ask for."""

    code = "NOT_APPROVED"


class RampAbsent(Conflict):
    """No ramp is under way."""

    code = "RAMP_ABSENT"

    def __init__(self) -> None:
        super().__init__("No ramp of this experiment is under way.")


class RampStepUnapproved(Conflict):
    """A step of the ramp waits for a person."""

    code = "RAMP_STEP_UNAPPROVED"

    def __init__(self, number: int, coverage: float) -> None:
        super().__init__(
            f"Step {number}, to {coverage:g}, waits for a reviewer: approveRampStep.",
            path=("coverage",),
        )


class AlarmDismissed(Conflict):
    """Somebody dismissed the alarm before."""

    code = "ALARM_DISMISSED"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} dismissed it already.")


class ReviewersMissing(Conflict):
    """Too few people could agree under these rules."""

    code = "REVIEWERS_MISSING"


class CurrencyFixed(Conflict):
    """Amounts of money were recorded in the other currency."""

    code = "CURRENCY_FIXED"
