"""The live keys in memory and on disk, for when the database is away."""

import asyncio
import hmac
import logging
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
from sqlmodel import col, func, select

from core.database import AsyncSession, Sessions, Unreachable
from core.kept_file import KeptFile
from core.keys import ApiKey, KeyKind, hash_secret, prefix_of
from core.reach import Reach
from core.tenancy import Environment, Role

POLL_SECONDS = 10.0
RENEW_SECONDS = 300.0
"""The file's time is renewed this often, so that its age means something."""

MAX_KEYS = 20_000

_ABSENT = "0" * 64
_log = logging.getLogger("hone.keys")


@dataclass(frozen=True, slots=True, repr=False)
class KnownKey:
    """What a look-up of a key finds; never the key's text."""

    id: UUID
    prefix: str
    secret_hash: str
    kind: KeyKind
    role: Role
    name: str
    environment_id: UUID
    environment_key: str
    project_id: UUID
    allowed_origins: tuple[str, ...] = ()
    payload_key: str | None = None
    remote_only: bool = False

    @classmethod
    def of(cls, key: ApiKey, environment: Environment) -> "KnownKey":
        """A key's row, with its environment's."""
        return cls(
            id=key.id,
            prefix=key.prefix,
            secret_hash=key.secret_hash,
            kind=key.kind,
            role=key.role,
            name=key.name,
            environment_id=environment.id,
            environment_key=environment.key,
            project_id=environment.project_id,
            allowed_origins=tuple(environment.allowed_origins),
            payload_key=key.payload_key,
            remote_only=key.remote_only,
        )


_KEYS = msgspec.json.Decoder(list[KnownKey])

_Stamp = tuple[int, int, datetime | None, datetime | None, int | None]


async def stamp_of(session: AsyncSession) -> _Stamp:
    """Changes with every key and every environment; quicker than to read all.

    The latest times alone would miss a change that was begun before another one, and
    committed after it.
    """
    found = await session.exec(
        select(
            func.count(col(ApiKey.id)),
            func.count(col(ApiKey.revoked_at)),
            func.max(ApiKey.created_at),
            func.max(ApiKey.revoked_at),
        )
    )
    changes = await session.exec(select(func.sum(Environment.version)))
    return *found.one(), changes.one()


async def live_keys(session: AsyncSession) -> list[KnownKey]:
    """Every key that opens something, up to a bound."""
    found = await session.exec(
        select(ApiKey, Environment)
        .where(
            col(ApiKey.environment_id) == Environment.id,
            col(ApiKey.revoked_at).is_(None),
        )
        .order_by(col(ApiKey.id))
        .limit(MAX_KEYS)
    )
    return [KnownKey.of(key, environment) for key, environment in found.all()]


class Keyring:
    """The keys that were live when the database was last asked.

    It opens nothing by itself: whoever looks a key up asks the database first.
    """

    def __init__(
        self,
        readers: Sessions,
        *,
        reach: Reach | None = None,
        stale_seconds: float = 86_400,
    ) -> None:
        self._readers = readers
        self._reach = reach or Reach()
        self._stale_seconds = stale_seconds
        self._file: KeptFile | None = None
        self._keys: dict[str, KnownKey] = {}
        self._confirmed_at = float("-inf")
        self._forgotten = 0
        self._stamp: _Stamp | None = None
        self._kept: _Stamp | None = None
        self._kept_at = float("-inf")

    def __len__(self) -> int:
        """How many keys are known."""
        return len(self._keys)

    @property
    def age_seconds(self) -> float:
        """Since the database was last asked for all of them."""
        return time.monotonic() - self._confirmed_at

    @property
    def _is_usable(self) -> bool:
        return self.age_seconds < self._stale_seconds

    def find(self, text: str) -> KnownKey | None:
        """The key with this text, unless what is known is too old.

        An unknown prefix takes as long as a known one.
        """
        known = self._keys.get(prefix_of(text))
        stored = _ABSENT if known is None else known.secret_hash
        matches = hmac.compare_digest(stored, hash_secret(text))
        return known if matches and self._is_usable else None

    def knows(self, text: str) -> bool:
        """Whether a key with this prefix is known, whatever its secret."""
        return self._is_usable and prefix_of(text) in self._keys

    def environments(self) -> list[UUID]:
        """Those that known keys open."""
        return sorted({key.environment_id for key in self._keys.values()})

    def learn(self, key: KnownKey) -> None:
        """The database just said that this key is live."""
        if len(self._keys) < MAX_KEYS:
            self._keys[key.prefix] = key

    def forget(self, text: str) -> None:
        """The database just said that the key with this text opens nothing."""
        known = self._keys.get(prefix_of(text))
        if known is not None and hmac.compare_digest(
            known.secret_hash, hash_secret(text)
        ):
            del self._keys[known.prefix]
            self._forgotten += 1

    async def restore(self, path: Path) -> None:
        """Take what an earlier process kept there, and keep it there from now on."""
        self._file = KeptFile(path, "keys", "1")
        kept = await asyncio.to_thread(self._file.read)
        if kept is None or kept.age_seconds > self._stale_seconds:
            return
        try:
            keys = _KEYS.decode(kept.content)
        except msgspec.DecodeError as error:
            _log.warning("kept_keys_ignored: %s", type(error).__name__)
            return
        self._keys = {key.prefix: key for key in keys}
        self._confirmed_at = time.monotonic() - kept.age_seconds

    async def follow(self) -> None:
        """Catch up again and again, until cancelled."""
        while True:
            try:
                await self.catch_up()
            except Unreachable:
                _log.debug("The database is away; keys are served from memory")
            except Exception as error:
                # To stop would let what is known grow old for ever.
                _log.warning("keys_not_refreshed: %s", type(error).__name__)
            await asyncio.sleep(POLL_SECONDS)

    async def catch_up(self) -> None:
        """Ask for all keys, and keep them if they changed or the file grew old.

        Raises:
            Unreachable: The database is away.
        """
        await self.refresh()
        due = time.monotonic() - self._kept_at > RENEW_SECONDS
        if self._file is None or self._stamp is None:
            return
        if self._stamp == self._kept and not due:
            return
        stamp, keys = self._stamp, list(self._keys.values())
        content = msgspec.json.encode(keys)
        await asyncio.to_thread(self._file.write, content, again=due)
        self._kept = stamp
        if due:
            self._kept_at = time.monotonic()

    async def refresh(self) -> None:
        """Ask the database for every live key, if any was issued or revoked.

        Raises:
            Unreachable: It is away.
        """
        asked, forgotten = time.monotonic(), self._forgotten
        async with self._reach.asking(anyway=True), self._readers() as session:
            stamp = await stamp_of(session)
            keys = None if stamp == self._stamp else await live_keys(session)
        if forgotten != self._forgotten:
            # One was revoked while this was read, which may not bring it back.
            return
        if keys is not None:
            self._keys, self._stamp = {key.prefix: key for key in keys}, stamp
        self._confirmed_at = asked
