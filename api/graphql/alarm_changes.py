"""Dismissing an alarm, for a reason."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.alarms import Alarm
from api.graphql.errors import Refusal
from api.graphql.ids import local_id
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import service
from experiments.governance.queries import alarms_by_ids


@strawberry.input(description="An alarm that no longer counts, and why.")
class DismissAlarmInput:
    """What dismissAlarm takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The alarm's global id.")
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@policed(Policy.READ)
@strawberry.type(description="The alarm as it is now.")
class AlarmPayload:
    """What dismissAlarm answers."""

    alarm: Alarm = strawberry.field(description="The alarm.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


AlarmResult = Annotated[
    AlarmPayload | Refusal,
    strawberry.union("AlarmResult", description="The alarm, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.REVIEW},
        description="Say why an alarm no longer counts. What it paused or stopped is "
        "not begun again by it, and it never rings twice in a phase.",
    )
    async def dismiss_alarm(self, info: Info, input: DismissAlarmInput) -> AlarmResult:
        """A person's word; a key has none."""
        environment_id = info.context.caller.environment_id

        async def work(session: AsyncSession) -> Ids:
            row = await service.dismiss_alarm(
                session,
                environment_id=environment_id,
                alarm_id=local_id(input.id, "Alarm", path=("id",)),
                actor=info.context.actor,
                reason=input.reason,
            )
            return {"alarm": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> AlarmPayload:
            local = UUID(ids["alarm"])
            rows = await alarms_by_ids(
                session, environment_id=environment_id, ids=[local]
            )
            return AlarmPayload(alarm=Alarm.of(rows[local]), replayed=replayed)

        return await perform(
            info, input, operation="dismissAlarm", work=work, rebuild=rebuild
        )
