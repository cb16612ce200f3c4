"""Who is asking: an API key, a signed-in member, or nobody."""

import hashlib
import re
import time
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from uuid import UUID

from sqlmodel import col, select
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from api.policies import ANYBODY, Policy, of_member, of_server_key
from core import keys, signin
from core.audit import Actor, ActorKind
from core.database import AsyncSession, Sessions
from core.keys import KeyKind
from core.settings import Settings
from core.tenancy import Environment, Member, Project, Role, environment_by_key

COOKIE = "hone_session"
PROJECT_HEADER = "x-hone-project"
ENVIRONMENT_HEADER = "x-hone-environment"
SUBJECT_HEADER = "x-hone-subject"
_FRESH_SECONDS = 2.0
_MAX_CACHED = 4096
MAX_CREDENTIAL = 512


class CallerKind(StrEnum):
    """What kind of credential a caller holds."""

    CLIENT = "CLIENT"
    SERVER = "SERVER"
    MEMBER = "MEMBER"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, in which project and environment, and what they may do."""

    kind: CallerKind
    project_id: UUID
    environment_id: UUID
    role: Role
    actor: Actor

    @property
    def capabilities(self) -> frozenset[Policy]:
        """The policies that this caller meets."""
        if self.kind is CallerKind.CLIENT:
            return ANYBODY
        if self.kind is CallerKind.SERVER:
            return of_server_key(self.role)
        return of_member(self.role)

    @property
    def may_introspect(self) -> bool:
        """Whether the caller may read the schema and send queries by GET."""
        return self.kind is not CallerKind.CLIENT


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What a request carries to say who sends it; never printed."""

    key: str = ""
    cookie: str = ""
    project: str = ""
    environment: str = ""
    loopback: bool = False

    def digest(self) -> bytes:
        """A name for these credentials that gives none of them away."""
        parts = (self.key, self.cookie, self.project, self.environment, self.loopback)
        return hashlib.sha256(repr(parts).encode("utf-8", "replace")).digest()


def credentials_of(connection: HTTPConnection) -> Credentials:
    """The credentials in a request's headers and cookies."""
    headers = connection.headers
    scheme, _, token = headers.get("authorization", "").partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    own = _from_own_page(headers)
    return Credentials(
        key=key[:MAX_CREDENTIAL],
        cookie=connection.cookies.get(COOKIE, "")[:MAX_CREDENTIAL] if own else "",
        project=headers.get(PROJECT_HEADER, "")[:64],
        environment=headers.get(ENVIRONMENT_HEADER, "")[:64],
        loopback=own and _is_local(connection),
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


class Gate:
    """Finds callers, and remembers each answer for at most two seconds."""

    def __init__(self, readers: Sessions, settings: Settings) -> None:
        self._readers = readers
        self._demo = (
            settings.demo_admin
            and not settings.production
            and is_loopback(settings.host)
        )
        self._known: OrderedDict[bytes, tuple[float, Caller | None]] = OrderedDict()

    async def caller(self, credentials: Credentials) -> Caller | None:
        """Who sends these credentials; None means nobody we know."""
        digest = credentials.digest()
        known = self._known.get(digest)
        if known is not None and time.monotonic() - known[0] < _FRESH_SECONDS:
            return known[1]
        asked = time.monotonic()
        found = await self.look_up(credentials)
        self._known[digest] = (asked, found)
        self._known.move_to_end(digest)
        while len(self._known) > _MAX_CACHED:
            self._known.popitem(last=False)
        return found

    async def look_up(self, credentials: Credentials) -> Caller | None:
        """The same, asked of the database now."""
        async with self._readers() as session:
            if credentials.key:
                return await _by_key(session, credentials)
            if credentials.cookie:
                member = await signin.member_of(session, credentials.cookie)
                if member is not None:
                    return await _by_member(session, member, credentials)
            if self._demo and credentials.loopback:
                return await _demo_admin(session, credentials)
        return None


async def _by_key(session: AsyncSession, credentials: Credentials) -> Caller | None:
    key = await keys.find(session, credentials.key)
    if key is None:
        return None
    environment = await session.get_one(Environment, key.environment_id)
    wanted = credentials.environment or environment.key
    if wanted not in (environment.key, str(environment.id)):
        return None
    client = key.kind is KeyKind.CLIENT
    return Caller(
        kind=CallerKind.CLIENT if client else CallerKind.SERVER,
        project_id=environment.project_id,
        environment_id=environment.id,
        role=key.role,
        actor=Actor(ActorKind.KEY, key.id, key.name),
    )


async def _by_member(
    session: AsyncSession, member: Member, credentials: Credentials
) -> Caller | None:
    """A session belongs to the member it was opened for, and so to one project.

    An e-mail address proves nothing: every project's administrators may write down
    anybody's, and are shown the link.
    """
    if credentials.project:
        project = await session.get_one(Project, member.project_id)
        if credentials.project != project.key:
            return None
    actor = Actor(ActorKind.MEMBER, member.id, member.name or member.email)
    return await _in_environment(
        session, member.project_id, member.role, actor, credentials.environment
    )


async def _demo_admin(session: AsyncSession, credentials: Credentials) -> Caller | None:
    statement = select(Project).order_by(col(Project.created_at), col(Project.id))
    if credentials.project:
        statement = statement.where(Project.key == credentials.project)
    project = (await session.exec(statement.limit(1))).first()
    if project is None:
        return None
    admins = await session.exec(
        select(Member)
        .where(
            Member.project_id == project.id,
            Member.role == Role.ADMIN,
            col(Member.revoked_at).is_(None),
        )
        .order_by(col(Member.created_at), col(Member.id))
        .limit(1)
    )
    admin = admins.first()
    actor = Actor(ActorKind.OPERATOR, None, "demo administrator")
    if admin is not None:
        actor = Actor(ActorKind.MEMBER, admin.id, admin.name or admin.email)
    return await _in_environment(
        session, project.id, Role.ADMIN, actor, credentials.environment
    )


async def _in_environment(
    session: AsyncSession, project_id: UUID, role: Role, actor: Actor, wanted: str
) -> Caller | None:
    if wanted:
        environment = await environment_by_key(session, project_id, wanted)
    else:
        found = await session.exec(
            select(Environment)
            .where(Environment.project_id == project_id)
            .order_by(col(Environment.production).desc(), col(Environment.id))
            .limit(1)
        )
        environment = found.first()
    if environment is None:
        return None
    return Caller(CallerKind.MEMBER, project_id, environment.id, role, actor)
