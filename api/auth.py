"""Who is asking: an API key, a signed-in member, or nobody."""

import hashlib
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from api.callers import Caller, CallerKind, by_member, demo_admin, with_key
from api.flights import Flights
from api.problems import unavailable
from core import keys, signin
from core.database import AsyncSession, Sessions, Unreachable
from core.keyring import Keyring, KnownKey
from core.reach import Reach
from core.settings import Settings
from core.tenancy import Environment

__all__ = [
    "COOKIE",
    "ENVIRONMENT_HEADER",
    "MAX_CREDENTIAL",
    "PROJECT_HEADER",
    "SUBJECT_HEADER",
    "Caller",
    "CallerKind",
    "Credentials",
    "Gate",
    "bearer",
    "credentials_of",
    "is_loopback",
]

COOKIE = "hone_session"
PROJECT_HEADER = "x-hone-project"
ENVIRONMENT_HEADER = "x-hone-environment"
SUBJECT_HEADER = "x-hone-subject"
_FRESH_SECONDS = 2.0
_RENEWED_AFTER_SECONDS = 1.0
"""An answer this old is still used, and asked for anew beside the request."""
_MAX_CACHED = 4096
MAX_CREDENTIAL = 512


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a request carries to say who sends it; never printed."""

    key: str = ""
    cookie: str = ""
    project: str = ""
    environment: str = ""
    loopback: bool = False
    unreadable: bool = False
    """Whether it carries something in a key's place that is none."""

    @property
    def shown(self) -> bool:
        """Whether there is any credential, good or not."""
        return bool(self.key or self.cookie or self.unreadable)

    def digest(self) -> bytes:
        """A name for these credentials that gives none of them away."""
        if self.key:
            # Of what comes with a key only the environment counts.
            named = (self.key, self.environment)
            key, environment = (text.encode("utf-8", "replace") for text in named)
            return _digest(key, environment)
        parts = (self.key, self.cookie, self.project, self.environment, self.loopback)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).digest()


def credentials_of(connection: HTTPConnection) -> Credentials:
    """The credentials in a request's headers and cookies."""
    headers = connection.headers
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else ""
    key = key or headers.get("x-api-key", "")
    # Beside a key, nothing that a browser adds by itself counts.
    own = not key and _from_own_page(headers)
    return Credentials(
        key=key[:MAX_CREDENTIAL],
        cookie=connection.cookies.get(COOKIE, "")[:MAX_CREDENTIAL] if own else "",
        project=headers.get(PROJECT_HEADER, "")[:64],
        environment=headers.get(ENVIRONMENT_HEADER, "")[:64],
        loopback=own and _is_local(connection),
        unreadable=not key and ("authorization" in headers or "x-api-key" in headers),
    )


def _from_own_page(headers: Headers) -> bool:
    """Whether no other site's page made the browser send this.

    What a browser adds by itself (a cookie, its place on this machine) counts only
    then; a key counts from anywhere, because a page has to hold it to send it.
    """
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return origin.partition("://")[2].lower() == headers.get("host", "").lower()


def _is_local(connection: HTTPConnection) -> bool:
    """Whether a program on this machine asks, by this machine's own name.

    The name matters: a hostile page may have its own name resolve to 127.0.0.1.
    """
    client, headers = connection.client, connection.headers
    name = re.sub(r":\d+$", "", headers.get("host", "")).strip("[]").lower()
    forwarded = "x-forwarded-for" in headers or "forwarded" in headers
    named = is_loopback(name) and not forwarded
    return named and client is not None and is_loopback(client.host)


def is_loopback(host: str) -> bool:
    """Whether an address or host name stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def bearer(authorization: bytes) -> bytes:
    """The key in the bytes of an Authorization header; empty if it holds none."""
    if authorization[:7].lower() != b"bearer ":
        return b""
    return authorization[7:].strip()


def _digest(key: bytes, environment: bytes) -> bytes:
    return hashlib.sha256(key + b"\0" + environment).digest()


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer of the gate: used as it is at first, later only in need."""

    caller: Caller | None
    fresh_until: float
    confirmed_at: float

    def is_due(self, now: float) -> bool:
        """Whether it is time to ask anew, so that nobody has to wait for it later."""
        return now >= self.fresh_until - _FRESH_SECONDS + _RENEWED_AFTER_SECONDS


