"""Exposures of one subject: evaluated here, and acknowledged once they are durable."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from api.composed.assignments import assigned
from api.composed.ingestion import take_events
from api.context import Context
from core.problems import Invalid
from core.subjects import SubjectContext
from experiments.assignment.evaluator import Decision
from experiments.events.log import EXPOSURE, NewEvent, Status, Verdict

MAX_EXPOSURES = 200


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
    events = [_event(subject, verdicts[place]) for place in places]
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


def _evaluated(item: Met, decision: Decision | None) -> ExposureVerdict:
    """The verdict before anything is stored: RECORDED is what is yet to be."""
    if decision is None:
        return ExposureVerdict(item, ExposureStatus.UNKNOWN_EXPERIMENT, None)
    status = ExposureStatus.NOT_IN_EXPERIMENT
    if decision.in_experiment:
        status = ExposureStatus.RECORDED
    return ExposureVerdict(item, status, decision.variant.key)


def _event(subject: SubjectContext, verdict: ExposureVerdict) -> NewEvent:
    return NewEvent(
        id=verdict.met.event_id,
        name=EXPOSURE,
        user_id=subject.user_id,
        anonymous_id=subject.anonymous_id,
        account_id=subject.account_id,
        occurred_at=verdict.met.at,
        experiment_key=verdict.met.experiment_key,
        variant_key=verdict.variant,
    )
