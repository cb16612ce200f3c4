"""The last snapshot of each environment on disk, for a start without the database."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from uuid import UUID

import msgspec

from core.kept_file import KeptFile
from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    PhaseDefinition,
    Prerequisite,
    ShippedDefinition,
    Snapshot,
    VariantDefinition,
)
from experiments.service.definitions import KeptSnapshot

RENEW_SECONDS = 300.0
"""The same snapshot is written again this often: a file's age then means something."""

LINKS_SECONDS = 10.0
"""A snapshot of which only links moved is written no more often than this."""

RETRY_SECONDS = 10.0

_log = logging.getLogger("hone.definitions")


@dataclass(frozen=True, slots=True)
class _Written:
    version: int
    links: int
    phases: list[PhaseDefinition]


def _shape() -> str:
    """Another release's definitions are not read as if they were this one's."""
    kinds = (
        PhaseDefinition,
        VariantDefinition,
        LayerSlots,
        HoldoutDefinition,
        Prerequisite,
        ShippedDefinition,
    )
    said = [
        f"{kind.__name__}.{f.name}: {f.type}" for kind in kinds for f in fields(kind)
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


_FORMAT = f"2-{_shape()}"
_DECODER = msgspec.json.Decoder(_Written)


@dataclass(frozen=True, slots=True)
class _HandedIn:
    """What is on its way to the disk, or there."""

    snapshot: Snapshot
    revision: int
    at: float


class SnapshotFiles:
    """One file for each environment, written in the background."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._last: dict[UUID, _HandedIn] = {}
        self._waiting: dict[UUID, tuple[Snapshot, bool]] = {}
        self._writing: asyncio.Task[None] | None = None

    def keep(self, environment_id: UUID, snapshot: Snapshot) -> None:
        """Write it down, unless it was lately. One that is overtaken is passed over."""
        now, revision = time.monotonic(), snapshot.links.revision
        last = self._last.get(environment_id)
        again = False
        if last is not None and last.snapshot is snapshot:
            again = last.revision == revision
            if now < last.at + (RENEW_SECONDS if again else LINKS_SECONDS):
                return
        self._last[environment_id] = _HandedIn(snapshot, revision, now)
        self._waiting[environment_id] = (snapshot, again)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._drain())

    async def kept(self, environment_id: UUID) -> KeptSnapshot | None:
        """What was written last, compiled again."""
        return await asyncio.to_thread(self._read, environment_id)

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writing is not None:
            await self._writing

    async def _drain(self) -> None:
        while self._waiting:
            environment_id, (snapshot, again) = self._waiting.popitem()
            # Links move in this loop only, so they are copied in it.
            phases = [phase.as_it_is() for phase in snapshot.phases.values()]
            written = _Written(snapshot.version, snapshot.links.revision, phases)
            try:
                await asyncio.to_thread(self._write, environment_id, written, again)
            except Exception as error:
                # A full disk may stop a later start, but not what is served now.
                _log.warning("definitions_not_kept: %s", type(error).__name__)
                at = time.monotonic() + RETRY_SECONDS - RENEW_SECONDS
                revision = snapshot.links.revision
                self._last[environment_id] = _HandedIn(snapshot, revision, at)

    def _write(self, environment_id: UUID, written: _Written, again: bool) -> None:
        content = msgspec.json.encode(written, enc_hook=_plain)
        self._file(environment_id).write(content, again=again)

    def _read(self, environment_id: UUID) -> KeptSnapshot | None:
        kept = self._file(environment_id).read()
        if kept is None:
            return None
        try:
            written = _DECODER.decode(kept.content)
            snapshot = Snapshot.of(written.version, written.phases, written.links)
        except Exception as error:
            # Whatever is wrong with it, to serve nothing is what its absence means.
            _log.warning("kept_definitions_ignored: %s", type(error).__name__)
            return None
        return KeptSnapshot(snapshot, kept.age_seconds)

    def _file(self, environment_id: UUID) -> KeptFile:
        path = self._folder / f"{environment_id}.json"
        return KeptFile(path, "definitions", _FORMAT)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(type(value).__name__)