class Gate:
    """Finds callers, and remembers each answer for at most two seconds.

    An answer in use is renewed before that, and once for all who use it: a busy key
    costs a look-up a second, and none of its requests waits for one.

    `caller` is the whole of it. `known` is its fast path: without waiting, and only
    for a key that was asked about less than two seconds ago.

    While the database is away keys, not sessions, go on from memory: what this
    process was told last, else what was live when all keys were read last. A key
    that was seen revoked stays so.
    """

    def __init__(
        self,
        readers: Sessions,
        settings: Settings,
        *,
        reach: Reach | None = None,
        ring: Keyring | None = None,
    ) -> None:
        self._readers = readers
        self._reach = reach or Reach()
        self._stale_seconds = settings.keys_stale_seconds
        self.ring = ring or Keyring(
            readers, reach=self._reach, stale_seconds=self._stale_seconds
        )
        self._demo = (
            settings.demo_admin
            and not settings.production
            and is_loopback(settings.host)
        )
        self._known: OrderedDict[bytes, _Seen] = OrderedDict()
        self._flights = Flights[bytes, _Seen]()

    async def close(self) -> None:
        """Ask nothing more."""
        await self._flights.close()

    def known(self, key: bytes, environment: bytes = b"") -> Caller | None:
        """The caller with this key, if a fresh answer is at hand; None: use `caller`.

        `key` is `bearer(...)` of the raw Authorization header, or the raw X-Api-Key;
        `environment` is the raw X-Hone-Environment. Costs one SHA-256 of some 60
        bytes. A key that opens nothing is None as well: `caller` then says so.
        """
        digest = _digest(key, environment)
        seen, now = self._known.get(digest), time.monotonic()
        if seen is None or now >= seen.fresh_until:
            return None
        if seen.is_due(now):
            texts = key.decode("latin-1"), environment.decode("latin-1")
            self._renew(digest, Credentials(key=texts[0], environment=texts[1]))
        return seen.caller

    async def caller(self, credentials: Credentials) -> Caller | None:
        """Who sends these credentials; None means nobody we know.

        Raises:
            Refused: UNAVAILABLE: only the database could tell, and it is away.
        """
        if not (credentials.key or credentials.cookie or self._is_demo(credentials)):
            return None
        digest = credentials.digest()
        seen, now = self._known.get(digest), time.monotonic()
        if seen is None or now >= seen.fresh_until:
            seen = await self._flights.join(
                digest, lambda: self._ask(digest, credentials)
            )
        elif seen.is_due(now):
            self._renew(digest, credentials)
        return seen.caller

    def _renew(self, digest: bytes, credentials: Credentials) -> None:
        self._flights.begin(digest, lambda: self._ask(digest, credentials))

    async def _ask(self, digest: bytes, credentials: Credentials) -> _Seen:
        seen, asked = self._known.get(digest), time.monotonic()
        try:
            # Nobody waits for an absent database whose answer is known without it.
            async with self._reach.asking(anyway=not credentials.key):
                found = await self.look_up(credentials)
        except Unreachable:
            seen = self._in_need(credentials, seen)
        else:
            seen = _Seen(found, asked + _FRESH_SECONDS, asked)
        self._known[digest] = seen
        self._known.move_to_end(digest)
        while len(self._known) > _MAX_CACHED:
            self._known.popitem(last=False)
        return seen

    async def look_up(self, credentials: Credentials) -> Caller | None:
        """The same, asked of the database now."""
        place = {
            "project": credentials.project,
            "environment": credentials.environment,
        }
        async with self._readers() as session:
            if credentials.key:
                return await self._by_key(session, credentials)
            if credentials.cookie:
                member = await signin.member_of(session, credentials.cookie)
                if member is not None:
                    return await by_member(session, member, **place)
            if self._is_demo(credentials):
                return await demo_admin(session, **place)
        return None

    def _is_demo(self, credentials: Credentials) -> bool:
        """Whether it is the demo's administrator: only who shows no credential is."""
        return self._demo and credentials.loopback and not credentials.shown

    async def _by_key(
        self, session: AsyncSession, credentials: Credentials
    ) -> Caller | None:
        key = await keys.find(session, credentials.key)
        if key is None:
            self.ring.forget(credentials.key)
            return None
        environment = await session.get_one(Environment, key.environment_id)
        known = KnownKey.of(key, environment)
        self.ring.learn(known)
        return with_key(known, credentials.environment)

    def _in_need(self, credentials: Credentials, seen: _Seen | None) -> _Seen:
        """What was known last of a key: the answer it got, or the ring if newer.

        A session is nothing without the database, nor is a key never seen before.
        """
        now = time.monotonic()
        if not credentials.key:
            raise unavailable()
        read_at = now - self.ring.age_seconds
        fresh_until = now + _FRESH_SECONDS
        if seen is not None and seen.confirmed_at > max(
            read_at, now - self._stale_seconds
        ):
            return _Seen(seen.caller, fresh_until, seen.confirmed_at)
        known = self.ring.find(credentials.key)
        if known is not None:
            caller = with_key(known, credentials.environment)
            return _Seen(caller, fresh_until, read_at)
        if keys.prefix_of(credentials.key) and not self.ring.knows(credentials.key):
            raise unavailable()
        return _Seen(None, fresh_until, read_at)
