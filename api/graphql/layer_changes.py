"""Layers: making them, renaming them, taking them out of use."""

from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.errors import Refusal
from api.graphql.experiment_enums import UnitKind
from api.graphql.ids import local_id
from api.graphql.layers import Layer
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import service
from experiments.eligibility import queries

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="A layer to make.")
class CreateLayerInput:
    """What createLayer takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores; taken for "
        "ever."
    )
    name: str = strawberry.field(default="", description="For people; else the key.")
    unit: UnitKind = strawberry.field(
        default=UnitKind.USER,
        description="What is divided; its experiments randomise the same.",
    )


@strawberry.input(description="A layer to take out of use.")
class ArchiveLayerInput:
    """What archiveLayer takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The layer's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")


@strawberry.input(description="A layer to rename.")
class RenameLayerInput(ArchiveLayerInput):
    """What renameLayer takes."""

    name: str = strawberry.field(description="For people: 1 to 200 characters.")


@policed(Policy.READ)
@strawberry.type(description="The layer as it is now.")
class LayerPayload:
    """What every mutation of a layer answers."""

    layer: Layer = strawberry.field(description="The layer.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


LayerResult = Annotated[
    LayerPayload | Refusal,
    strawberry.union("LayerResult", description="The layer, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Make a layer. Experiments take slots of it while they are drafts.",
    )
    async def create_layer(self, info: Info, input: CreateLayerInput) -> LayerResult:
        """One layer with its audit row."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.create_layer(
                session,
                project_id=info.context.caller.project_id,
                actor=info.context.actor,
                key=input.key,
                name=input.name,
                unit=input.unit,
            )
            return {"layer": row.id.hex}

        return await _perform(info, input, "createLayer", work)

    @strawberry.mutation(
        metadata=_EDIT, description="Rename a layer; its key and its seed stay."
    )
    async def rename_layer(self, info: Info, input: RenameLayerInput) -> LayerResult:
        """For people only."""

        async def work(session: AsyncSession) -> Ids:
            target = _target(info.context, input)
            row = await service.rename_layer(session, name=input.name, **target)
            return {"layer": row.id.hex}

        return await _perform(info, input, "renameLayer", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Take a layer out of use. Its key stays reserved.",
    )
    async def archive_layer(self, info: Info, input: ArchiveLayerInput) -> LayerResult:
        """Refused while an experiment that is live, or may start, has slots of it."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.archive_layer(session, **_target(info.context, input))
            return {"layer": row.id.hex}

        return await _perform(info, input, "archiveLayer", work)


async def _perform(
    info: Info, given: WriteInput, operation: str, work: Work
) -> LayerPayload | Refusal:
    async def rebuild(session: AsyncSession, ids: Ids, replayed: bool) -> LayerPayload:
        row = await queries.layer_by_id(
            session,
            project_id=info.context.caller.project_id,
            layer_id=UUID(ids["layer"]),
        )
        return LayerPayload(layer=Layer.of(row), replayed=replayed)

    return await perform(info, given, operation=operation, work=work, rebuild=rebuild)


def _target(context: Context, given: ArchiveLayerInput) -> dict[str, Any]:
    return {
        "project_id": context.caller.project_id,
        "layer_id": local_id(given.id, "Layer", path=("id",)),
        "expected_version": given.expected_version,
        "actor": context.actor,
    }
