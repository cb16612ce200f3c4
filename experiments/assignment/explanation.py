"""A decision taken again, with everything that led to it in sight."""

from dataclasses import dataclass

from core.conditions import Attributes, Failure, explain
from core.hashing import bucket_after
from experiments.assignment.definitions import CompiledPhase
from experiments.assignment.evaluator import Decision, Unit, decide, unit_of
from experiments.assignment.ranges import Range


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a subject gets what it gets."""

    decision: Decision
    unit: Unit | None
    """What identifies the subject, also when nobody asked."""
    bucket: float | None
    ranges: tuple[tuple[str, Range], ...]
    failure: Failure | None


def explained(phase: CompiledPhase, attributes: Attributes) -> Explanation:
    """Decide, and keep the bucket, the slices and the comparison that failed."""
    unit = unit_of(phase, attributes)
    keys = [variant.key for variant in phase.definition.variants]
    return Explanation(
        decision=decide(phase, attributes),
        unit=unit,
        bucket=bucket_after(unit.value, phase.seed_state) if unit else None,
        ranges=tuple(zip(keys, phase.ranges, strict=True)),
        failure=explain(phase.condition, attributes),
    )
