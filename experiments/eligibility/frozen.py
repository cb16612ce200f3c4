"""Who may be in a phase, as its start writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.assignment.phases import (
    HoldoutDefinition,
    LayerSlots,
    Prerequisite,
)


@dataclass(frozen=True, slots=True)
class FrozenSegment:
    """A segment that the targeting names, at the version that was written out."""

    key: str
    version: int


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The condition with its segments written out, and the rest beside it."""

    condition: Mapping[str, Any] | None = None
    layer: LayerSlots | None = None
    holdouts: tuple[HoldoutDefinition, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    segments: tuple[FrozenSegment, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Eligibility":
        """Read what a phase's row or its design keeps, the segments' names apart."""
        layer = document.get("layer")
        return cls(
            condition=document.get("condition"),
            layer=layer
            and LayerSlots(
                layer["key"],
                layer["seed"],
                tuple((low, high) for low, high in layer["ranges"]),
            ),
            holdouts=tuple(
                HoldoutDefinition(each["key"], each["seed"], each["share"])
                for each in document.get("holdouts", ())
            ),
            prerequisites=tuple(
                Prerequisite(each["experimentKey"], frozenset(each["variants"]))
                for each in document.get("prerequisites", ())
            ),
        )

    def document(self) -> dict[str, Any]:
        """What the phase's row keeps and the evaluator reads."""
        return {"condition": self.condition and dict(self.condition)} | self._rules()

    def design(self) -> dict[str, Any] | None:
        """What the design's hash covers beside the targeting; None if there is none.

        A segment's version stands for its content: every edit counts it up.
        """
        named = {"segments": [[each.key, each.version] for each in self.segments]}
        parts = self._rules() | named
        return parts if any(parts.values()) else None

    def _rules(self) -> dict[str, Any]:
        layer = self.layer
        return {
            "layer": layer
            and {
                "key": layer.key,
                "seed": layer.seed,
                "ranges": [list(part) for part in layer.ranges],
            },
            "holdouts": [
                {"key": each.key, "seed": each.seed, "share": each.share}
                for each in self.holdouts
            ],
            "prerequisites": [
                {
                    "experimentKey": each.experiment_key,
                    "variants": sorted(each.variants),
                }
                for each in self.prerequisites
            ],
        }
