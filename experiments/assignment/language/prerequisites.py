"""Features that must have a value before a rule counts."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from core.conditions import Condition
from experiments.assignment.language.evaluation import Evaluation
from experiments.assignment.language.reading import (
    Groups,
    condition,
    mapping,
    sequence,
)
from experiments.assignment.language.results import FeatureResult, Source

Evaluate = Callable[[str, Evaluation], FeatureResult]


class Verdict(Enum):
    """What the prerequisites of a rule say together."""

    PASSED = auto()
    FAILED = auto()
    GATED = auto()
    CYCLIC = auto()


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """A feature, what must hold of its value, and whether it guards everything."""

    feature: str
    condition: Condition | None
    gate: bool

    @classmethod
    def of(cls, value: object, groups: Groups | None) -> "Prerequisite":
        """Read one; its condition is about the value of a feature."""
        source = mapping(value)
        feature = source.get("id")
        return cls(
            feature=feature if isinstance(feature, str) else "",
            condition=condition(source.get("condition"), groups),
            gate=bool(source.get("gate")),
        )


def prerequisites(value: object, groups: Groups | None) -> tuple[Prerequisite, ...]:
    """Read the prerequisites of a rule."""
    if value is None:
        return ()
    return tuple(Prerequisite.of(each, groups) for each in sequence(value))


def verdict(
    parents: tuple[Prerequisite, ...], evaluation: Evaluation, evaluate: Evaluate
) -> Verdict:
    """Ask in order, and stop at the first that does not hold."""
    for parent in parents:
        result = evaluate(parent.feature, evaluation)
        if result.source is Source.CYCLE:
            return Verdict.CYCLIC
        wanted = parent.condition
        if wanted is not None and not wanted.holds({"value": result.value}):
            return Verdict.GATED if parent.gate else Verdict.FAILED
    return Verdict.PASSED
