"""Layers: experiments that share one exclude each other, slot by slot."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import StaleVersion
from experiments.assignment.ranges import Range
from experiments.assignment.seeds import layer_seed
from experiments.design import UnitKind
from experiments.drafts import LayerSpec
from experiments.eligibility import queries, slots
from experiments.errors import (
    DesignInvalid,
    LayerInUse,
    LayerSlotTaken,
    LayerUnitMismatch,
    OutOfUse,
)
from experiments.models import Layer
from experiments.service.keys import keep
from experiments.service.parts import check_key, checked_name
from experiments.service.recording import record


async def create_layer(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    name: str,
    unit: UnitKind,
) -> Layer:
    """Divide the project's units once more; nobody has slots of it yet.

    Raises:
        DesignInvalid: The key or the name is out of bounds.
        KeyTaken: The project has a layer with this key.
        KeyReserved: It had one, which was archived.
    """
    check_key(key)
    layer = Layer(
        project_id=project_id,
        key=key,
        name=checked_name(name or key),
        unit=unit,
        seed=layer_seed(project_id, key),
        created_at=await now(session),
    )
    await keep(session, layer)
    await record(session, layer, "layer.create", actor=actor, after=facts(layer))
    return layer


async def rename_layer(
    session: AsyncSession,
    *,
    project_id: UUID,
    layer_id: UUID,
    expected_version: int,
    actor: Actor,
    name: str,
) -> Layer:
    """Call it something else; its key and its seed stay.

    Raises:
        LayerUnknown: There is none in the project.
        DesignInvalid: The name is out of bounds.
        OutOfUse: It was archived.
        StaleVersion: Somebody changed it since.
    """
    layer = await _read(session, project_id, layer_id, expected_version)
    before = facts(layer)
    layer.name = checked_name(name)
    return await _write(session, actor, "layer.rename", layer, before)


async def archive_layer(
    session: AsyncSession,
    *,
    project_id: UUID,
    layer_id: UUID,
    expected_version: int,
    actor: Actor,
) -> Layer:
    """Take it out of use; its key stays reserved.

    Raises:
        LayerUnknown: There is none in the project.
        LayerInUse: An experiment that is live, or may start, has slots of it.
        OutOfUse: It was archived before.
        StaleVersion: Somebody changed it since.
    """
    layer = await _read(session, project_id, layer_id, expected_version)
    if taken := (await queries.taken_of(session, [layer.id]))[layer.id]:
        keys = ", ".join(each.experiment_key for each in taken[:5])
        raise LayerInUse(f"It is used by {keys}.")
    before = facts(layer)
    layer.archived_at = await now(session)
    return await _write(session, actor, "layer.archive", layer, before)


async def claimed(
    session: AsyncSession,
    *,
    project_id: UUID,
    experiment_id: UUID,
    unit: UnitKind,
    spec: LayerSpec,
) -> tuple[UUID | None, list[list[float]]]:
    """The layer and the slots that an experiment may have as its own.

    The layer is held until the transaction ends, so of two that want the same slot
    the second one finds it taken.

    Raises:
        LayerUnknown: The project has no such layer.
        LayerSlotTaken: Another experiment has part of it, or no free part is as large.
        LayerUnitMismatch: The layer divides other units.
        DesignInvalid: The ranges or the share cannot be read.
        OutOfUse: The layer was archived.
    """
    if spec.key is None:
        return None, []
    found = await queries.layer_by_key(
        session, project_id=project_id, key=spec.key, path=("layer", "key")
    )
    layer = await held(session, found.id, unit)
    others = await taken_by_others(session, layer.id, experiment_id)
    ranges = _wanted(spec, others)
    check_free(ranges, others)
    return layer.id, [list(part) for part in ranges]


async def held(session: AsyncSession, layer_id: UUID, unit: UnitKind) -> Layer:
    """The layer for an experiment of this unit, held until the transaction ends.

    Raises:
        LayerUnitMismatch: It divides other units.
        OutOfUse: It was archived.
    """
    layer = await locked(session, layer_id)
    if layer.archived_at is not None:
        raise OutOfUse(f"The layer {layer.key} is archived.", path=("layer", "key"))
    if layer.unit is not unit:
        raise LayerUnitMismatch(
            f"The layer {layer.key} divides units of the kind {layer.unit}.",
            path=("layer", "key"),
        )
    return layer


async def taken_by_others(
    session: AsyncSession, layer_id: UUID, experiment_id: UUID
) -> Sequence[queries.Taken]:
    """What the layer's other experiments have of it."""
    taken = (await queries.taken_of(session, [layer_id]))[layer_id]
    return [each for each in taken if each.experiment_id != experiment_id]


def check_free(ranges: Sequence[Range], others: Sequence[queries.Taken]) -> None:
    """Refuse slots that another experiment has.

    Raises:
        LayerSlotTaken: Part of them is taken.
    """
    for other in others:
        if slots.overlap(ranges, other.ranges):
            raise LayerSlotTaken(
                f"{other.experiment_key} has part of these slots.",
                path=("layer", "ranges"),
            )


def facts(layer: Layer) -> dict[str, Any]:
    """What the audit trail remembers of a layer."""
    return layer.model_dump(mode="json", exclude={"id", "project_id"})


def _wanted(spec: LayerSpec, others: Sequence[queries.Taken]) -> tuple[Range, ...]:
    path = ("layer",)
    if (spec.ranges is None) is (spec.share is None):
        raise DesignInvalid("Name the ranges or the share.", path=path)
    if spec.ranges is not None:
        return slots.checked(spec.ranges, path=(*path, "ranges"))
    share = spec.share or 0.0
    slots.check_share(share, path=(*path, "share"))
    free = slots.free([part for other in others for part in other.ranges])
    found = slots.first_fit(free, share)
    if found is None:
        largest = max((end - start for start, end in free), default=0.0)
        raise LayerSlotTaken(
            f"No free part is as large; the largest is {largest:.4g}.",
            path=(*path, "share"),
        )
    return (found,)


async def _read(
    session: AsyncSession, project_id: UUID, layer_id: UUID, expected: int
) -> Layer:
    await queries.layer_by_id(session, project_id=project_id, layer_id=layer_id)
    layer = await locked(session, layer_id)
    if layer.version != expected:
        raise StaleVersion(layer.version)
    if layer.archived_at is not None:
        raise OutOfUse(f"The layer {layer.key} is archived.")
    return layer


async def locked(session: AsyncSession, layer_id: UUID) -> Layer:
    """The layer as it is, held until the transaction ends."""
    found = await session.exec(
        select(Layer)
        .where(Layer.id == layer_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one()


async def _write(
    session: AsyncSession,
    actor: Actor,
    action: str,
    layer: Layer,
    before: dict[str, Any],
) -> Layer:
    layer.version += 1
    session.add(layer)
    await session.flush()
    await record(session, layer, action, actor=actor, before=before, after=facts(layer))
    return layer
