"""What an environment serves, in memory: loaded once, reloaded when it changes."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from core.database import Sessions, Unreachable
from core.reach import Reach
from experiments.assignment.definitions import Snapshot
from experiments.service.loading import (
    NEVER,
    has_room,
    links_since,
    load,
    versions_of,
)

POLL_SECONDS = 1.0
LOAD_SECONDS = 20.0
_BREATH_SECONDS = 0.02
"""Between two rounds, so that a burst of announcements is answered by one."""

_log = logging.getLogger("hone.definitions")


class Channel(Protocol):
    """Tells the other processes that something changed. Only ever a hint."""

    def announce(self) -> None:
        """Say so, in the background. Never blocks and never fails."""

    async def listen(self, heard: Callable[[], None]) -> None:
        """Call `heard` when somebody said so, until cancelled."""


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot from before this process began."""

    snapshot: Snapshot
    age_seconds: float
    """Since it was known to be what the database says."""


class Keeper(Protocol):
    """Keeps the last snapshot of each environment where a restart finds it."""

    def keep(self, environment_id: UUID, snapshot: Snapshot) -> None:
        """Write it down in the background. Never fails; costs nothing when it was."""

    async def kept(self, environment_id: UUID) -> KeptSnapshot | None:
        """What was written down last; None if nothing of use was."""


class Silence:
    """Nobody is told and nobody is heard: polling finds everything."""

    def announce(self) -> None:
        """Do nothing."""

    async def listen(self, heard: Callable[[], None]) -> None:
        """Wait for nothing."""
        await asyncio.Event().wait()


