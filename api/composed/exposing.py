"""Exposures of one subject: evaluated here, and acknowledged once they are durable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from api.composed.assignments import assigned
from api.composed.ingestion import take_events
from api.context import Context
from core.database import Unreachable
from core.problems import Invalid
from core.subjects import SubjectContext
from experiments.assignment.evaluator import Cause, Decision
from experiments.events.log import EXPOSURE, Json, NewEvent, Status, Verdict
from experiments.queries import phase_by_id

MAX_EXPOSURES = 200
MAX_TEXT = 128
"""Characters of an attribute that an exposure carries: no level has more."""
_MAX_KNOWN = 10_000

_dimensions: dict[UUID, frozenset[str]] = {}
"""The attributes of phases' dimensions; a phase's plan never changes."""


class ExposureStatus(StrEnum):
    """What became of one exposure."""

    RECORDED = "RECORDED"
    DUPLICATE = "DUPLICATE"
    NOT_IN_EXPERIMENT = "NOT_IN_EXPERIMENT"
    UNKNOWN_EXPERIMENT = "UNKNOWN_EXPERIMENT"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Met:
    """The subject is about to meet, or has met, what an experiment gives it."""

    event_id: str
    experiment_key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExposureVerdict:
    """The answer for one exposure."""

    met: Met
    status: ExposureStatus
    variant: str | None
    """What the subject is served; None where nothing is served under the key."""
    code: str | None = None
    message: str | None = None
    phase: int | None = None
    cause: Cause = Cause.UNKNOWN_EXPERIMENT
    """Why it is served that."""


async def record_exposures(
    context: Context, subject: SubjectContext, items: Sequence[Met]
) -> list[ExposureVerdict]:
    """Evaluate each experiment for the subject; append what it is randomised in.

    Raises:
        Invalid: There are more than 200.
    """
    if len(items) > MAX_EXPOSURES:
        raise Invalid(
            f"At most {MAX_EXPOSURES} exposures.", code="BAD_INPUT", path=("exposures",)
        )
    keys = list(dict.fromkeys(item.experiment_key for item in items))
    given = (await assigned(context, subject, keys)).decisions
    verdicts = [_evaluated(item, given[item.experiment_key]) for item in items]
    places = [
        place
        for place, verdict in enumerate(verdicts)
        if verdict.status is ExposureStatus.RECORDED
    ]
    told = await _attributes(
        context, subject, [given[items[place].experiment_key] for place in places]
    )
    events = [
        _event(subject, verdicts[place], properties)
        for place, properties in zip(places, told, strict=True)
    ]
    for place, verdict in await _appended(context, places, events):
        verdicts[place] = replace(
            verdicts[place],
            status=_STATUSES[verdict.status],
            code=verdict.code,
            message=verdict.message or None,
        )
    return verdicts


_STATUSES = {
    Status.ACCEPTED: ExposureStatus.RECORDED,
    Status.DUPLICATE: ExposureStatus.DUPLICATE,
    Status.REJECTED: ExposureStatus.REJECTED,
}


async def _appended(
    context: Context, places: Sequence[int], events: Sequence[NewEvent]
) -> list[tuple[int, Verdict]]:
    if not events:
        return []
    receipt = await take_events(context, events)
    return list(zip(places, receipt.verdicts, strict=True))


async def _attributes(
    context: Context, subject: SubjectContext, given: Sequence[Decision | None]
) -> list[dict[str, Json]]:
    """What each phase's dimensions ask of the subject, and nothing else.

    Its traits on record complete what came with the request.
    """
    asked = [
        frozenset()
        if decision is None
        else await _asked(context, decision.phase.definition.phase_id)
        for decision in given
    ]
    if not any(asked):
        return [{} for _ in given]
    environment_id = context.caller.environment_id
    stored = await context.services.traits.of(environment_id, subject)
    attributes = subject.rule_attributes(stored)
    return [_scalars(attributes, names) for names in asked]


async def _asked(context: Context, phase_id: UUID) -> frozenset[str]:
    known = _dimensions.get(phase_id)
    if known is not None:
        return known
    try:
        async with context.readers() as session:
            phase = await phase_by_id(
                session,
                environment_id=context.caller.environment_id,
                phase_id=phase_id,
            )
    except Unreachable:
        # The exposure counts without its levels; the next one asks again.
        return frozenset()
    plan = phase.design.get("plan") or {}
    if len(_dimensions) >= _MAX_KNOWN:
        _dimensions.clear()
    found = frozenset(each["attribute"] for each in plan.get("dimensions", ()))
    _dimensions[phase_id] = found
    return found


def _scalars(
    attributes: Mapping[str, object], names: frozenset[str]
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name in sorted(names):
        value = attributes.get(name)
        if isinstance(value, str):
            found[name] = value[:MAX_TEXT]
        elif isinstance(value, bool | int | float):
            found[name] = value
    return found


def _evaluated(item: Met, decision: Decision | None) -> ExposureVerdict:
    """The verdict before anything is stored: RECORDED is what is yet to be."""
    if decision is None:
        return ExposureVerdict(item, ExposureStatus.UNKNOWN_EXPERIMENT, None)
    status = ExposureStatus.NOT_IN_EXPERIMENT
    if decision.in_experiment:
        status = ExposureStatus.RECORDED
    return ExposureVerdict(
        item,
        status,
        decision.variant.key,
        phase=decision.phase.definition.exposing,
        cause=decision.cause,
    )


def _event(
    subject: SubjectContext, verdict: ExposureVerdict, properties: dict[str, Json]
) -> NewEvent:
    return NewEvent(
        id=verdict.met.event_id,
        name=EXPOSURE,
        user_id=subject.user_id,
        anonymous_id=subject.anonymous_id,
        account_id=subject.account_id,
        occurred_at=verdict.met.at,
        properties=properties,
        experiment_key=verdict.met.experiment_key,
        variant_key=verdict.variant,
        phase=verdict.phase,
    )
