"""A subject's assignments: definitions in memory, traits only where a rule asks."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, TypeAlias

from api.auth import Caller, CallerKind
from api.composed.assigned import (
    Assigned,
    Everything,
    index_of,
    names_of,
)
from api.context import Context
from api.services import Services
from core.problems import Invalid
from core.subjects import SubjectContext
from experiments.assignment.definitions import CompiledPhase, Snapshot
from experiments.assignment.evaluator import Decision, decide

__all__ = ["Assigned", "Attributes", "Everything", "Given", "assigned", "assigned_to"]

MAX_KEYS = 200

Given: TypeAlias = Assigned | Everything


@dataclass(frozen=True, slots=True)
class Attributes:
    """A subject's attributes, with those on record, in both orders of precedence."""

    sent_first: Mapping[str, Any]
    stored_first: Mapping[str, Any]

    def for_phase(self, phase: CompiledPhase, *, trusted: bool) -> Mapping[str, Any]:
        """What a phase's rules see.

        A browser may say what it likes about itself, but not to get a higher limit
        or another flow: there the stored trait wins.
        """
        if trusted or phase.sent_first:
            return self.sent_first
        return self.stored_first


async def assigned(
    context: Context,
    subject: SubjectContext,
    keys: Sequence[str] | None,
    *,
    qualifying: bool = False,
) -> Given:
    """Evaluate the experiments asked for, or all that are served. Writes nothing.

    With `qualifying` those that do not target the subject are left out.

    Raises:
        Invalid: There are more than 200 keys.
    """
    return await assigned_to(
        context.services, context.caller, subject, keys, qualifying=qualifying
    )


async def assigned_to(
    services: Services,
    caller: Caller,
    subject: SubjectContext,
    keys: Sequence[str] | None,
    *,
    qualifying: bool = False,
) -> Given:
    """The same, for callers that have no context."""
    found = assigned_at_once(services, caller, subject, keys, qualifying=qualifying)
    if found is not None:
        return found
    snapshot = await services.definitions.snapshot(caller.environment_id)
    if keys is not None:
        named = await _by_key(services, caller, subject, snapshot, keys)
        return named.of_qualifying() if qualifying else named
    stored = await services.traits.of(caller.environment_id, subject)
    return _everything(caller, subject, snapshot, stored, qualifying=qualifying)


def assigned_at_once(
    services: Services,
    caller: Caller,
    subject: SubjectContext,
    keys: Sequence[str] | None,
    *,
    qualifying: bool,
) -> Everything | None:
    """The same without waiting; None where something has to be read first.

    Raises:
        Invalid: There are more than 200 keys.
    """
    if keys is not None and len(keys) > MAX_KEYS:
        raise Invalid(f"At most {MAX_KEYS} keys.", code="BAD_INPUT", path=("keys",))
    snapshot = services.definitions.held(caller.environment_id)
    if snapshot is None or keys is not None:
        return None
    stored: Mapping[str, Any] | None = None
    index, trusted = index_of(snapshot), caller.kind is not CallerKind.CLIENT
    if _lacks(subject, index.feature_names, index.other_names, trusted=trusted):
        stored = services.traits.fresh(caller.environment_id, subject)
        if stored is None:
            return None
    return _everything(caller, subject, snapshot, stored, qualifying=qualifying)


def _everything(
    caller: Caller,
    subject: SubjectContext,
    snapshot: Snapshot,
    stored: Mapping[str, Any] | None,
    *,
    qualifying: bool,
) -> Everything:
    index = index_of(snapshot)
    stored_first = None
    if stored and caller.kind is CallerKind.CLIENT and index.other_names:
        stored_first = subject.rule_attributes(stored, stored_first=True)
    relevant = snapshot.relevant(subject.rule_attributes(stored), stored_first)
    return Everything(index, relevant, qualifying=qualifying, stored=stored)


