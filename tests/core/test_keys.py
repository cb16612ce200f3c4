"""API keys and sign-in links."""

import asyncio
from datetime import timedelta

import pytest

from core import keys, signin
from core.clock import now
from core.database import Database, Sessions
from core.keys import ApiKey, KeyKind
from core.problems import Invalid, NotFound
from core.signin import LinkSpent
from core.tenancy import Role, invite
from tests.conftest import StoreUrls, Tenant

pytestmark = pytest.mark.stores


async def _issue(sessions: Sessions, tenant: Tenant) -> keys.IssuedKey:
    async with sessions.begin() as session:
        return await keys.issue(
            session,
            environment_id=tenant.environment_id,
            kind=KeyKind.SERVER,
            role=Role.EDITOR,
            name="backend",
        )


async def test_a_key_is_found_by_its_text_and_kept_as_a_hash(
    sessions: Sessions, tenant: Tenant
) -> None:
    issued = await _issue(sessions, tenant)
    async with sessions() as session:
        found = await keys.find(session, issued.text)
        stored = await session.get(ApiKey, issued.key.id)
    assert found is not None
    assert stored is not None
    assert found.id == issued.key.id
    assert issued.text not in str(stored.model_dump())
    assert issued.text not in repr(issued)
    assert issued.text.startswith(stored.prefix)


@pytest.mark.parametrize("change", ["", "x", "hk_s_", "\ud800", "hk_s_00_aa" * 400])
async def test_any_other_text_finds_nothing(
    sessions: Sessions, tenant: Tenant, change: str
) -> None:
    issued = await _issue(sessions, tenant)
    async with sessions() as session:
        assert await keys.find(session, change) is None
        assert await keys.find(session, issued.text + "x") is None
        assert await keys.find(session, issued.key.prefix + "_" + "0" * 43) is None


async def test_a_revoked_key_finds_nothing(sessions: Sessions, tenant: Tenant) -> None:
    issued = await _issue(sessions, tenant)
    for _ in range(2):
        async with sessions.begin() as session:
            await keys.revoke(
                session, project_id=tenant.project_id, key_id=issued.key.id
            )
    async with sessions() as session:
        assert await keys.find(session, issued.text) is None


async def test_another_project_cannot_revoke_a_key(
    sessions: Sessions, tenant: Tenant
) -> None:
    issued = await _issue(sessions, tenant)
    with pytest.raises(NotFound):
        async with sessions.begin() as session:
            await keys.revoke(
                session, project_id=issued.key.environment_id, key_id=issued.key.id
            )


async def test_a_server_key_is_never_a_reviewer(
    sessions: Sessions, tenant: Tenant
) -> None:
    with pytest.raises(Invalid, match="people"):
        async with sessions.begin() as session:
            await keys.issue(
                session,
                environment_id=tenant.environment_id,
                kind=KeyKind.SERVER,
                role=Role.REVIEWER,
                name="robot",
            )


async def _link(sessions: Sessions, tenant: Tenant) -> str:
    async with sessions.begin() as session:
        member = await invite(
            session,
            project_id=tenant.project_id,
            email="Ada@Example.com ",
            name="Ada",
            role=Role.EDITOR,
        )
        return await signin.make_link(session, member_id=member.id, minutes=30)


async def test_a_link_opens_one_session_however_many_follow_it(
    sessions: Sessions, tenant: Tenant
) -> None:
    token = await _link(sessions, tenant)

    async def follow() -> str | None:
        try:
            async with sessions.begin() as session:
                return (await signin.use_link(session, token=token, days=1)).token
        except LinkSpent:
            return None

    opened = await asyncio.gather(*(follow() for _ in range(8)))
    cookies = [cookie for cookie in opened if cookie is not None]
    assert len(cookies) == 1
    async with sessions() as session:
        member = await signin.member_of(session, cookies[0])
    assert member is not None
    assert member.email == "ada@example.com"


async def test_signing_out_ends_the_session(sessions: Sessions, tenant: Tenant) -> None:
    token = await _link(sessions, tenant)
    async with sessions.begin() as session:
        opened = await signin.use_link(session, token=token, days=1)
    async with sessions.begin() as session:
        await signin.sign_out(session, opened.token)
    async with sessions() as session:
        assert await signin.member_of(session, opened.token) is None


async def test_an_old_link_and_an_old_session_are_refused(
    sessions: Sessions, tenant: Tenant, store_urls: StoreUrls
) -> None:
    token, fresh = await _link(sessions, tenant), await _link(sessions, tenant)
    async with sessions.begin() as session:
        opened = await signin.use_link(session, token=fresh, days=1)
        later = await now(session) + timedelta(days=2)
    tomorrow = Database(store_urls.facts, clock=lambda: later)
    with pytest.raises(LinkSpent):
        async with tomorrow.sessions.begin() as session:
            await signin.use_link(session, token=token, days=1)
    async with tomorrow.readers() as session:
        assert await signin.member_of(session, opened.token) is None
    await tomorrow.dispose()
