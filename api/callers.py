"""Callers, and how each kind of credential leads to one."""

from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlmodel import col, select

from api.policies import ANYBODY, Policy, of_member, of_server_key
from core.audit import Actor, ActorKind
from core.database import AsyncSession
from core.keyring import KnownKey
from core.keys import KeyKind
from core.origins import Origins, origins_of
from core.tenancy import Environment, Member, Project, Role, environment_by_key


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
    origins: Origins | None = field(default=None, compare=False)
    """Whose pages read what a client key is answered; None: anybody's. A change of it
    makes nobody another caller."""
    payload_key: str | None = field(default=None, repr=False)
    """What a client key's SDK payload is encrypted with."""
    remote_only: bool = False
    """Whether the definitions themselves are not for this client key."""

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


def with_key(key: KnownKey, wanted: str) -> Caller | None:
    """Whoever holds a key, in its environment and in no other."""
    if wanted not in ("", key.environment_key, str(key.environment_id)):
        return None
    client = key.kind is KeyKind.CLIENT
    return Caller(
        kind=CallerKind.CLIENT if client else CallerKind.SERVER,
        project_id=key.project_id,
        environment_id=key.environment_id,
        role=key.role,
        actor=Actor(ActorKind.KEY, key.id, key.name),
        origins=origins_of(key.allowed_origins) if client else None,
        payload_key=key.payload_key,
        remote_only=key.remote_only,
    )


async def by_member(
    session: AsyncSession, member: Member, *, project: str, environment: str
) -> Caller | None:
    """A session belongs to the member it was opened for, and so to one project.

    An e-mail address proves nothing: every project's administrators may write down
    anybody's, and are shown the link.
    """
    if project:
        row = await session.get_one(Project, member.project_id)
        if project != row.key:
            return None
    actor = Actor(ActorKind.MEMBER, member.id, member.name or member.email)
    return await _in_environment(
        session, member.project_id, member.role, actor, environment
    )


async def demo_admin(
    session: AsyncSession, *, project: str, environment: str
) -> Caller | None:
    """The demo's administrator, in the project named or the first there is."""
    statement = select(Project).order_by(col(Project.created_at), col(Project.id))
    if project:
        statement = statement.where(Project.key == project)
    row = (await session.exec(statement.limit(1))).first()
    if row is None:
        return None
    admins = await session.exec(
        select(Member)
        .where(
            Member.project_id == row.id,
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
    return await _in_environment(session, row.id, Role.ADMIN, actor, environment)


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
