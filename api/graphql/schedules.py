"""Scheduled starts and launches as they are read."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.enums import Governance
from api.graphql.ids import global_id
from api.policies import Policy, policed
from experiments import models
from experiments.governance import models as governance
from experiments.governance.queries import last_schedules, launches

ScheduleStatus = governance.ScheduleStatus

strawberry.enum(ScheduleStatus, description="What became of a scheduled start.")


@policed(Policy.READ)
@strawberry.type(description="A start at an instant, written on somebody's wall clock.")
class Schedule:
    """One scheduled start."""

    id: strawberry.ID = strawberry.field(description="The schedule's id.")
    environment_id: strawberry.ID = strawberry.field(description="Where it starts.")
    local_time: str = strawberry.field(
        description="The date and time as given, without an offset."
    )
    time_zone: str = strawberry.field(description="The IANA zone whose clocks count.")
    due_at: datetime = strawberry.field(description="The instant that it comes to.")
    status: ScheduleStatus = strawberry.field(description="What became of it.")
    settled_at: datetime | None = strawberry.field(
        description="When it was started, refused or cancelled."
    )
    refusal_code: str | None = strawberry.field(
        description="Why the start was refused, for programs."
    )
    refusal: str | None = strawberry.field(
        description="Why the start was refused, for people."
    )

    @classmethod
    def of(cls, row: governance.Schedule) -> "Schedule":
        """From a row."""
        return cls(
            id=global_id("Schedule", row.id),
            environment_id=global_id("Environment", row.environment_id),
            local_time=row.local_time,
            time_zone=row.time_zone,
            due_at=row.due_at,
            status=row.status,
            settled_at=row.settled_at,
            refusal_code=row.refusal_code,
            refusal=row.refusal,
        )


async def schedules_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Schedule | None]:
    """The last scheduled start of each experiment."""
    async with context.readers() as session:
        rows = await last_schedules(session, ids)
    return [Schedule.of(rows[local]) if local in rows else None for local in ids]


async def launches_by_phase(
    context: Context, ids: Sequence[UUID]
) -> list[governance.Launch | None]:
    """How each phase came to begin."""
    async with context.readers() as session:
        rows = await launches(session, ids)
    return [rows.get(local) for local in ids]


@strawberry.type
class Launched:
    """The part of `Phase` that says how it came to begin."""

    row: strawberry.Private[models.Phase]

    @strawberry.field(
        description="Whether as many people agreed to its design as the project's "
        "rules ask for; false says NOT REVIEWED wherever its results are shown, null "
        "is from before this was kept."
    )
    async def reviewed(self, info: Info) -> bool | None:
        """Loaded together with those of the other phases in the answer."""
        launch = await info.context.loaders.of(launches_by_phase).load(self.row.id)
        return None if launch is None else launch.reviewed

    @strawberry.field(description="The project's rules when it began.")
    async def governance(self, info: Info) -> Governance | None:
        """Loaded together with those of the other phases in the answer."""
        launch = await info.context.loaders.of(launches_by_phase).load(self.row.id)
        return None if launch is None else launch.governance

    @strawberry.field(
        description="The instant that somebody chose for its start; null if it was "
        "started by hand. `startedAt` is when it did."
    )
    async def scheduled_for(self, info: Info) -> datetime | None:
        """Loaded together with those of the other phases in the answer."""
        launch = await info.context.loaders.of(launches_by_phase).load(self.row.id)
        return None if launch is None else launch.scheduled_for
