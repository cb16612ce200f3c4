"""Who would be in a draft and in what runs beside it, before it starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.assignment.phases import PhaseDefinition, Serving
from experiments.readiness.checks import Neighbour, treated_by
from experiments.readiness.situation import Seen, Situation

MAX_NEIGHBOURS = 50
MAX_PEOPLE = 2_000
MUCH = 0.05
"""The share of people in both from where a common metric is worth a warning."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a draft shares with one experiment that runs."""

    key: str
    share: float
    """Of the people on record who would be in the draft, those who are in it too."""
    people: int
    """Those who would be in the draft: what the share is of."""
    exposed: float | None
    """Of the units seen lately, those that were exposed to it; None if unknown."""
    same_treatment: bool
    same_metric: bool
    apart: bool
    """Whether a layer keeps them apart."""

    @property
    def weight(self) -> tuple[bool, bool, float]:
        """What is worse comes first."""
        shared = self.share > 0
        return self.same_treatment and shared, self.same_metric and shared, self.share

    @property
    def proposes_layer(self) -> bool:
        """Whether the two belong into one layer."""
        if self.apart or self.share <= 0:
            return False
        return self.same_treatment or (self.same_metric and self.share >= MUCH)

    def document(self) -> dict[str, Any]:
        """As evidence keeps it."""
        return {
            "key": self.key,
            "share": self.share,
            "people": self.people,
            "exposed": self.exposed,
            "same_treatment": self.same_treatment,
            "same_metric": self.same_metric,
            "apart": self.apart,
            "layer": self.proposes_layer,
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Overlap":
        """Read what `document` wrote."""
        return cls(**{name: document[name] for name in cls.__slots__})


def overlaps_of(situation: Situation, seen: Seen) -> tuple[Overlap, ...]:
    """Every experiment that runs beside the draft, what is worst first."""
    running = [
        each
        for each in situation.running
        if each.serving is not Serving.STOPPED
        and each.experiment_key in situation.neighbours
    ]
    mine = [
        each
        for each in situation.people[:MAX_PEOPLE]
        if situation.own.settle(each).in_experiment
    ]
    found = [
        _overlap(situation, seen, each, mine)
        for each in sorted(running, key=lambda each: each.experiment_key)[
            :MAX_NEIGHBOURS
        ]
    ]
    return tuple(sorted(found, key=lambda each: each.weight, reverse=True))


def _overlap(
    situation: Situation, seen: Seen, other: PhaseDefinition, mine: list[Any]
) -> Overlap:
    neighbour: Neighbour = situation.neighbours[other.experiment_key]
    settle = situation.phases[other.experiment_key].settle
    both = sum(settle(each).in_experiment for each in mine)
    own = situation.definition.layer
    primaries = {each.metric.key for each in situation.draft.primaries}
    return Overlap(
        key=other.experiment_key,
        share=both / len(mine) if mine else 0.0,
        people=len(mine),
        exposed=_exposed(situation, seen, other.experiment_key),
        same_treatment=bool(neighbour.treats & treated_by(situation.draft)),
        same_metric=neighbour.primary in primaries,
        apart=own is not None
        and other.layer is not None
        and own.key == other.layer.key,
    )


def _exposed(situation: Situation, seen: Seen, key: str) -> float | None:
    """By the ids that come first by order, as far as exposures were read."""
    exposed = seen.exposed.get(key)
    history = seen.values.get(situation.primary.metric.key)
    if not exposed or history is None:
        return None
    last = max(exposed)
    among = [str(each) for each in history.ids if str(each) <= last]
    if not among:
        return None
    return sum(each in exposed for each in among) / len(among)
