"""All live keys, in memory and on disk."""

import asyncio
import stat
from pathlib import Path

import pytest

from core import keyring, keys
from core.audit import Actor, ActorKind
from core.database import Database, Sessions, Unreachable
from core.environments import update_environment
from core.keyring import Keyring
from core.keys import ApiKey, KeyKind
from core.reach import Reach
from core.tenancy import Role
from tests.conftest import Tenant

pytestmark = pytest.mark.stores


async def issued(sessions: Sessions, tenant: Tenant) -> keys.IssuedKey:
    async with sessions.begin() as session:
        return await keys.issue(
            session,
            environment_id=tenant.environment_id,
            kind=KeyKind.SERVER,
            role=Role.EDITOR,
            name="backend",
        )


async def kept(ring: Keyring, path: Path) -> None:
    """Read all keys and write them down."""
    await ring.restore(path)
    await ring.catch_up()


async def test_keys_outlive_the_process_without_their_texts(
    database: Database, sessions: Sessions, tenant: Tenant, tmp_path: Path
) -> None:
    made = await issued(sessions, tenant)
    path = tmp_path / "keys.json"
    await kept(Keyring(database.readers), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.text not in path.read_text()
    later = Keyring(database.readers)
    await later.restore(path)
    found = later.find(made.text)
    assert found is not None
    assert (found.id, found.role) == (made.key.id, Role.EDITOR)
    assert found.project_id == tenant.project_id
    assert later.environments() == [tenant.environment_id]
    wrong = made.text[:-1] + ("A" if made.text[-1] != "A" else "B")
    assert later.find(wrong) is None
    assert later.knows(wrong)
    assert not later.knows("hk_s_00000000_x")


async def test_a_revoked_key_leaves_the_ring(
    database: Database, sessions: Sessions, tenant: Tenant
) -> None:
    made = await issued(sessions, tenant)
    ring = Keyring(database.readers)
    await ring.refresh()
    async with sessions.begin() as session:
        await keys.revoke(session, project_id=tenant.project_id, key_id=made.key.id)
    await ring.refresh()
    assert ring.find(made.text) is None


async def test_a_revocation_that_another_one_overtook_is_seen(
    database: Database, sessions: Sessions, tenant: Tenant
) -> None:
    early, late = await issued(sessions, tenant), await issued(sessions, tenant)
    ring = Keyring(database.readers)
    async with sessions.begin() as session:
        await keys.revoke(session, project_id=tenant.project_id, key_id=late.key.id)
    await ring.refresh()
    async with sessions.begin() as session:
        overtaken = await session.get_one(ApiKey, early.key.id)
        overtaken.revoked_at = overtaken.created_at
    await ring.refresh()
    assert ring.find(early.text) is None


async def test_what_an_environment_and_a_key_say_of_pages_is_kept(
    database: Database, sessions: Sessions, tenant: Tenant, tmp_path: Path
) -> None:
    async with sessions.begin() as session:
        made = await keys.issue(
            session,
            environment_id=tenant.environment_id,
            kind=KeyKind.CLIENT,
            role=Role.VIEWER,
            name="web",
            encrypted=True,
        )
    ring = Keyring(database.readers)
    await kept(ring, tmp_path / "keys.json")
    listed = ("https://app.example.com", "https://*.example.org")
    async with sessions.begin() as session:
        await update_environment(
            session,
            actor=Actor(ActorKind.OPERATOR, None, "test"),
            project_id=tenant.project_id,
            environment_id=tenant.environment_id,
            allowed_origins=listed,
        )
    await ring.catch_up()
    later = Keyring(database.readers)
    await later.restore(tmp_path / "keys.json")
    for each in (ring, later):
        found = each.find(made.text)
        assert found is not None
        assert found.allowed_origins == listed
        assert found.payload_key == made.key.payload_key is not None
        assert not found.remote_only


async def test_a_key_that_was_seen_revoked_stays_forgotten(
    database: Database, sessions: Sessions, tenant: Tenant
) -> None:
    made = await issued(sessions, tenant)
    ring = Keyring(database.readers)
    await ring.refresh()
    ring.forget(f"{made.key.prefix}_somebody-else-s-guess")
    assert ring.find(made.text) is not None
    ring.forget(made.text)
    assert ring.find(made.text) is None


async def test_what_is_known_grows_too_old(
    database: Database,
    sessions: Sessions,
    tenant: Tenant,
    tmp_path: Path,
) -> None:
    made = await issued(sessions, tenant)
    await kept(Keyring(database.readers), tmp_path / "keys.json")
    for seconds, finds in ((60.0, True), (0.0, False)):
        ring = Keyring(database.readers, stale_seconds=seconds)
        await ring.restore(tmp_path / "keys.json")
        assert (len(ring) == 1) is finds
        await ring.refresh()
        assert (ring.find(made.text) is not None) is finds


async def test_the_ring_lasts_while_the_database_is_away(
    database: Database,
    sessions: Sessions,
    tenant: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keyring, "POLL_SECONDS", 0.01)
    made = await issued(sessions, tenant)
    await kept(Keyring(database.readers), tmp_path / "keys.json")
    nowhere = Database("sqlite+aiosqlite:////nowhere/at/all.sqlite")
    ring = Keyring(nowhere.readers, reach=Reach())
    await ring.restore(tmp_path / "keys.json")
    with pytest.raises(Unreachable):
        await ring.refresh()
    following = asyncio.create_task(ring.follow())
    await asyncio.sleep(0.1)
    assert not following.done()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await nowhere.dispose()
    assert ring.find(made.text) is not None
