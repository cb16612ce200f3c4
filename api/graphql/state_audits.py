"""The nightly audits of a phase's state, as they are read."""

from datetime import datetime

import strawberry

from api.context import Info
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id, local_id
from api.graphql.scalars import Long
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from experiments import queries
from experiments.state_audits import models
from experiments.state_audits.queries import audits_of

_NEWEST = Order("state_audit.at", models.StateAudit.at, models.StateAudit.id, datetime)


@policed(Policy.READ)
@strawberry.type(
    description="A phase's numbers beside those recomputed from its raw events, both "
    "at one position of the log. A phase that differs is rebuilt."
)
class StateAudit:
    """One audit."""

    phase_id: strawberry.ID = strawberry.field(description="The phase's global id.")
    at: datetime = strawberry.field(description="When it was audited.")
    position: Long = strawberry.field(description="How far the log was folded.")
    watermark: datetime = strawberry.field(
        description="Up to when windows counted as closed."
    )
    equal: bool | None = strawberry.field(
        description="Byte for byte; null where the log is too long to be replayed."
    )
    differences: list[str] = strawberry.field(
        description="The parts that differed, at most 20 by name; not by how much."
    )

    @classmethod
    def of(cls, row: models.StateAudit) -> "StateAudit":
        """From a row."""
        return cls(
            phase_id=global_id("Phase", row.phase_id),
            at=row.at,
            position=Long(row.position),
            watermark=row.watermark,
            equal=row.equal,
            differences=list(row.differences),
        )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="The audits of a phase in the caller's environment, newest first.",
    )
    async def state_audits(
        self,
        info: Info,
        phase: strawberry.ID,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[StateAudit]:
        """One page of audits."""
        phase_id = local_id(phase, "Phase", path=("phase",))
        async with info.context.readers() as session:
            await queries.phase_by_id(
                session,
                environment_id=info.context.caller.environment_id,
                phase_id=phase_id,
            )
            page = await paged(
                session, audits_of(phase_id), _NEWEST, first=first, after=after
            )
        return connected(page, StateAudit.of)