class Definitions:
    """The snapshots of the environments that somebody asked about.

    Reading: `held` is synchronous and None until somebody has awaited `snapshot`.
    A snapshot never changes, its links apart; whatever is derived from its phases and
    decisions may be cached for as long as `held(environment) is snapshot`.

    Listening: `changes` yields the snapshot now and whenever another one replaces
    it or its links move; `subscribe` calls a function instead, and not for links.
    Both hear of a publish by this process at once, by another one within
    `POLL_SECONDS` plus the load (sooner where there is a channel). Nobody else needs
    to poll.

    Following: `follow` polls one small table, listens to the channel, and reloads
    what moved. After a local write, `refresh` does it at once and tells the others.

    While the database is away the last snapshots are served; an environment that
    was never asked about is then taken from the keeper.
    """

    def __init__(
        self,
        readers: Sessions,
        *,
        reach: Reach | None = None,
    ) -> None:
        self._readers = readers
        self._reach = reach or Reach()
        self._channel: Channel = Silence()
        self._keeper: Keeper | None = None
        self._snapshots: dict[UUID, Snapshot] = {}
        self._current_at: dict[UUID, float] = {}
        """When the database last said that the snapshot is what it says."""
        self._unconfirmed: set[UUID] = set()
        """Served from the keeper; the database has not been asked yet."""
        self._loading = asyncio.Lock()
        self._told = asyncio.Event()
        self._turned: dict[UUID, asyncio.Event] = {}
        self._listeners: dict[UUID, list[Callable[[Snapshot], None]]] = defaultdict(
            list
        )

    def __len__(self) -> int:
        """How many environments are in memory."""
        return len(self._snapshots)

    def connect(self, channel: Channel, keeper: Keeper) -> None:
        """Give a serving process its way to the others, and its memory on disk."""
        self._channel, self._keeper = channel, keeper

    @property
    def age_seconds(self) -> float | None:
        """Since all that is served was what the database says; None without any."""
        if not self._current_at:
            return None
        return time.monotonic() - min(self._current_at.values())

    def held(self, environment_id: UUID) -> Snapshot | None:
        """What the environment serves, if it is in memory; costs one look-up."""
        return self._snapshots.get(environment_id)

    async def snapshot(self, environment_id: UUID) -> Snapshot:
        """What the environment serves; only the first call touches the database.

        Raises:
            Unreachable: The database is away, and nothing was kept.
        """
        found = self._snapshots.get(environment_id)
        if found is not None:
            return found
        async with self._loading:
            found = self._snapshots.get(environment_id)
            if found is None:
                found = await self._first(environment_id)
            return found

    async def changes(self, environment_id: UUID) -> AsyncGenerator[Snapshot]:
        """Yield the snapshot now, and each later one as soon as it is in memory.

        A slow listener passes over those that another one has overtaken. A new
        snapshot, or one whose links moved, may serve the same as the last: compare
        what you send.
        """
        seen: tuple[Snapshot, int] | None = None
        while True:
            turned = self._turned.setdefault(environment_id, asyncio.Event())
            found = await self.snapshot(environment_id)
            if (now := (found, found.links.revision)) == seen:
                await turned.wait()
            else:
                seen = now
                yield found

    def subscribe(
        self, environment_id: UUID, heard: Callable[[Snapshot], None]
    ) -> Callable[[], None]:
        """Call `heard` with each later snapshot; the answer ends it.

        It runs in the event loop between two steps: it must be quick. The
        environment is followed once somebody has asked for its snapshot.
        """
        listeners = self._listeners[environment_id]
        listeners.append(heard)

        def leave() -> None:
            with suppress(ValueError):
                listeners.remove(heard)

        return leave

    async def refresh(self) -> int:
        """After a local write: reload what moved, here and in every other process.

        Returns how many environments moved here. The write is done whatever happens
        now, so what goes wrong is left to the next poll.
        """
        self._channel.announce()
        moved = await self._round()
        if moved is None:
            self._told.set()
        return moved or 0

    async def catch_up(self) -> int:
        """Reload the environments whose version moved, and links; returns how many.

        Raises:
            Unreachable: The database is away.
        """
        async with self._loading:
            known = list(self._snapshots)
            asked = time.monotonic()
            stale, relinked = await self._stale(known)
            for environment_id, revision in relinked.items():
                await self._relink(environment_id, revision)
            for environment_id in known:
                if environment_id not in stale:
                    self._is_current(environment_id, asked)
            for environment_id in stale:
                await self._load(environment_id)
            return len(stale) + len(relinked)

    async def follow(self) -> None:
        """Catch up until cancelled: when told to, and once a second for certain."""
        listening = asyncio.create_task(self._channel.listen(self._told.set))
        try:
            while True:
                self._told.clear()
                await self._round()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._told.wait(), POLL_SECONDS)
                    await asyncio.sleep(_BREATH_SECONDS)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _round(self) -> int | None:
        """How many environments moved; None where nobody can say."""
        try:
            return await self.catch_up()
        except Unreachable:
            _log.debug("The database is away; serving what is in memory")
        except Exception as error:
            # Whatever it was, to stop following would serve stale splits for ever.
            _log.warning("definitions_not_refreshed: %s", type(error).__name__)
        return None

    async def _stale(self, known: Sequence[UUID]) -> tuple[list[UUID], dict[UUID, int]]:
        """Which of them moved, and in which only links did: to which revision.

        Asked even of none, to learn whether one may ask.
        """
        async with self._reach.asking(anyway=True), self._readers() as session:
            versions = await versions_of(session, known)
        stale: list[UUID] = []
        relinked: dict[UUID, int] = {}
        for environment_id in known:
            held = self._snapshots[environment_id]
            version, links = versions.get(environment_id, NEVER)
            if environment_id in self._unconfirmed or version != held.version:
                stale.append(environment_id)
            elif links != held.links.revision:
                relinked[environment_id] = links
        return stale, relinked

    async def _relink(self, environment_id: UUID, revision: int) -> None:
        """Read on where the links moved: that costs what is new."""
        held = self._snapshots[environment_id]
        async with self._reach.asking(anyway=True), self._readers() as session:
            changes, last = await links_since(
                session, environment_id, held.links.revision
            )
        if not has_room(held, changes):
            # The newest of all are read anew, as at a start; the oldest go.
            await self._load(environment_id)
            return
        held.links.take(changes, max(revision, last))
        self._wake(environment_id)

    async def _first(self, environment_id: UUID) -> Snapshot:
        try:
            # A short question tells whether the database is there: a load is given
            # so long that nobody should wait for one that cannot come.
            async with self._reach.asking(), self._readers() as session:
                await versions_of(session, [environment_id])
            return await self._load(environment_id)
        except Unreachable:
            kept = await self._keeper.kept(environment_id) if self._keeper else None
            if kept is None:
                raise
            self._unconfirmed.add(environment_id)
            self._current_at[environment_id] = time.monotonic() - kept.age_seconds
            return self._turn(environment_id, kept.snapshot)

    async def _load(self, environment_id: UUID) -> Snapshot:
        asked = time.monotonic()
        async with (
            self._reach.asking(anyway=True, patience=LOAD_SECONDS),
            self._readers() as session,
        ):
            found = await load(session, environment_id)
        self._unconfirmed.discard(environment_id)
        self._turn(environment_id, found)
        self._is_current(environment_id, asked)
        return found

    def _is_current(self, environment_id: UUID, asked: float) -> None:
        self._current_at[environment_id] = asked
        if self._keeper is not None:
            self._keeper.keep(environment_id, self._snapshots[environment_id])

    def _turn(self, environment_id: UUID, snapshot: Snapshot) -> Snapshot:
        self._snapshots[environment_id] = snapshot
        self._wake(environment_id)
        for heard in tuple(self._listeners.get(environment_id, ())):
            try:
                heard(snapshot)
            except Exception:
                _log.exception("A listener to definitions failed")
        return snapshot

    def _wake(self, environment_id: UUID) -> None:
        turned = self._turned.pop(environment_id, None)
        if turned is not None:
            turned.set()
