"""From rows to what an environment serves."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlmodel import col, or_, select

from core.database import AsyncSession
from core.subjects import SubjectKind
from experiments.arms import ArmDesign
from experiments.assignment.definitions import (
    Kept,
    LayerSlots,
    LinkChange,
    PhaseDefinition,
    Serving,
    ShippedDefinition,
    Snapshot,
    VariantDefinition,
)
from experiments.design import PhaseDesign
from experiments.eligibility.frozen import Eligibility
from experiments.freezing import design_of
from experiments.lifecycle import OUT, SERVED, ExperimentStatus, PauseMode
from experiments.models import (
    DefinitionsVersion,
    Experiment,
    KillSwitch,
    Layer,
    Override,
    Phase,
    PhaseKind,
    StickyAssignment,
    SwitchScope,
)
from experiments.shipping.models import Shipment
from experiments.shipping.queries import active_shipments
from experiments.shipping.ramps import shipped_definition
from experiments.treatments import TreatmentKind, served_value

MAX_STICKY = 200_000
"""Links kept in memory, the newest first: beyond it the oldest hash by themselves."""

MAX_NEWER = 20_000
"""Links that may come while it is served; then the newest of all are read again."""

MAX_OVERRIDES = 50_000

_ATTRIBUTES: Mapping[str, str] = {
    SubjectKind.USER: "id",
    SubjectKind.ANONYMOUS: "anonymousId",
    SubjectKind.ACCOUNT: "accountId",
}


@dataclass(frozen=True, slots=True)
class _Live:
    """What of an environment may change while its phases run."""

    switched_off: frozenset[UUID]
    """Experiments."""
    layers_off: frozenset[str]
    all_off: bool
    overrides: Mapping[UUID, Kept]
    """By experiment."""
    sticky: Mapping[UUID, Kept]
    """By phase."""

    def kills(self, experiment_id: UUID, layer: LayerSlots | None) -> bool:
        """Whether a switch covers the phase."""
        by_layer = layer is not None and layer.key in self.layers_off
        return self.all_off or by_layer or experiment_id in self.switched_off


class Version(NamedTuple):
    """How often what an environment serves has changed."""

    definitions: int
    links: int


NEVER = Version(0, 0)


async def versions_of(
    session: AsyncSession, environment_ids: Sequence[UUID]
) -> Mapping[UUID, Version]:
    """The counts of each environment that ever served anything."""
    found = await session.exec(
        select(DefinitionsVersion).where(
            col(DefinitionsVersion.environment_id).in_(environment_ids)
        )
    )
    return {row.environment_id: Version(row.version, row.links) for row in found.all()}


async def load(session: AsyncSession, environment_id: UUID) -> Snapshot:
    """Compile what the environment serves now.

    The version is read first: a change in between is loaded once more, never missed.
    """
    versions = await versions_of(session, [environment_id])
    definitions = await definitions_of(session, environment_id)
    version, links = versions.get(environment_id, NEVER)
    # Thousands of experiments take a good part of a second; requests go on meanwhile.
    return await asyncio.to_thread(Snapshot.of, version, definitions, links)


async def links_since(
    session: AsyncSession, environment_id: UUID, revision: int
) -> tuple[list[LinkChange], int]:
    """What changed in the links after a revision, in order, and the last one's.

    One change more than MAX_NEWER says that there are too many to be read on from.
    """
    found = await session.exec(
        select(StickyAssignment)
        .where(
            StickyAssignment.environment_id == environment_id,
            col(StickyAssignment.revision) > revision,
        )
        .order_by(col(StickyAssignment.revision), col(StickyAssignment.id))
        .limit(MAX_NEWER + 1)
    )
    rows = found.all()
    changes = [
        LinkChange(row.phase_id, _ATTRIBUTES[row.kind], row.subject_id, row.variant_key)
        for row in rows
    ]
    return changes, rows[-1].revision if rows else revision


def has_room(snapshot: Snapshot, changes: Sequence[LinkChange]) -> bool:
    """Whether links may be taken into memory beside those that are there."""
    room = MAX_STICKY + MAX_NEWER - snapshot.links.count
    return len(changes) <= min(MAX_NEWER, room)


async def definitions_of(
    session: AsyncSession, environment_id: UUID
) -> tuple[PhaseDefinition, ...]:
    """The last randomisation of each experiment that the environment answers for.

    An archived experiment and one whose units were assigned elsewhere have none.
    """
    found = await session.exec(
        select(Experiment, Phase)
        .where(
            col(Phase.experiment_id) == Experiment.id,
            Phase.environment_id == environment_id,
            col(Experiment.status).in_(SERVED),
            col(Phase.imported).is_(False),
            Phase.kind == PhaseKind.RANDOMISED,
        )
        .order_by(col(Phase.number))
    )
    latest = {experiment.id: (experiment, phase) for experiment, phase in found.all()}
    live = await _live(session, environment_id)
    shipped = await active_shipments(session, environment_id)
    return tuple(
        _definition(*rows, live, shipped.get(key)) for key, rows in latest.items()
    )


def _definition(
    experiment: Experiment, phase: Phase, live: _Live, shipment: Shipment | None
) -> PhaseDefinition:
    """From what the start froze: the draft may have another split by now."""
    design, kept = design_of(phase), Eligibility.of(phase.eligibility)
    killed = live.kills(experiment.id, kept.layer)
    treatment = design.treatment or experiment.treatment
    return PhaseDefinition(
        experiment_id=experiment.id,
        experiment_key=experiment.key,
        treatment=treatment,
        phase_id=phase.id,
        number=phase.number,
        version=phase.version,
        unit=design.unit,
        seed=phase.seed,
        coverage=phase.coverage,
        # A phase that froze no eligibility has the targeting of its design.
        condition=phase.eligibility.get("condition", design.targeting),
        variants=tuple(_variant(treatment, arm) for arm in design.arms),
        serving=_serving(experiment, phase, killed=killed),
        layer=kept.layer,
        holdouts=kept.holdouts,
        prerequisites=kept.prerequisites,
        overrides=live.overrides.get(experiment.id, {}),
        sticky=live.sticky.get(phase.id, {}),
        dropped=frozenset(design.dropped_at),
        shipped=_shipped(experiment, design, shipment),
    )


def _shipped(
    experiment: Experiment, design: PhaseDesign, shipment: Shipment | None
) -> ShippedDefinition | None:
    if shipment is None or experiment.status not in OUT:
        return None
    return shipped_definition(
        design,
        variant=shipment.variant,
        holdback=shipment.holdback,
        share=shipment.share,
        measured=shipment.holdback_phase_id is not None,
    )


def _variant(treatment: TreatmentKind, arm: ArmDesign) -> VariantDefinition:
    return VariantDefinition(
        key=arm.key,
        weight=arm.weight,
        is_control=arm.is_control,
        payload=arm.payload,
        value=served_value(treatment, arm.payload),
    )


def _serving(experiment: Experiment, phase: Phase, *, killed: bool) -> Serving:
    """A pause of enrolment splits on: it only closes the analysis to newcomers."""
    if killed:
        return Serving.KILLED
    if experiment.status in OUT:
        return Serving.SPLIT
    if phase.ended_at is not None or experiment.status in {
        ExperimentStatus.STOPPED,
        ExperimentStatus.DECIDED,
    }:
        return Serving.STOPPED
    paused = [pause for pause in phase.pauses if pause["until"] is None]
    if any(pause["mode"] == PauseMode.PAUSE_SERVING for pause in paused):
        return Serving.PAUSED
    return Serving.SPLIT


async def _live(session: AsyncSession, environment_id: UUID) -> _Live:
    thrown = await session.exec(
        select(KillSwitch).where(
            KillSwitch.environment_id == environment_id,
            col(KillSwitch.released_at).is_(None),
        )
    )
    targets: dict[SwitchScope, set[UUID | None]] = defaultdict(set)
    for switch in thrown.all():
        targets[switch.scope].add(switch.target_id)
    experiments = {each for each in targets[SwitchScope.EXPERIMENT] if each}
    layers = {each for each in targets[SwitchScope.LAYER] if each}
    return _Live(
        switched_off=frozenset(experiments),
        layers_off=await _layer_keys(session, layers),
        all_off=bool(targets[SwitchScope.ALL]),
        overrides=await _overrides(session, environment_id),
        sticky=await _sticky(session, environment_id),
    )


async def _layer_keys(session: AsyncSession, ids: Collection[UUID]) -> frozenset[str]:
    """A phase remembers its layer by key, which a project never gives away again."""
    if not ids:
        return frozenset()
    found = await session.exec(select(Layer.key).where(col(Layer.id).in_(ids)))
    return frozenset(found.all())


async def _overrides(
    session: AsyncSession, environment_id: UUID
) -> Mapping[UUID, Kept]:
    found = await session.exec(
        select(
            Override.experiment_id,
            Override.kind,
            Override.subject_id,
            Override.variant_key,
        )
        .where(Override.environment_id == environment_id)
        .order_by(col(Override.created_at).desc(), col(Override.id).desc())
        .limit(MAX_OVERRIDES)
    )
    return _kept(found.all())


async def _sticky(session: AsyncSession, environment_id: UUID) -> Mapping[UUID, Kept]:
    """Only of phases that give somebody something else than the control."""
    found = await session.exec(
        select(
            StickyAssignment.phase_id,
            StickyAssignment.kind,
            StickyAssignment.subject_id,
            StickyAssignment.variant_key,
        )
        .where(
            StickyAssignment.environment_id == environment_id,
            col(StickyAssignment.variant_key).is_not(None),
            col(StickyAssignment.phase_id) == Phase.id,
            col(Phase.experiment_id) == Experiment.id,
            or_(col(Phase.ended_at).is_(None), col(Experiment.status).in_(OUT)),
        )
        .order_by(
            col(StickyAssignment.revision).desc(), col(StickyAssignment.id).desc()
        )
        .limit(MAX_STICKY)
    )
    return _kept(found.all())


def _kept(
    rows: Iterable[tuple[UUID, str, str, str | None]],
) -> Mapping[UUID, Kept]:
    kept: dict[UUID, dict[str, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    for owner, kind, subject_id, variant_key in rows:
        if variant_key is not None:
            kept[owner][_ATTRIBUTES[kind]][subject_id] = variant_key
    return kept
