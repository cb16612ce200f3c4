"""A subject's assignments: definitions in memory, traits only where a rule asks."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from api.auth import CallerKind
from api.context import Context
from core.problems import Invalid
from core.subjects import ID_ATTRIBUTES, SubjectContext, traits_of
from experiments.assignment.definitions import CompiledPhase, Snapshot
from experiments.assignment.evaluator import Decision, decide
from experiments.treatments import TreatmentKind

MAX_KEYS = 200


@dataclass(frozen=True, slots=True)
class Assigned:
    """What each experiment gives the subject, at one version of the definitions."""

    version: int
    decisions: Mapping[str, Decision | None]
    """By experiment key; None for a key that nothing is served under."""

    @property
    def etag(self) -> str:
        """Changes with the definitions and with what this subject is given."""
        given = [
            [key] if decision is None else [key, decision.variant.key, decision.cause]
            for key, decision in self.decisions.items()
        ]
        digest = hashlib.sha256(msgspec.json.encode(given)).hexdigest()
        return f'W/"{self.version}-{digest[:16]}"'


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
        if trusted or phase.definition.treatment == TreatmentKind.FEATURE:
            return self.sent_first
        return self.stored_first


async def assigned(
    context: Context, subject: SubjectContext, keys: Sequence[str] | None
) -> Assigned:
    """Evaluate the experiments asked for, or all that are served. Writes nothing.

    Raises:
        Invalid: There are more than 200 keys.
    """
    if keys is not None and len(keys) > MAX_KEYS:
        raise Invalid(f"At most {MAX_KEYS} keys.", code="BAD_INPUT", path=("keys",))
    snapshot = await _snapshot(context)
    wanted = snapshot.phases if keys is None else dict.fromkeys(keys)
    phases = {key: snapshot.phases.get(key) for key in wanted}
    known = [phase for phase in phases.values() if phase is not None]
    attributes = await attributes_for(context, subject, known)
    trusted = is_trusted(context)
    decisions: dict[str, Decision | None] = dict.fromkeys(phases)
    for key, phase in phases.items():
        if phase is not None:
            seen = attributes.for_phase(phase, trusted=trusted)
            decisions[key] = decide(phase, seen)
    return Assigned(version=snapshot.version, decisions=decisions)


async def variants_met(
    context: Context, asked: Sequence[tuple[str, SubjectContext]]
) -> list[str | None]:
    """The variant that each subject has in the experiment named beside it.

    None where it is not randomised. Traits are looked up once for all.
    """
    phases = (await _snapshot(context)).phases
    served = [
        (phase, subject, place)
        for place, (key, subject) in enumerate(asked)
        if (phase := phases.get(key)) is not None
    ]
    found = await _attributes(context, [(s, [phase]) for phase, s, _ in served])
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
    (attributes,) = await _attributes(context, [(subject, phases)])
    return attributes


async def _attributes(
    context: Context, asked: Sequence[tuple[SubjectContext, Sequence[CompiledPhase]]]
) -> list[Attributes]:
    lacking = [
        place
        for place, (subject, phases) in enumerate(asked)
        if _needs_traits(context, subject, phases)
    ]
    stored: dict[int, dict[str, Any]] = {}
    if lacking:
        subjects = [asked[place][0] for place in lacking]
        async with context.readers() as session:
            found = await traits_of(session, context.caller.environment_id, subjects)
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


def _needs_traits(
    context: Context, subject: SubjectContext, phases: Sequence[CompiledPhase]
) -> bool:
    trusted = is_trusted(context)
    for phase in phases:
        names = phase.attribute_names - ID_ATTRIBUTES
        if not trusted and phase.definition.treatment != TreatmentKind.FEATURE:
            if names:
                return True
        elif not names <= subject.attributes.keys():
            return True
    return False


async def _snapshot(context: Context) -> Snapshot:
    definitions = context.services.definitions
    return await definitions.snapshot(context.caller.environment_id)
