"""Reads of the kernel's tables: a project's environments, people and keys."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from core.database import AsyncSession
from core.keys import ApiKey
from core.problems import NotFound
from core.tenancy import Environment, Member, Project

MAX_LISTED = 500


async def project(session: AsyncSession, project_id: UUID) -> Project:
    """The caller's own project."""
    return await session.get_one(Project, project_id)


async def environments(
    session: AsyncSession, project_id: UUID
) -> Sequence[Environment]:
    """The project's environments, production first."""
    found = await session.exec(
        select(Environment)
        .where(Environment.project_id == project_id)
        .order_by(col(Environment.production).desc(), col(Environment.id))
        .limit(MAX_LISTED)
    )
    return found.all()


async def environment(
    session: AsyncSession, project_id: UUID, environment_id: UUID
) -> Environment:
    """One environment of the project.

    Raises:
        NotFound: The project has no such environment.
    """
    found = await session.get(Environment, environment_id)
    if found is None or found.project_id != project_id:
        raise NotFound("The environment", path=("environmentId",))
    return found


async def members(session: AsyncSession, project_id: UUID) -> Sequence[Member]:
    """The people who are in the project now."""
    found = await session.exec(
        select(Member)
        .where(Member.project_id == project_id, col(Member.revoked_at).is_(None))
        .order_by(col(Member.id))
        .limit(MAX_LISTED)
    )
    return found.all()


async def member(session: AsyncSession, project_id: UUID, member_id: UUID) -> Member:
    """One person of the project.

    Raises:
        NotFound: The project has no such member.
    """
    found = await session.get(Member, member_id)
    if found is None or found.project_id != project_id:
        raise NotFound("The member")
    return found


async def api_keys(session: AsyncSession, project_id: UUID) -> Sequence[ApiKey]:
    """The project's keys, revoked ones too, newest first."""
    found = await session.exec(
        select(ApiKey)
        .join(Environment, col(Environment.id) == col(ApiKey.environment_id))
        .where(Environment.project_id == project_id)
        .order_by(col(ApiKey.id).desc())
        .limit(MAX_LISTED)
    )
    return found.all()


async def api_key(session: AsyncSession, project_id: UUID, key_id: UUID) -> ApiKey:
    """One key of the project.

    Raises:
        NotFound: The project has no such key.
    """
    found = await session.exec(
        select(ApiKey)
        .join(Environment, col(Environment.id) == col(ApiKey.environment_id))
        .where(Environment.project_id == project_id, ApiKey.id == key_id)
    )
    key = found.first()
    if key is None:
        raise NotFound("The key")
    return key
