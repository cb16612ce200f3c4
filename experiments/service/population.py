"""Whom an experiment is for: checked while it is drafted, gathered when it starts."""

from typing import Any

from core.database import AsyncSession
from experiments.assignment.phases import (
    HoldoutDefinition,
    LayerSlots,
    Prerequisite,
)
from experiments.design import UnitKind
from experiments.drafts import Changes, Draft, PrerequisiteSpec
from experiments.eligibility import queries
from experiments.eligibility.frozen import Eligibility, FrozenSegment
from experiments.errors import ReasonMissing
from experiments.models import Experiment
from experiments.service import layers, prerequisites, segments
from experiments.service.locking import hold_project
from experiments.service.parts import check_key


async def population_columns(
    session: AsyncSession, experiment: Experiment, changes: Changes
) -> dict[str, Any]:
    """The columns of the experiment that say whom it is for, and that change.

    Raises:
        ConditionInvalid: The targeting cannot be evaluated.
        SegmentUnknown: It names a segment that is not in use.
        PrerequisiteInvalid: One names no experiment in use, or none of its variants.
        LayerUnknown: The project has no such layer.
        LayerSlotTaken: Another experiment has part of the slots.
        ReasonMissing: It leaves the holdouts without a reason.
    """
    unit = changes.unit or experiment.unit
    columns: dict[str, Any] = {}
    if changes.targeting is not None:
        await segments.spelled_out(
            session,
            project_id=experiment.project_id,
            source=changes.targeting,
            path=("targeting",),
        )
        columns["targeting"] = dict(changes.targeting) or None
    if changes.area is not None:
        if changes.area:
            check_key(changes.area, path=("area",))
        columns["area"] = changes.area or None
    if changes.exempt_from_holdouts is not None:
        if changes.exempt_from_holdouts and not changes.exemption_reason.strip():
            raise ReasonMissing(path=("exemptionReason",))
        columns["exempt_from_holdouts"] = changes.exempt_from_holdouts
    required = await _required(session, experiment, changes, unit)
    if required is not None:
        columns["prerequisites"] = required
    return columns | await _slots(session, experiment, changes, unit)


async def hold_places(session: AsyncSession, experiment: Experiment) -> None:
    """Hold what a start shares with other experiments, before it holds its own row."""
    if experiment.prerequisites:
        await hold_project(session, experiment.project_id)
    if experiment.layer_id is not None:
        await layers.locked(session, experiment.layer_id)


async def gathered(
    session: AsyncSession, draft: Draft, *, importing: bool = False
) -> Eligibility:
    """Who may be in a phase that starts now, for it to keep.

    What ran elsewhere was never held out here, nor kept to slots.

    Raises:
        ConditionInvalid: The targeting cannot be evaluated.
        SegmentUnknown: It names a segment that is not in use.
        PrerequisiteInvalid: One names no experiment in use, or none of its variants.
        LayerSlotTaken: Another experiment has part of the slots.
    """
    experiment = draft.experiment
    condition, named = await segments.spelled_out(
        session,
        project_id=experiment.project_id,
        source=experiment.targeting or {},
        path=("targeting",),
    )
    kept = Eligibility(
        condition=condition or None,
        segments=tuple(FrozenSegment(each.key, each.version) for each in named),
    )
    if importing:
        return kept
    if experiment.prerequisites:
        await hold_project(session, experiment.project_id)
    required = await prerequisites.checked(
        session,
        project_id=experiment.project_id,
        key=experiment.key,
        unit=experiment.unit,
        specs=specs_of(experiment),
    )
    return Eligibility(
        condition=kept.condition,
        segments=kept.segments,
        prerequisites=tuple(
            Prerequisite(each["experimentKey"], frozenset(each["variants"]))
            for each in required
        ),
        layer=await _layer(session, experiment),
        holdouts=await holdouts_of(session, experiment),
    )


async def _layer(session: AsyncSession, experiment: Experiment) -> LayerSlots | None:
    if experiment.layer_id is None:
        return None
    layer = await layers.held(session, experiment.layer_id, experiment.unit)
    ranges = tuple((start, end) for start, end in experiment.layer_ranges)
    others = await layers.taken_by_others(session, layer.id, experiment.id)
    layers.check_free(ranges, others)
    return LayerSlots(layer.key, layer.seed, ranges)


async def holdouts_of(
    session: AsyncSession, experiment: Experiment
) -> tuple[HoldoutDefinition, ...]:
    """The holdouts that a phase which starts now leaves alone."""
    if experiment.exempt_from_holdouts:
        return ()
    found = await queries.holdouts_for(
        session,
        project_id=experiment.project_id,
        unit=experiment.unit,
        area=experiment.area,
    )
    return tuple(HoldoutDefinition(row.key, row.seed, row.share) for row in found)


async def _required(
    session: AsyncSession, experiment: Experiment, changes: Changes, unit: UnitKind
) -> list[dict[str, Any]] | None:
    """Checked anew also where only the unit changes, for what is required may not."""
    specs = changes.prerequisites
    if specs is None:
        if changes.unit is None or not experiment.prerequisites:
            return None
        specs = specs_of(experiment)
    if specs:
        await hold_project(session, experiment.project_id)
    return await prerequisites.checked(
        session,
        project_id=experiment.project_id,
        key=experiment.key,
        unit=unit,
        specs=specs,
    )


async def _slots(
    session: AsyncSession, experiment: Experiment, changes: Changes, unit: UnitKind
) -> dict[str, Any]:
    if changes.layer is None:
        if changes.unit is not None and experiment.layer_id is not None:
            await layers.held(session, experiment.layer_id, unit)
        return {}
    layer_id, ranges = await layers.claimed(
        session,
        project_id=experiment.project_id,
        experiment_id=experiment.id,
        unit=unit,
        spec=changes.layer,
    )
    return {"layer_id": layer_id, "layer_ranges": ranges}


def specs_of(experiment: Experiment) -> list[PrerequisiteSpec]:
    """The prerequisites that its row keeps."""
    return [
        PrerequisiteSpec(each["experimentKey"], each["variants"])
        for each in experiment.prerequisites
    ]
