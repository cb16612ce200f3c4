"""Alarms as they are read, and why an experiment was invalidated."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.audit import Actor
from api.graphql.connection import Connection, connected
from api.graphql.experiment_enums import ExperimentStatus
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.graphql.plan import HarmAction
from api.pagination import Order, Page, first_pages, paged
from api.policies import Policy, policed
from experiments.governance import models
from experiments.governance.queries import alarms_by_ids, invalidations, listed_alarms

AlarmKind = models.AlarmKind

_NEWEST = Order(
    "alarm.raised_at", models.AlarmRow.raised_at, models.AlarmRow.id, datetime
)

strawberry.enum(
    AlarmKind,
    description="HARM: a guardrail got worse beyond doubt. SRM: the arms' sizes "
    "contradict the split.",
)


@policed(Policy.READ)
@strawberry.type(description="One alarm of one phase, acted on once.")
class Alarm(Node):
    """An alarm."""

    phase_id: strawberry.ID = strawberry.field(description="Of which phase.")
    kind: AlarmKind = strawberry.field(description="What it is about.")
    metric_key: str | None = strawberry.field(
        description="The guardrail; null for the split."
    )
    arm: str | None = strawberry.field(
        description="The variant's key; null for the split."
    )
    action: HarmAction = strawberry.field(description="What its metric asks for.")
    done: HarmAction = strawberry.field(
        description="What was done: ALERT where the experiment stood still already."
    )
    sentence: str = strawberry.field(description="Why, with the numbers.")
    raised_at: datetime = strawberry.field(description="When it was acted on.")
    dismissed_at: datetime | None = strawberry.field(
        description="When a person dismissed it; null while it is in force."
    )
    dismissed_by: str | None = strawberry.field(description="Who.")
    dismissal: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, row: models.AlarmRow) -> "Alarm":
        """From a row."""
        return cls(
            id=global_id("Alarm", row.id),
            phase_id=global_id("Phase", row.phase_id),
            kind=row.kind,
            metric_key=row.metric_key or None,
            arm=row.arm or None,
            action=row.asked,
            done=row.done,
            sentence=row.sentence,
            raised_at=row.raised_at,
            dismissed_at=row.dismissed_at,
            dismissed_by=row.dismissed_by,
            dismissal=row.dismissal,
        )


@policed(Policy.READ)
@strawberry.type(
    description="Why nothing may be concluded from an experiment. Its data stays."
)
class Invalidation:
    """A person's word."""

    reason: str = strawberry.field(description="Why.")
    invalidated_by: Actor = strawberry.field(description="Who.")
    invalidated_at: datetime = strawberry.field(description="When.")
    stood_at: ExperimentStatus = strawberry.field(description="Where it stood before.")


async def alarms_of(
    context: Context, experiment_id: UUID, *, first: int, after: str | None
) -> Connection[Alarm]:
    """One page of an experiment's alarms in the caller's environment."""
    if after is None:
        page = await context.loaders.of(first_alarms).load((experiment_id, first))
        return connected(page, Alarm.of)
    statement = listed_alarms(context.caller.environment_id).where(
        models.AlarmRow.experiment_id == experiment_id
    )
    async with context.readers() as session:
        page = await paged(session, statement, _NEWEST, first=first, after=after)
    return connected(page, Alarm.of)


async def first_alarms(
    context: Context, asked: Sequence[tuple[UUID, int]]
) -> Sequence[Page[models.AlarmRow]]:
    """The first page of each experiment's alarms in the caller's environment."""
    async with context.readers() as session:
        return await first_pages(
            session,
            listed_alarms(context.caller.environment_id),
            _NEWEST,
            of=models.AlarmRow.experiment_id,
            asked=asked,
        )


async def invalidations_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Invalidation | None]:
    """Why each experiment that was invalidated was."""
    async with context.readers() as session:
        rows = await invalidations(session, ids)
    return [
        Invalidation(
            reason=row.reason,
            invalidated_by=Actor.of(row.actor_kind, row.actor_name),
            invalidated_at=row.at,
            stood_at=row.source,
        )
        if (row := rows.get(local)) is not None
        else None
        for local in ids
    ]


async def alarms_by_local_id(
    context: Context, ids: Sequence[UUID]
) -> Mapping[UUID, Node]:
    """The caller's own alarms among these."""
    async with context.readers() as session:
        rows = await alarms_by_ids(
            session, environment_id=context.caller.environment_id, ids=ids
        )
    return {local: Alarm.of(row) for local, row in rows.items()}


register_node("Alarm", alarms_by_local_id, Policy.READ)
