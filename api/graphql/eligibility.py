"""Who may be in a phase, as it is read: slots, holdouts, prerequisites, segments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import strawberry

from api.graphql.scalars import JSON
from api.policies import Policy, policed


@policed(Policy.READ)
@strawberry.type(description="Part of [0, 1), the start with it and the end without.")
class SlotRange:
    """A half-open interval of a layer."""

    start: float = strawberry.field(description="The first position in it.")
    end: float = strawberry.field(description="The first position after it.")

    @classmethod
    def all_of(cls, parts: Sequence[Sequence[float]]) -> list["SlotRange"]:
        """From pairs."""
        return [cls(start=start, end=end) for start, end in parts]


@policed(Policy.READ)
@strawberry.type(description="A variant's share of a phase's split.")
class PhaseArm:
    """Frozen at the start."""

    variant: str = strawberry.field(description="The variant's key.")
    weight: float = strawberry.field(description="Its share.")
    is_control: bool = strawberry.field(
        description="Whether the others are compared with it."
    )
    dropped_at: datetime | None = strawberry.field(
        description="When it was dropped: since then its units get the control."
    )
    drop_reason: str | None = strawberry.field(description="Why it was.")

    @classmethod
    def all_of(
        cls, arms: Sequence[Mapping[str, Any]], dropped: Sequence[Mapping[str, Any]]
    ) -> list["PhaseArm"]:
        """From a phase's JSON."""
        gone = {each["variant"]: each for each in dropped}
        return [
            cls(
                variant=key,
                weight=arm["weight"],
                is_control=arm["is_control"],
                dropped_at=datetime.fromisoformat(gone[key]["at"])
                if key in gone
                else None,
                drop_reason=gone[key]["reason"] if key in gone else None,
            )
            for arm in arms
            for key in [arm["key"]]
        ]


@policed(Policy.READ)
@strawberry.type(description="The slots of a layer that a phase has to itself.")
class PhaseLayer:
    """Frozen at the start."""

    key: str = strawberry.field(description="The layer.")
    seed: str = strawberry.field(description="What its units are hashed with.")
    ranges: list[SlotRange] = strawberry.field(description="In order.")


@policed(Policy.READ)
@strawberry.type(description="A share of the units that a phase leaves alone.")
class PhaseHoldout:
    """Frozen at the start."""

    key: str = strawberry.field(description="The holdout.")
    seed: str = strawberry.field(description="What its units are hashed with.")
    share: float = strawberry.field(description="How many it holds out.")


@policed(Policy.READ)
@strawberry.type(
    description="Another experiment: only who has one of these variants of it, by "
    "chance, is in."
)
class Prerequisite:
    """One requirement."""

    experiment_key: str = strawberry.field(description="The other experiment.")
    variants: list[str] = strawberry.field(description="One of these is needed.")

    @classmethod
    def all_of(cls, kept: Sequence[Mapping[str, Any]]) -> list["Prerequisite"]:
        """From a row's JSON."""
        return [
            cls(experiment_key=each["experimentKey"], variants=list(each["variants"]))
            for each in kept
        ]


@policed(Policy.READ)
@strawberry.type(description="A segment as it was written out at a start.")
class PhaseSegment:
    """Frozen at the start."""

    key: str = strawberry.field(description="The segment.")
    version: int = strawberry.field(description="Its version then.")


@policed(Policy.READ)
@strawberry.type(
    description="Who may be in a phase, frozen at its start: later changes of "
    "segments, layers and holdouts do not touch it."
)
class PhaseEligibility:
    """What the evaluator reads."""

    condition: JSON | None = strawberry.field(
        description="The targeting with its segments written out; null lets everyone "
        "in."
    )
    layer: PhaseLayer | None = strawberry.field(description="Its slots of a layer.")
    holdouts: list[PhaseHoldout] = strawberry.field(
        description="Those in force at the start."
    )
    prerequisites: list[Prerequisite] = strawberry.field(
        description="All of them are needed."
    )
    segments: list[PhaseSegment] = strawberry.field(
        description="The segments that the condition was written from."
    )

    @classmethod
    def of(
        cls, kept: Mapping[str, Any], design: Mapping[str, Any]
    ) -> "PhaseEligibility":
        """From a phase's JSON; one from before it was kept has its targeting."""
        condition = kept.get("condition", design.get("targeting"))
        layer = kept.get("layer")
        frozen = design.get("eligibility") or {}
        return cls(
            condition=None if condition is None else JSON(condition),
            layer=layer
            and PhaseLayer(
                key=layer["key"],
                seed=layer["seed"],
                ranges=SlotRange.all_of(layer["ranges"]),
            ),
            holdouts=[
                PhaseHoldout(key=each["key"], seed=each["seed"], share=each["share"])
                for each in kept.get("holdouts", ())
            ],
            prerequisites=Prerequisite.all_of(kept.get("prerequisites", ())),
            segments=[
                PhaseSegment(key=key, version=version)
                for key, version in frozen.get("segments", ())
            ],
        )
