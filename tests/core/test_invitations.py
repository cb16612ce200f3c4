"""Invitations that arrive at once."""

import asyncio

import pytest

from core.database import Sessions
from core.tenancy import Role, invite
from tests.conftest import Tenant

pytestmark = pytest.mark.stores


async def test_one_person_invited_by_many_at_once_is_one_member(
    sessions: Sessions, tenant: Tenant
) -> None:
    async def ask() -> str:
        async with sessions.begin() as session:
            member = await invite(
                session,
                project_id=tenant.project_id,
                email="ada@example.com",
                name="Ada",
                role=Role.ADMIN,
            )
            await asyncio.sleep(0.01)
            return member.id.hex

    assert len(set(await asyncio.gather(*(ask() for _ in range(8))))) == 1
