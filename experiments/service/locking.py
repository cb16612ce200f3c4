"""Rows that are held until the transaction ends, so that changes come one by one.

Always in this order: project, layer, experiment, then what belongs to it: its phase,
ramp, schedule and shipment.
"""

from uuid import UUID

from sqlmodel import select

from core.database import AsyncSession
from core.tenancy import Environment, Project


async def hold_project(session: AsyncSession, project_id: UUID) -> None:
    """Whoever changes the same project's rules waits here, and then sees ours."""
    await session.exec(
        select(Project.id)
        .where(Project.id == project_id)
        .with_for_update(key_share=True)
    )


async def hold_environment(session: AsyncSession, environment_id: UUID) -> None:
    """Whoever changes what is live in the same environment waits here."""
    await session.exec(
        select(Environment.id)
        .where(Environment.id == environment_id)
        .with_for_update(key_share=True)
    )
