"""Which variant a person keeps: that of the first exposure of any of their ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from core.hashing import bucket_after, fnv32a
from core.subjects import SubjectKey
from experiments.assignment.ranges import Range, bucket_ranges, choose
from experiments.design import PhaseDesign
from experiments.eligibility.frozen import Eligibility
from experiments.events.log import RecordedExposure


@dataclass(frozen=True, slots=True)
class Split:
    """How a running phase splits ids that nothing is kept for."""

    phase_id: UUID
    experiment_key: str
    arms: tuple[str, ...]
    ranges: tuple[Range, ...]
    seed_state: int
    layer: tuple[int, tuple[Range, ...]] | None = None
    """The layer's hashed seed, and the slots that are the phase's."""
    holdouts: tuple[tuple[int, tuple[Range, ...]], ...] = ()
    """Each holdout's hashed seed, and the part that it holds out."""
    asks_more: bool = False
    """Whether what is known of a subject may leave out one whose hash does not."""

    @classmethod
    def of(cls, design: PhaseDesign) -> "Split":
        """From the design, at its coverage now."""
        weights = [arm.weight for arm in design.arms]
        rules = Eligibility.of(design.eligibility or {})
        layer = rules.layer
        return cls(
            phase_id=design.phase_id,
            experiment_key=design.experiment_key,
            arms=tuple(arm.key for arm in design.arms),
            ranges=bucket_ranges(len(weights), design.coverage, weights),
            seed_state=fnv32a(design.seed),
            layer=None if layer is None else (fnv32a(layer.seed), layer.ranges),
            holdouts=tuple(
                (fnv32a(each.seed), ((0.0, each.share),)) for each in rules.holdouts
            ),
            asks_more=bool(design.targeting or rules.prerequisites),
        )

    def variant(self, text: str) -> str | None:
        """What the hash of an id gives it; None where it leaves it out."""
        if self.layer is not None and not _falls_in(text, *self.layer):
            return None
        if any(_falls_in(text, *holdout) for holdout in self.holdouts):
            return None
        chosen = choose(bucket_after(text, self.seed_state), self.ranges)
        return None if chosen is None else self.arms[chosen]

    def gives(self, text: str, variant_key: str) -> bool:
        """Whether an id alone is sure to get a variant, whatever is known of it.

        Not where targeting or a prerequisite may leave it out. Those whose hash gives
        the variant would then lose it, and the others keep it by a row: more of the
        small arms would stay.
        """
        return not self.asks_more and self.variant(text) == variant_key


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands for a person in one phase."""

    phase_id: UUID
    first: RecordedExposure
    """The exposure that was recorded before all others."""
    conflict: bool
    """Whether another of the person's ids had met another variant meanwhile."""
    needing: frozenset[SubjectKey]
    """The ids that alone might get another variant, or none."""


KeptBy: TypeAlias = Mapping[UUID, Kept]


def kept(
    split: Split, person: Sequence[SubjectKey], met: Sequence[RecordedExposure]
) -> Kept | None:
    """What the first recorded exposure of a person's ids leaves to the others.

    None where none of them was exposed to a variant of the phase.
    """
    own = [
        one
        for one in met
        if one.experiment_key == split.experiment_key
        and (one.kind, one.id) in person
        and one.variant_key in split.arms
    ]
    if not own:
        return None
    first = min(own, key=lambda one: one.position)
    return Kept(
        phase_id=split.phase_id,
        first=first,
        conflict=any(
            one.variant_key != first.variant_key
            for one in own
            if (one.kind, one.id) != (first.kind, first.id)
        ),
        needing=frozenset(
            (kind, text)
            for kind, text in person
            if not split.gives(text, first.variant_key)
        ),
    )


def _falls_in(text: str, seed_state: int, ranges: tuple[Range, ...]) -> bool:
    return choose(bucket_after(text, seed_state), ranges) is not None
