"""Projects, their environments, and the people who work in them."""

import re
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel, col, func, select

from core.clock import now
from core.database import AsyncSession, enum_column, json_column, utc_column
from core.ids import new_id
from core.problems import Conflict, Invalid, NotFound

MAX_ENVIRONMENTS = 50
_KEY = re.compile(r"[a-z][a-z0-9-]{0,63}")


class Role(StrEnum):
    """What a member may do; each role may do what the ones before it may."""

    VIEWER = "VIEWER"
    RESEARCHER = "RESEARCHER"
    EDITOR = "EDITOR"
    REVIEWER = "REVIEWER"
    OPERATOR = "OPERATOR"
    ADMIN = "ADMIN"


class Governance(StrEnum):
    """How many people a launch or a decision needs."""

    SOLO = "SOLO"
    TEAM = "TEAM"
    STRICT = "STRICT"


class Project(SQLModel, table=True):
    """The tenant: definitions, feedback and the backlog belong to it."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    key: str = Field(max_length=64, unique=True)
    name: str = Field(max_length=200)
    time_zone: str = Field(default="UTC", max_length=64)
    currency: str = Field(default="USD", max_length=3)
    governance: Governance = enum_column(Governance, default=Governance.SOLO)
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = utc_column()


class Environment(SQLModel, table=True):
    """Development, production: phases, events, responses and keys belong to one."""

    __table_args__ = (UniqueConstraint("project_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    key: str = Field(max_length=64)
    name: str = Field(max_length=200)
    production: bool = False
    subject_secret: str = Field(max_length=64)
    allowed_origins: list[str] = json_column(
        default_factory=list, sa_column_kwargs={"server_default": "[]"}
    )
    """Whose pages read what client keys are answered; empty, anybody's."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = utc_column()


class Member(SQLModel, table=True):
    """A person in a project."""

    __table_args__ = (UniqueConstraint("project_id", "email"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id", index=True)
    email: str = Field(max_length=320)
    name: str = Field(default="", max_length=200)
    role: Role = enum_column(Role)
    revoked_at: datetime | None = utc_column(default=None)
    created_at: datetime = utc_column()


class LastAdmin(Conflict):
    """The project's only administrator cannot become anything else."""

    code = "LAST_ADMIN"


class ProjectKeyTaken(Conflict):
    """Another project already has this key."""

    code = "KEY_TAKEN"


class EnvironmentKeyTaken(Conflict):
    """Another environment of the project already has this key."""

    code = "KEY_TAKEN"


async def create_project(
    session: AsyncSession,
    *,
    key: str,
    name: str,
    secret: str,
    currency: str = "USD",
    project_id: UUID | None = None,
) -> tuple[Project, Environment]:
    """Write down a project and its production environment.

    Seeds of assignment come from the project's id, so a caller that needs the same
    ones everywhere brings its own.

    Raises:
        Invalid: The key is malformed.
        ProjectKeyTaken: Another project already has this key.
    """
    _check_key(key)
    if await project_by_key(session, key) is not None:
        raise ProjectKeyTaken(f"The project key {key} is taken.", path=("key",))
    at = await now(session)
    project = Project(
        id=project_id or new_id(),
        key=key,
        name=name,
        currency=currency,
        created_at=at,
    )
    session.add(project)
    await session.flush()
    environment = Environment(
        project_id=project.id,
        key="production",
        name="Production",
        production=True,
        subject_secret=secret,
        created_at=at,
    )
    session.add(environment)
    await session.flush()
    return project, environment


async def create_environment(
    session: AsyncSession, *, project_id: UUID, key: str, name: str, secret: str
) -> Environment:
    """Give a project one more environment, in which no real people are.

    Raises:
        Invalid: The key is malformed, or the project has as many as it may have.
        EnvironmentKeyTaken: The project has an environment with this key.
    """
    _check_key(key)
    await _hold(session, project_id)
    if await environment_by_key(session, project_id, key) is not None:
        raise EnvironmentKeyTaken(f"The key {key} is taken.", path=("key",))
    counted = await session.exec(
        select(func.count()).where(Environment.project_id == project_id)
    )
    if counted.one() >= MAX_ENVIRONMENTS:
        raise Invalid(f"A project has at most {MAX_ENVIRONMENTS} environments.")
    environment = Environment(
        project_id=project_id,
        key=key,
        name=name,
        subject_secret=secret,
        created_at=await now(session),
    )
    session.add(environment)
    await session.flush()
    return environment


async def project_by_key(session: AsyncSession, key: str) -> Project | None:
    """The project with this key."""
    return (await session.exec(select(Project).where(Project.key == key))).first()


async def environment_by_key(
    session: AsyncSession, project_id: UUID, key: str
) -> Environment | None:
    """The project's environment with this key."""
    found = await session.exec(
        select(Environment).where(
            Environment.project_id == project_id, Environment.key == key
        )
    )
    return found.first()


async def invite(
    session: AsyncSession, *, project_id: UUID, email: str, name: str, role: Role
) -> Member:
    """Add a person to a project, or give the one who is there this role.

    Raises:
        Invalid: The address has no name or no host.
        LastAdmin: Nobody would be left who can let people in.
    """
    address = email.strip().lower()
    name_part, _, host = address.rpartition("@")
    if not name_part or not host or any(letter.isspace() for letter in address):
        raise Invalid("An e-mail address is name@host.", path=("email",))
    await _hold(session, project_id)
    found = await session.exec(
        select(Member).where(Member.project_id == project_id, Member.email == address)
    )
    member = found.first()
    if member is not None and role is not Role.ADMIN:
        await _leave_an_admin(session, member)
    if member is None:
        member = Member(
            project_id=project_id,
            email=address,
            role=role,
            created_at=await now(session),
        )
    member.role, member.revoked_at = role, None
    member.name = name or member.name
    session.add(member)
    await session.flush()
    return member


async def remove(session: AsyncSession, *, project_id: UUID, member_id: UUID) -> Member:
    """Take a person out of a project; doing it again changes nothing.

    Raises:
        NotFound: The project has no such member.
        LastAdmin: Nobody would be left who can let people in.
    """
    await _hold(session, project_id)
    member = await session.get(Member, member_id, populate_existing=True)
    if member is None or member.project_id != project_id:
        raise NotFound("The member")
    if member.revoked_at is None:
        await _leave_an_admin(session, member)
        member.revoked_at = await now(session)
        session.add(member)
        await session.flush()
    return member


async def _hold(session: AsyncSession, project_id: UUID) -> None:
    """Whoever changes the same project at once waits here, and then sees our change."""
    await session.exec(
        select(Project.id).where(Project.id == project_id).with_for_update()
    )


async def _leave_an_admin(session: AsyncSession, member: Member) -> None:
    """Two who demote each other at once: the second sees the first's."""
    await _hold(session, member.project_id)
    others = await session.exec(
        select(Member.id).where(
            Member.project_id == member.project_id,
            Member.id != member.id,
            Member.role == Role.ADMIN,
            col(Member.revoked_at).is_(None),
        )
    )
    if member.role is Role.ADMIN and others.first() is None:
        raise LastAdmin("Make somebody else an administrator first.", path=("role",))


def _check_key(key: str) -> None:
    if _KEY.fullmatch(key) is None:
        raise Invalid(
            "A key is 1 to 64 small letters, digits and dashes, a letter first.",
            path=("key",),
        )
