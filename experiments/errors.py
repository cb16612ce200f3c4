"""What the experiments domain refuses.

Problem
├── Invalid
│   ├── ChecklistIncomplete   the launch checklist has blockers; `items` names them
│   ├── MetricInvalid         a metric's parts do not fit its kind
│   ├── TreatmentInvalid      a variant's payload does not fit the kind of treatment
│   ├── DesignInvalid         variants, metrics or coverage break a rule
│   └── ReasonMissing         the step needs a reason and none was given
├── NotFound
│   ├── ExperimentUnknown     no such experiment in this project
│   ├── MetricUnknown         no such metric in this project
│   └── PhaseUnknown          no such phase, or the experiment has none yet
├── Conflict
│   ├── KeyReserved           the key is taken for ever, by an archived one too
│   ├── DesignFrozen          the experiment has started; a new one is needed
│   ├── NotAnImport           the phase assigns people here
│   ├── MetricArchived        the metric is out of use
│   ├── MetricInUse           an experiment that is not over measures it
│   └── DecisionRefused       the decision does not follow from what is known
├── StaleVersion              (core) somebody changed it since it was read
└── IllegalTransition         (core) the state does not allow the step
"""

from core.problems import Conflict, Invalid, NotFound


class ChecklistIncomplete(Invalid):
    """The launch checklist has blockers."""

    code = "CHECKLIST_INCOMPLETE"

    def __init__(self, items: tuple[str, ...]) -> None:
        super().__init__(f"Still to do: {', '.join(items)}.")
        self.items = items


class MetricInvalid(Invalid):
    """A metric's parts do not fit its kind."""

    code = "METRIC_INVALID"


class TreatmentInvalid(Invalid):
    """A variant's payload does not fit the experiment's kind of treatment."""

    code = "TREATMENT_INVALID"


class DesignInvalid(Invalid):
    """The variants, metrics or coverage break a rule."""

    code = "DESIGN_INVALID"


class ReasonMissing(Invalid):
    """The step needs a reason."""

    code = "REASON_MISSING"

    def __init__(self) -> None:
        super().__init__("Say why; it is kept in the audit trail.", path=("reason",))


class ExperimentUnknown(NotFound):
    """There is no such experiment in this project."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The experiment", path=path)


class MetricUnknown(NotFound):
    """There is no such metric in this project."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The metric", path=path)


class PhaseUnknown(NotFound):
    """There is no such phase."""

    def __init__(self) -> None:
        super().__init__("The phase")


class KeyReserved(Conflict):
    """A key names one thing for ever, so that no data carries over by re-use."""

    code = "KEY_RESERVED"

    def __init__(self, key: str) -> None:
        super().__init__(f"The key {key} is taken for ever.", path=("key",))


class DesignFrozen(Conflict):
    """The design was frozen at the start."""

    code = "DESIGN_FROZEN"


class NotAnImport(Conflict):
    """The phase assigns people here; it ends by being stopped."""

    code = "NOT_AN_IMPORT"

    def __init__(self) -> None:
        super().__init__("The experiment was not started as an import; stop it.")


class MetricArchived(Conflict):
    """The metric is out of use."""

    code = "METRIC_ARCHIVED"


class MetricInUse(Conflict):
    """An experiment that is not over measures it."""

    code = "METRIC_IN_USE"


class DecisionRefused(Conflict):
    """The decision does not follow from what is known."""

    code = "DECISION_REFUSED"
