"""Callers while the database is away."""

import time
from collections.abc import AsyncIterator

import pytest

from api import auth
from api.auth import Credentials, Gate, bearer
from api.problems import Refused
from core import keys
from core.database import Database
from core.keyring import Keyring
from core.reach import Reach
from core.settings import Settings
from core.tenancy import Role
from tests.api.conftest import Edge
from tests.api.test_auth import sign_in


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    """A database that nobody reaches."""
    database = Database("postgresql+asyncpg://x@127.0.0.1:1/x")
    yield database
    await database.dispose()


@pytest.fixture
def stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is fresh."""
    monkeypatch.setattr(auth, "_FRESH_SECONDS", 0.0)


def leave(gate: Gate, away: Database) -> None:
    """Take the gate's database away."""
    gate._readers = away.readers


async def test_the_fast_path_knows_what_was_asked_just_now(edge: Edge) -> None:
    gate = Gate(edge.database.readers, Settings())
    raw = f"Bearer {edge.tenant.client}".encode()
    assert gate.known(bearer(raw)) is None
    caller = await gate.caller(Credentials(key=edge.tenant.client))
    assert caller is not None
    assert gate.known(bearer(raw)) is caller
    assert gate.known(bearer(raw), b"production") is None
    assert gate.known(bearer(raw), b"staging") is None
    assert gate.known(b"") is None
    with_cookie = Credentials(key=edge.tenant.client, cookie="x", loopback=True)
    assert await gate.caller(with_cookie) is caller


@pytest.mark.usefixtures("stale")
async def test_a_stale_answer_is_not_on_the_fast_path(edge: Edge) -> None:
    gate = Gate(edge.database.readers, Settings())
    await gate.caller(Credentials(key=edge.tenant.client))
    assert gate.known(edge.tenant.client.encode()) is None


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (b"Bearer abc", b"abc"),
        (b"bEARER  abc ", b"abc"),
        (b"Basic abc", b""),
        (b"", b""),
    ],
)
def test_a_header_s_key(header: bytes, key: bytes) -> None:
    assert bearer(header) == key


@pytest.mark.usefixtures("stale")
async def test_keys_that_were_known_go_on_and_sessions_do_not(
    edge: Edge, away: Database
) -> None:
    gate = Gate(edge.database.readers, Settings())
    _, token = await sign_in(edge.database, edge.tenant.project.id, Role.ADMIN)
    known, member = Credentials(key=edge.tenant.client), Credentials(cookie=token)
    caller = await gate.caller(known)
    assert await gate.caller(member) is not None
    leave(gate, away)
    assert await gate.caller(known) == caller
    assert await gate.caller(Credentials(key="no key at all")) is None
    assert await gate.caller(Credentials()) is None
    for unknown in (
        member,
        Credentials(key="hk_s_00000000_" + "x" * 43),
        Credentials(key=edge.tenant.viewer[:-1] + "?"),
    ):
        with pytest.raises(Refused) as refusal:
            await gate.caller(unknown)
        assert (refusal.value.code, refusal.value.status) == ("UNAVAILABLE", 503)


@pytest.mark.usefixtures("stale")
async def test_the_ring_knows_keys_that_nobody_used(edge: Edge, away: Database) -> None:
    gate = Gate(edge.database.readers, Settings())
    await gate.ring.refresh()
    leave(gate, away)
    caller = await gate.caller(Credentials(key=edge.tenant.admin))
    assert caller is not None
    assert caller.role is Role.ADMIN
    wrong = edge.tenant.admin[:-1] + "?"
    assert await gate.caller(Credentials(key=wrong)) is None
    elsewhere = Credentials(key=edge.tenant.admin, environment="staging")
    assert await gate.caller(elsewhere) is None


@pytest.mark.usefixtures("stale")
@pytest.mark.parametrize("seen", [True, False])
async def test_a_key_that_was_seen_revoked_opens_nothing(
    edge: Edge, away: Database, seen: bool
) -> None:
    gate = Gate(edge.database.readers, Settings())
    known = Credentials(key=edge.tenant.viewer)
    await gate.ring.refresh()
    caller = await gate.caller(known)
    assert caller is not None
    assert caller.actor.id is not None
    async with edge.database.sessions.begin() as session:
        await keys.revoke(session, project_id=caller.project_id, key_id=caller.actor.id)
    if seen:
        assert await gate.caller(known) is None
    else:
        await gate.ring.refresh()
    leave(gate, away)
    if seen:
        assert await gate.caller(known) is None
        gate._known.clear()
    with pytest.raises(Refused):
        await gate.caller(known)


@pytest.mark.usefixtures("stale")
async def test_memory_opens_nothing_for_ever(edge: Edge, away: Database) -> None:
    gate = Gate(edge.database.readers, Settings(keys_stale_seconds=0))
    known = Credentials(key=edge.tenant.client)
    await gate.ring.refresh()
    assert await gate.caller(known) is not None
    leave(gate, away)
    with pytest.raises(Refused):
        await gate.caller(known)


async def test_nobody_waits_for_a_database_that_just_failed(
    edge: Edge, away: Database
) -> None:
    reach = Reach()
    ring = Keyring(edge.database.readers)
    await ring.refresh()
    gate = Gate(away.readers, Settings(), reach=reach, ring=ring)
    reach.lost()
    began = time.perf_counter()
    for _ in range(100):
        gate._known.clear()
        assert await gate.caller(Credentials(key=edge.tenant.client)) is not None
    assert time.perf_counter() - began < 1
