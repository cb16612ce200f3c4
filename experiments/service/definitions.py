"""What an environment serves, in memory: loaded once, reloaded when it changes."""

import asyncio
import logging
from uuid import UUID

from core.database import Sessions
from experiments.assignment.definitions import Snapshot
from experiments.service.loading import load, versions_of

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
