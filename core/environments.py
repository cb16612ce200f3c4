"""Changes of an environment that is there."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlmodel import select

from core import audit
from core.audit import Actor
from core.database import AsyncSession
from core.origins import checked_origins
from core.problems import NotFound, StaleVersion
from core.tenancy import Environment


async def update_environment(
    session: AsyncSession,
    *,
    actor: Actor,
    project_id: UUID,
    environment_id: UUID,
    expected_version: int | None = None,
    name: str | None = None,
    allowed_origins: Sequence[str] | None = None,
    reason: str = "",
) -> Environment:
    """Change what was given. Without a version it is changed as it is.

    Raises:
        Invalid: An origin is none, or they are too many.
        NotFound: The project has no such environment.
        StaleVersion: Somebody changed it first.
    """
    environment = await _held(session, project_id, environment_id)
    if expected_version not in (None, environment.version):
        raise StaleVersion(environment.version)
    before = _facts(environment)
    if name is not None:
        environment.name = name
    if allowed_origins is not None:
        path = ("allowedOrigins",)
        environment.allowed_origins = checked_origins(allowed_origins, path=path)
    environment.version += 1
    session.add(environment)
    await session.flush()
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        environment_id=environment_id,
        action="environment.update",
        subject="Environment",
        subject_id=environment_id,
        before=before,
        after=_facts(environment),
        reason=reason.strip() or None,
    )
    return environment


async def _held(
    session: AsyncSession, project_id: UUID, environment_id: UUID
) -> Environment:
    """The environment as it is now; who else changes it waits."""
    found = await session.exec(
        select(Environment)
        .where(Environment.id == environment_id, Environment.project_id == project_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    environment = found.first()
    if environment is None:
        raise NotFound("The environment", path=("id",))
    return environment


def _facts(environment: Environment) -> dict[str, Any]:
    return {
        "name": environment.name,
        "allowedOrigins": environment.allowed_origins,
    }
