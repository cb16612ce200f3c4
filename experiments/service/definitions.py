"""What an environment serves, in memory: loaded once, reloaded when it changes."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlmodel import col, select

from core.database import AsyncSession, Sessions
from experiments import queries
from experiments.assignment.definitions import (
    PhaseDefinition,
    Serving,
    Snapshot,
    VariantDefinition,
)
from experiments.drafts import Draft
from experiments.lifecycle import SERVED, ExperimentStatus, PauseMode
from experiments.models import DefinitionsVersion, Experiment, Phase
from experiments.treatments import served_value

POLL_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Definitions:
    """The snapshots of the environments that somebody asked about.

    A snapshot is read from memory. `follow` polls one small table and reloads what
    changed; `refresh` does it at once, after a local write. While the database is
    away the last snapshots are served.
    """

    def __init__(self, readers: Sessions) -> None:
        self._readers = readers
        self._snapshots: dict[UUID, Snapshot] = {}
        self._loading = asyncio.Lock()

    async def snapshot(self, environment_id: UUID) -> Snapshot:
        """What the environment serves; only the first call touches the database."""
        found = self._snapshots.get(environment_id)
        if found is not None:
            return found
        async with self._loading:
            found = self._snapshots.get(environment_id)
            if found is None:
                async with self._readers() as session:
                    found = await load(session, environment_id)
                self._snapshots[environment_id] = found
            return found

    async def refresh(self) -> int:
        """Reload the environments whose version moved; returns how many."""
        async with self._loading:
            known = list(self._snapshots)
            if not known:
                return 0
            async with self._readers() as session:
                versions = await versions_of(session, known)
                stale = [
                    environment_id
                    for environment_id in known
                    if versions.get(environment_id, 0)
                    != self._snapshots[environment_id].version
                ]
                for environment_id in stale:
                    self._snapshots[environment_id] = await load(
                        session, environment_id
                    )
            return len(stale)

    async def follow(self) -> None:
        """Poll until cancelled, so that other processes' changes are seen."""
        while True:
            try:
                await self.refresh()
            except Exception as error:
                # Whatever it was, to stop following would serve stale splits for ever.
                _log.warning("definitions_not_refreshed: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)


async def versions_of(
    session: AsyncSession, environment_ids: Sequence[UUID]
) -> Mapping[UUID, int]:
    """The definitions' version of each environment that ever served anything."""
    found = await session.exec(
        select(DefinitionsVersion).where(
            col(DefinitionsVersion.environment_id).in_(environment_ids)
        )
    )
    return {row.environment_id: row.version for row in found.all()}


async def load(session: AsyncSession, environment_id: UUID) -> Snapshot:
    """Compile what the environment serves now.

    The version is read first: a change in between is loaded once more, never missed.
    """
    versions = await versions_of(session, [environment_id])
    found = await session.exec(
        select(Experiment, Phase)
        .where(
            col(Phase.experiment_id) == Experiment.id,
            Phase.environment_id == environment_id,
            col(Experiment.status).in_(SERVED),
            col(Phase.imported).is_(False),
        )
        .order_by(col(Phase.number))
    )
    latest = {experiment.id: (experiment, phase) for experiment, phase in found.all()}
    drafts = await queries.drafts_of(session, [e for e, _ in latest.values()])
    definitions = tuple(
        _definition(drafts[experiment.id], phase)
        for experiment, phase in latest.values()
    )
    return Snapshot.of(versions.get(environment_id, 0), definitions)


def _definition(draft: Draft, phase: Phase) -> PhaseDefinition:
    experiment = draft.experiment
    return PhaseDefinition(
        experiment_id=experiment.id,
        experiment_key=experiment.key,
        treatment=experiment.treatment,
        phase_id=phase.id,
        number=phase.number,
        version=phase.version,
        unit=experiment.unit,
        seed=phase.seed,
        coverage=phase.coverage,
        condition=experiment.targeting,
        variants=tuple(
            VariantDefinition(
                key=variant.key,
                weight=variant.weight,
                is_control=variant.is_control,
                payload=variant.payload,
                value=served_value(experiment.treatment, variant.payload),
            )
            for variant in draft.variants
        ),
        serving=_serving(experiment, phase),
    )


def _serving(experiment: Experiment, phase: Phase) -> Serving:
    """A pause of enrolment splits on: it only closes the analysis to newcomers."""
    if phase.ended_at is not None or experiment.status in {
        ExperimentStatus.STOPPED,
        ExperimentStatus.DECIDED,
    }:
        return Serving.STOPPED
    paused = [pause for pause in phase.pauses if pause["until"] is None]
    if any(pause["mode"] == PauseMode.PAUSE_SERVING for pause in paused):
        return Serving.PAUSED
    return Serving.SPLIT
