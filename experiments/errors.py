"""What the experiments domain refuses.

Problem
├── Invalid
│   ├── ChecklistIncomplete   the launch checklist has blockers; `items` names them
│   ├── MetricInvalid         a metric's parts do not fit its kind
│   ├── TreatmentInvalid      a variant's payload does not fit the kind of treatment
│   ├── DesignInvalid         variants, metrics, coverage or slots break a rule
│   ├── SegmentInvalid        a segment is neither a list nor a condition
│   ├── SegmentUnknown        a condition names no segment in use
│   ├── SegmentCycle          a segment leads back to itself
│   ├── PrerequisiteInvalid   a prerequisite names no experiment or no variant in use
│   ├── PrerequisiteCycle     an experiment would come to require itself
│   ├── PrerequisiteAmbiguous  variants that serve one value are one treatment
│   └── ReasonMissing         the step needs a reason and none was given
├── NotFound
│   ├── ExperimentUnknown     no such experiment in this project
│   ├── MetricUnknown         no such metric in this project
│   ├── LayerUnknown          no such layer in this project
│   ├── HoldoutUnknown        no such holdout in this project
│   ├── SegmentAbsent         no such segment in this project
│   ├── SwitchUnknown         no such kill switch in this environment
│   ├── OverrideUnknown       no such override in this environment
│   └── PhaseUnknown          no such phase, or the experiment has none yet
├── Conflict
│   ├── KeyTaken              another one in use has the key
│   ├── KeyReserved           one that was put away keeps the key for ever
│   ├── DesignFrozen          the experiment has started; a new one is needed
│   │   └── CoverageOnlyRises  a running phase never covers less
│   ├── LayerSlotTaken        another experiment has part of these slots
│   ├── LayerUnitMismatch     the layer divides other units
│   ├── LayerInUse            an experiment that is not over has slots of it
│   ├── SegmentInUse          a draft or another segment names it
│   ├── PrerequisiteInUse     other experiments require it, or one of its variants
│   ├── OutOfUse              it was archived, or has ended
│   ├── Full                  there are as many as there may be
│   ├── NotAnImport           the phase assigns people here
│   ├── MetricArchived        the metric is out of use
│   ├── MetricInUse           an experiment that is not over measures it
│   ├── ItemNotWaivable       the item holds, waits, or a start needs it
│   └── LiveReference         code may still ask for what is being put away
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


class SegmentInvalid(Invalid):
    """A segment is neither a list of values nor a condition, or is too large."""

    code = "SEGMENT_INVALID"


class SegmentUnknown(Invalid):
    """A condition names a segment that the project has not, or has no more."""

    code = "SEGMENT_UNKNOWN"

    def __init__(self, key: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"No segment in use has the key {key}.", path=path)


class SegmentCycle(Invalid):
    """A segment's condition leads back to itself."""

    code = "SEGMENT_CYCLE"

    def __init__(self, trail: tuple[str, ...], *, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"It goes in a circle: {' > '.join(trail)}.", path=path)


class PrerequisiteInvalid(Invalid):
    """A prerequisite names no experiment in use, or none of its variants."""

    code = "PREREQUISITE_INVALID"


class PrerequisiteCycle(Invalid):
    """An experiment would come to require itself."""

    code = "PREREQUISITE_CYCLE"


class PrerequisiteAmbiguous(Invalid):
    """Variants that serve one value are one treatment: all are required, or none."""

    code = "PREREQUISITE_AMBIGUOUS"


class ReasonMissing(Invalid):
    """The step needs a reason."""

    code = "REASON_MISSING"

    def __init__(self, *, path: tuple[str, ...] = ("reason",)) -> None:
        super().__init__("Say why; it is kept in the audit trail.", path=path)


class ExperimentUnknown(NotFound):
    """There is no such experiment in this project."""

    def __init__(self, key: str = "", *, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"The experiment {key[:128]}".rstrip(), path=path)


class MetricUnknown(NotFound):
    """There is no such metric in this project."""

    def __init__(self, key: str = "", *, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"The metric {key[:128]}".rstrip(), path=path)


class LayerUnknown(NotFound):
    """There is no such layer in this project."""

    def __init__(self, key: str = "", *, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"The layer {key[:128]}".rstrip(), path=path)


class HoldoutUnknown(NotFound):
    """There is no such holdout in this project."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The holdout", path=path)


class SegmentAbsent(NotFound):
    """There is no such segment in this project."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The segment", path=path)


class SwitchUnknown(NotFound):
    """There is no such kill switch in this environment."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The kill switch", path=path)


class OverrideUnknown(NotFound):
    """There is no such override in this environment."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The override", path=path)


class PhaseUnknown(NotFound):
    """There is no such phase."""

    def __init__(self) -> None:
        super().__init__("The phase")


class KeyTaken(Conflict):
    """Another one that is in use has the key."""

    code = "KEY_TAKEN"

    def __init__(self, key: str) -> None:
        super().__init__(f"The key {key} is taken.", path=("key",))


class KeyReserved(Conflict):
    """A key names one thing for ever, so that no data carries over by re-use."""

    code = "KEY_RESERVED"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The key {key} was used before and stays reserved.", path=("key",)
        )


class DesignFrozen(Conflict):
    """The design was frozen at the start."""

    code = "DESIGN_FROZEN"


class CoverageOnlyRises(DesignFrozen):
    """A running phase never covers less: units would leave their variant."""

    code = "COVERAGE_ONLY_RISES"


class LayerSlotTaken(Conflict):
    """Another experiment that is live, or may start, has part of these slots."""

    code = "LAYER_SLOT_TAKEN"


class LayerUnitMismatch(Conflict):
    """The layer divides other units than the experiment randomises."""

    code = "LAYER_UNIT_MISMATCH"


class LayerInUse(Conflict):
    """An experiment that is live, or may start, has slots of it."""

    code = "LAYER_IN_USE"


class SegmentInUse(Conflict):
    """A draft or another segment names it."""

    code = "SEGMENT_IN_USE"


class PrerequisiteInUse(Conflict):
    """Other experiments require it, or one of its variants."""

    code = "PREREQUISITE_IN_USE"


class OutOfUse(Conflict):
    """It was archived, or has ended."""

    code = "OUT_OF_USE"


class Full(Conflict):
    """There are as many as there may be."""

    code = "FULL"


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


class LiveReference(Conflict):
    """Code may still ask for it, and would fall back to a default of its own."""

    code = "LIVE_REFERENCE"


# Launch readiness.


class ItemNotWaivable(Conflict):
    """The item holds, waits for evidence, or is what a start cannot do without."""

    code = "ITEM_NOT_WAIVABLE"

    def __init__(self, title: str, status: str) -> None:
        super().__init__(
            f"There is nothing to waive of \N{LEFT DOUBLE QUOTATION MARK}{title}"
            f"\N{RIGHT DOUBLE QUOTATION MARK}: it is {status}.",
            path=("item",),
        )
