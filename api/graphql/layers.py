"""Layers as they are read: what is taken of them, and what is free."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.connection import Connection, connected
from api.graphql.eligibility import SlotRange
from api.graphql.experiment_enums import UnitKind
from api.graphql.ids import global_id
from api.graphql.node import Node, register_node
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from experiments import models
from experiments.eligibility import queries, slots

_READ = {"policy": Policy.READ}
_BY_KEY = Order("layer.key", models.Layer.key, models.Layer.id, str, descending=False)


async def taken_by_layer(
    context: Context, ids: Sequence[UUID]
) -> list[Sequence[queries.Taken]]:
    """What is taken of each layer."""
    async with context.readers() as session:
        taken = await queries.taken_of(session, ids)
    return [taken[local] for local in ids]


@policed(Policy.READ)
@strawberry.type(description="Part of a layer, with the experiment that has it.")
class LayerSlot:
    """What is taken."""

    experiment_key: str = strawberry.field(
        description="The experiment: it is live, or may start."
    )
    ranges: list[SlotRange] = strawberry.field(description="In order.")


@policed(Policy.READ)
@strawberry.type(
    description="Experiments that exclude each other: each has slots that no other "
    "one has, so nobody is in two of them."
)
class Layer(Node):
    """One layer."""

    row: strawberry.Private[models.Layer]
    key: str = strawberry.field(description="For programs; one layer's for ever.")
    name: str = strawberry.field(description="For people.")
    unit: UnitKind = strawberry.field(description="What is divided.")
    seed: str = strawberry.field(description="What its units are hashed with.")
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the layer."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    archived_at: datetime | None = strawberry.field(
        description="When it was taken out of use."
    )

    @strawberry.field(description="What is taken, by experiment key.")
    async def taken(self, info: Info) -> list[LayerSlot]:
        """Loaded together with those of the other layers in the answer."""
        return [
            LayerSlot(
                experiment_key=each.experiment_key,
                ranges=SlotRange.all_of(each.ranges),
            )
            for each in await self._taken(info)
        ]

    @strawberry.field(description="What is free, in order.")
    async def free(self, info: Info) -> list[SlotRange]:
        """The rest."""
        taken = await self._taken(info)
        parts = [part for each in taken for part in each.ranges]
        return SlotRange.all_of(slots.free(parts))

    async def _taken(self, info: Info) -> Sequence[queries.Taken]:
        return await info.context.loaders.of(taken_by_layer).load(self.row.id)

    @classmethod
    def of(cls, row: models.Layer) -> "Layer":
        """From a row."""
        return cls(
            row=row,
            id=global_id("Layer", row.id),
            key=row.key,
            name=row.name,
            unit=row.unit,
            seed=row.seed,
            version=row.version,
            created_at=row.created_at,
            archived_at=row.archived_at,
        )


async def layers_by_id(context: Context, ids: Sequence[UUID]) -> Mapping[UUID, Layer]:
    """The caller's own layers among these."""
    async with context.readers() as session:
        rows = await queries.rules_by_ids(
            session, models.Layer, project_id=context.caller.project_id, ids=ids
        )
    return {local: Layer.of(row) for local, row in rows.items()}


async def layers_in_order(context: Context, ids: Sequence[UUID]) -> list[Layer | None]:
    """The same, for a loader."""
    found = await layers_by_id(context, ids)
    return [found.get(local) for local in ids]


register_node("Layer", layers_by_id, Policy.READ)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(metadata=_READ, description="One layer of the project, by key.")
    async def layer(self, info: Info, key: str) -> Layer | None:
        """Null, with NOT_FOUND, where there is none."""
        async with info.context.readers() as session:
            row = await queries.layer_by_key(
                session, project_id=info.context.caller.project_id, key=key
            )
        return Layer.of(row)

    @strawberry.field(metadata=_READ, description="The project's layers, by key.")
    async def layers(
        self,
        info: Info,
        with_archived: bool = False,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Layer]:
        """One page of layers."""
        statement = queries.listed_layers(
            info.context.caller.project_id, with_archived=with_archived
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _BY_KEY, first=first, after=after)
        return connected(page, Layer.of)
