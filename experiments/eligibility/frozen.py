"""Who may be in a phase, as its start writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.assignment.ranges import Range


@dataclass(frozen=True, slots=True)
class FrozenLayer:
    """The slots of a layer that the phase has to itself."""

    key: str
    seed: str
    ranges: tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class FrozenHoldout:
    """A share of the units that the phase leaves alone."""

    key: str
    seed: str
    share: float


@dataclass(frozen=True, slots=True)
class FrozenPrerequisite:
    """Another experiment, of which a subject must have one of the variants."""

    experiment_key: str
    variants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrozenSegment:
    """A segment that the targeting names, at the version that was written out."""

    key: str
    version: int


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The condition with its segments written out, and the rest beside it."""

    condition: Mapping[str, Any] | None = None
    layer: FrozenLayer | None = None
    holdouts: tuple[FrozenHoldout, ...] = ()
    prerequisites: tuple[FrozenPrerequisite, ...] = ()
    segments: tuple[FrozenSegment, ...] = ()

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
                    "variants": list(each.variants),
                }
                for each in self.prerequisites
            ],
        }
