"""What is known of a draft and its surroundings when evidence is gathered."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from experiments.assignment.decisions import CompiledPhase
from experiments.assignment.definitions import Snapshot
from experiments.assignment.phases import PhaseDefinition, Serving
from experiments.design import MetricRole
from experiments.drafts import Draft, Measure
from experiments.events.studies import (
    DailyUnits,
    HistoryValues,
    QaExposure,
    SourceHealth,
)
from experiments.readiness.checks import Neighbour

_APART = frozenset({"name", "status", "version"})
"""What may change of a draft without any evidence losing its worth."""


@dataclass(frozen=True)
class Situation:
    """What the facts say, read at one instant."""

    draft: Draft
    environment_id: UUID
    at: datetime
    definition: PhaseDefinition
    """The phase that a start would make now."""
    running: tuple[PhaseDefinition, ...]
    """The others that are served in the environment."""
    neighbours: Mapping[str, Neighbour]
    people: Sequence[Mapping[str, Any]]
    """Some of those on record."""

    @cached_property
    def phases(self) -> Mapping[str, CompiledPhase]:
        """The draft among those that are served, all ready to decide."""
        others = [
            each
            for each in self.running
            if each.experiment_key != self.definition.experiment_key
        ]
        return Snapshot.of(0, [*others, self.definition]).phases

    @property
    def own(self) -> CompiledPhase:
        """The draft as it would be served."""
        return self.phases[self.definition.experiment_key]

    @cached_property
    def eligible(self) -> float | None:
        """The share of the people on record who would be in; None of nobody."""
        if not self.people:
            return None
        settle = self.own.settle
        return sum(settle(each).in_experiment for each in self.people) / len(
            self.people
        )

    @property
    def primary(self) -> Measure:
        """The metric that decides."""
        return self.draft.primaries[0]

    @property
    def guardrails(self) -> tuple[Measure, ...]:
        """The metrics that must not be harmed."""
        return tuple(
            each for each in self.draft.measures if each.role is MetricRole.GUARDRAIL
        )

    @property
    def weights(self) -> tuple[float, ...]:
        """Shares of the arms, the control's first."""
        ordered = sorted(self.draft.variants, key=lambda each: not each.is_control)
        return tuple(each.weight for each in ordered)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the event log says of the last weeks."""

    traffic: tuple[DailyUnits, ...] = ()
    values: Mapping[str, HistoryValues] = field(default_factory=dict)
    """Of the primary metric and the guardrails, by key."""
    before: HistoryValues | None = None
    """The primary metric in the period before that one."""
    sources: Mapping[str, SourceHealth] = field(default_factory=dict)
    """By the metric's key, a ratio's denominator by the key and a slash."""
    trials: tuple[QaExposure, ...] = ()
    exposed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Ids that were exposed to a neighbour, by its key: the first ones by order."""


def fingerprint(draft: Draft) -> str:
    """SHA-256 of what evidence is about: the draft, and its metrics as they are now."""
    facts = {name: v for name, v in draft.facts().items() if name not in _APART}
    metrics = [[m.metric.key, m.metric.version] for m in draft.measures]
    text = json.dumps([facts, metrics], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def killed(definition: PhaseDefinition) -> PhaseDefinition:
    """The same phase under a kill switch."""
    return replace(definition, serving=Serving.KILLED)