async def _by_key(
    services: Services,
    caller: Caller,
    subject: SubjectContext,
    snapshot: Snapshot,
    keys: Sequence[str],
) -> Assigned:
    phases = {key: snapshot.phases.get(key) for key in dict.fromkeys(keys)}
    known = [phase for phase in phases.values() if phase is not None]
    trusted = caller.kind is not CallerKind.CLIENT
    (attributes,) = await _attributes(services, caller, [(subject, known)])
    decisions: dict[str, Decision | None] = dict.fromkeys(phases)
    for key, phase in phases.items():
        if phase is not None:
            decisions[key] = decide(phase, attributes.for_phase(phase, trusted=trusted))
    return Assigned(snapshot.version, decisions)


async def variants_met(
    context: Context, asked: Sequence[tuple[str, int | None, SubjectContext]]
) -> list[str | None]:
    """The variant that each subject has in the experiment, and phase, beside it.

    None where it is not randomised, and for a phase that is not the one served: what
    that gave is not known any more. Traits are looked up once for all.
    """
    phases = (await _snapshot(context)).phases
    served = [
        (phase, subject, place)
        for place, (key, number, subject) in enumerate(asked)
        if (phase := phases.get(key)) is not None
        and number in {None, phase.definition.exposing}
    ]
    found = await _attributes(
        context.services, context.caller, [(s, [phase]) for phase, s, _ in served]
    )
    trusted = is_trusted(context)
    variants: list[str | None] = [None] * len(asked)
    for (phase, _, place), attributes in zip(served, found, strict=True):
        decision = decide(phase, attributes.for_phase(phase, trusted=trusted))
        if decision.in_experiment:
            variants[place] = decision.variant.key
    return variants


async def served_phase(
    context: Context, key: str
) -> tuple[Snapshot, CompiledPhase | None]:
    """The phase served under a key, with the definitions that it is part of."""
    snapshot = await _snapshot(context)
    return snapshot, snapshot.phases.get(key)


async def attributes_for(
    context: Context, subject: SubjectContext, phases: Sequence[CompiledPhase]
) -> Attributes:
    """The subject's attributes, completed from the database if a rule asks for more."""
    (attributes,) = await _attributes(
        context.services, context.caller, [(subject, phases)]
    )
    return attributes


async def _attributes(
    services: Services,
    caller: Caller,
    asked: Sequence[tuple[SubjectContext, Sequence[CompiledPhase]]],
) -> list[Attributes]:
    trusted = caller.kind is not CallerKind.CLIENT
    lacking = [
        place
        for place, (subject, phases) in enumerate(asked)
        if _lacks(
            subject,
            names_of(phase for phase in phases if phase.sent_first),
            names_of(phase for phase in phases if not phase.sent_first),
            trusted=trusted,
        )
    ]
    stored: dict[int, Mapping[str, Any]] = {}
    if lacking:
        subjects = [asked[place][0] for place in lacking]
        found = await services.traits.of_each(caller.environment_id, subjects)
        stored = dict(zip(lacking, found, strict=True))
    return [
        Attributes(
            sent_first=subject.rule_attributes(stored.get(place)),
            stored_first=subject.rule_attributes(stored.get(place), stored_first=True),
        )
        for place, (subject, _) in enumerate(asked)
    ]


def is_trusted(context: Context) -> bool:
    """Whether what the caller says of a subject is the customer's own word."""
    return context.caller.kind is not CallerKind.CLIENT


def _lacks(
    subject: SubjectContext,
    features: AbstractSet[str],
    others: AbstractSet[str],
    *,
    trusted: bool,
) -> bool:
    """Whether rules need more of a subject than it was sent with."""
    sent = subject.attributes.keys()
    if not trusted and others:
        return True
    return not (sent >= features and sent >= others)


async def _snapshot(context: Context) -> Snapshot:
    definitions = context.services.definitions
    return await definitions.snapshot(context.caller.environment_id)
