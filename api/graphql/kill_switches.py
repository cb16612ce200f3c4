"""Kill switches: everyone gets the control at once, without a deploy."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.ids import global_id
from api.graphql.layers import layers_in_order
from api.graphql.node import Node, register_node
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from experiments import models, queries
from experiments.eligibility import live
from experiments.models import SwitchScope

_NEWEST = Order(
    "kill_switch.thrown_at",
    models.KillSwitch.thrown_at,
    models.KillSwitch.id,
    datetime,
)

strawberry.enum(
    SwitchScope,
    name="KillSwitchScope",
    description="What a kill switch turns off: one experiment, the experiments of a "
    "layer, or everything.",
)


async def experiment_keys(context: Context, ids: Sequence[UUID]) -> list[str | None]:
    """The keys of the caller's own experiments among these."""
    async with context.readers() as session:
        rows = await queries.experiments_by_ids(
            session, project_id=context.caller.project_id, ids=ids
        )
    return [None if local not in rows else rows[local].key for local in ids]


@policed(Policy.READ)
@strawberry.type(
    description="While it is thrown, everyone gets the control of what it covers in "
    "this environment. Phases go on, and nothing is recorded of them."
)
class KillSwitch(Node):
    """One throw."""

    row: strawberry.Private[models.KillSwitch]
    scope: SwitchScope = strawberry.field(description="What it turns off.")
    reason: str = strawberry.field(description="Why it was thrown.")
    thrown_by: str = strawberry.field(description="Who threw it.")
    thrown_at: datetime = strawberry.field(description="When.")
    released_at: datetime | None = strawberry.field(
        description="When it was released; null while it is in force."
    )

    @strawberry.field(description="Of the scope EXPERIMENT: which one.")
    async def experiment_key(self, info: Info) -> str | None:
        """Loaded together with those of the other switches in the answer."""
        target = self.row.target_id
        if target is None or self.row.scope is not SwitchScope.EXPERIMENT:
            return None
        return await info.context.loaders.of(experiment_keys).load(target)

    @strawberry.field(description="Of the scope LAYER: which one.")
    async def layer_key(self, info: Info) -> str | None:
        """Loaded together with those of the other switches in the answer."""
        target = self.row.target_id
        if target is None or self.row.scope is not SwitchScope.LAYER:
            return None
        layer = await info.context.loaders.of(layers_in_order).load(target)
        return None if layer is None else layer.key

    @classmethod
    def of(cls, row: models.KillSwitch) -> "KillSwitch":
        """From a row."""
        return cls(
            row=row,
            id=global_id("KillSwitch", row.id),
            scope=row.scope,
            reason=row.reason,
            thrown_by=row.thrown_by,
            thrown_at=row.thrown_at,
            released_at=row.released_at,
        )


async def switches_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Node]:
    """The switches of the caller's environment among these."""
    async with context.readers() as session:
        rows = await live.switches_by_ids(
            session, environment_id=context.caller.environment_id, ids=ids
        )
    return {local: KillSwitch.of(row) for local, row in rows.items()}


register_node("KillSwitch", switches_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="This environment's kill switches, newest first: those in force, "
        "those released, or both.",
    )
    async def kill_switches(
        self,
        info: Info,
        thrown: bool | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[KillSwitch]:
        """One page of switches."""
        statement = live.listed_switches(
            info.context.caller.environment_id, thrown=thrown
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, KillSwitch.of)
