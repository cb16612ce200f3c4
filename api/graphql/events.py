"""Events over GraphQL: the same door as /v1/events, for smaller batches."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, cast

import strawberry

from api.composed.ingestion import take_events
from api.context import Info
from api.graphql.errors import ValidationError, member_for
from api.graphql.scalars import JSON
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed
from core.problems import Invalid
from experiments.events.ingest import Unreadable
from experiments.events.log import Json, NewEvent


@strawberry.input(description="Something that happened.")
class TrackEventInput:
    """One event."""

    event_id: strawberry.ID = strawberry.field(
        description="Your id of it; sent again, it is counted once. UUIDv7 is best."
    )
    name: str = strawberry.field(
        description="What happened. `$exposure`: the subject met a variant; "
        "`$identify`: the attributes are traits; `$membership`: the user's account."
    )
    subject: SubjectInput = strawberry.field(
        description="Whom it happened to, with attributes that are kept as properties. "
        "A user and an anonymous id together link the two."
    )
    at: datetime | None = strawberry.field(
        default=None, description="When; the moment of receipt if left out."
    )
    value: float | None = strawberry.field(
        default=None, description="What it was worth, within 1e9 either way."
    )
    properties: JSON | None = strawberry.field(
        default=None, description="An object of at most 64 properties and 8 KiB."
    )
    experiment_key: str | None = strawberry.field(
        default=None, description="The experiment that an exposure belongs to."
    )
    variant_key: str | None = strawberry.field(
        default=None,
        description="The variant that was met; left out, the one assigned here.",
    )
    phase: int | None = strawberry.field(
        default=None,
        description="The number of the phase that an exposure is of, as the assignment "
        "said it; it counts in no other one. Left out, that under way at `at`.",
    )


@policed(Policy.INGEST)
@strawberry.type(description="An event that was not taken.")
class RejectedEvent:
    """One refusal, by place in the input."""

    index: int = strawberry.field(description="Its place in `input`, from 0.")
    id: strawberry.ID = strawberry.field(description="Its event id.")
    code: str = strawberry.field(description="For programs: stable, SCREAMING_SNAKE.")
    message: str = strawberry.field(description="For people.")


@policed(Policy.INGEST)
@strawberry.type(description="What became of the events; accepted ones are durable.")
class TrackEventsPayload:
    """The verdicts, counted."""

    accepted: int = strawberry.field(description="New events, stored.")
    duplicates: int = strawberry.field(description="Events stored before.")
    moved: int = strawberry.field(
        description="Accepted, but dated ahead and moved to the moment of receipt."
    )
    rejected: list[RejectedEvent] = strawberry.field(
        description="Events that were not taken, each with its reason."
    )


TrackEventsResult = Annotated[
    TrackEventsPayload | ValidationError,
    strawberry.union(
        "TrackEventsResult", description="The verdicts, or why none was given."
    ),
]


@strawberry.type
class Mutation:
    """Events in."""

    @strawberry.mutation(
        metadata={"policy": Policy.INGEST},
        description="Store events durably. Safe to repeat: each has an id of its own.",
    )
    async def track_events(
        self, info: Info, input: list[TrackEventInput]
    ) -> TrackEventsResult:
        """Take the events."""
        try:
            receipt = await take_events(info.context, [_read(item) for item in input])
        except Invalid as problem:
            return cast(ValidationError, member_for(problem))
        return TrackEventsPayload(
            accepted=receipt.accepted,
            duplicates=receipt.duplicates,
            moved=receipt.moved,
            rejected=[
                RejectedEvent(
                    index=verdict.index,
                    id=strawberry.ID(verdict.id),
                    code=verdict.code or "",
                    message=verdict.message,
                )
                for verdict in receipt.rejected
            ],
        )


def _read(item: TrackEventInput) -> NewEvent | Unreadable:
    properties: object = {} if item.properties is None else item.properties
    if not isinstance(properties, dict):
        return Unreadable(id=item.event_id[:128], message="`properties` is an object.")
    try:
        subject = item.subject.context()
    except Invalid as problem:
        return Unreadable(id=item.event_id[:128], message=problem.message)
    known = {**subject.attributes, **properties}
    return NewEvent(
        id=item.event_id,
        name=item.name,
        user_id=subject.user_id,
        anonymous_id=subject.anonymous_id,
        account_id=subject.account_id,
        occurred_at=item.at,
        # The shortest decimal that names the float is what the caller wrote.
        value=None if item.value is None else Decimal(repr(item.value)),
        properties=cast(dict[str, Json], known),
        experiment_key=item.experiment_key,
        variant_key=item.variant_key,
        phase=item.phase,
    )
