"""Stored traits in memory: fresh for a moment, and better than nothing in need."""

from typing import Any

import pytest
from sqlalchemy import event

from core import traits_cache
from core.database import Database, Sessions
from core.reach import Reach
from core.subjects import SubjectContext, SubjectKind, identify
from core.traits_cache import Traits
from tests.conftest import Tenant

pytestmark = pytest.mark.stores

ADA = SubjectContext(user_id="ada", account_id="acme")
NOBODY = SubjectContext(anonymous_id="nobody")


async def told(sessions: Sessions, tenant: Tenant, **traits: Any) -> None:
    async with sessions.begin() as session:
        await identify(
            session,
            environment_id=tenant.environment_id,
            kind=SubjectKind.USER,
            external_id="ada",
            traits=traits,
        )


@pytest.fixture
def statements(database: Database) -> list[str]:
    """What was asked of the database since."""
    found: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: found.append(arguments[2]),
    )
    return found


async def test_traits_are_read_once_and_anew_when_forgotten(
    database: Database, sessions: Sessions, tenant: Tenant, statements: list[str]
) -> None:
    here = tenant.environment_id
    traits = Traits(database.readers)
    await told(sessions, tenant, plan="free")
    async with sessions.begin() as session:
        await identify(
            session,
            environment_id=here,
            kind=SubjectKind.ACCOUNT,
            external_id="acme",
            traits={"plan": "old", "size": 9},
        )
    assert traits.fresh(here, ADA) is None
    assert await traits.of(here, ADA) == {"plan": "free", "size": 9}
    await traits.of_each(here, [NOBODY, ADA])
    statements.clear()
    assert traits.fresh(here, ADA) == {"plan": "free", "size": 9}
    assert traits.fresh(here, NOBODY) == {}
    assert await traits.of(here, NOBODY) == {}
    assert statements == []
    await told(sessions, tenant, plan="pro")
    traits.forget(here, (SubjectKind.USER, "ada"))
    assert traits.fresh(here, ADA) is None
    assert (await traits.of(here, ADA))["plan"] == "pro"


async def test_another_process_is_heard_when_the_moment_is_over(
    database: Database,
    sessions: Sessions,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    traits = Traits(database.readers)
    await told(sessions, tenant, plan="free")
    await traits.of(tenant.environment_id, ADA)
    await told(sessions, tenant, plan="pro")
    assert (await traits.of(tenant.environment_id, ADA))["plan"] == "free"
    monkeypatch.setattr(traits_cache, "FRESH_SECONDS", -1.0)
    assert (await traits.of(tenant.environment_id, ADA))["plan"] == "pro"


async def test_what_was_read_last_stands_while_the_database_is_away(
    database: Database, sessions: Sessions, tenant: Tenant
) -> None:
    here, reach = tenant.environment_id, Reach()
    traits = Traits(database.readers, reach=reach)
    await told(sessions, tenant, plan="free")
    await traits.of(here, ADA)
    traits.forget(here, (SubjectKind.USER, "ada"))
    reach.lost()
    assert await traits.of_each(here, [ADA, NOBODY]) == [{"plan": "free"}, {}]
    assert traits.fresh(here, ADA) is None
    await told(sessions, tenant, plan="pro")
    reach.found()
    assert await traits.of(here, ADA) == {"plan": "pro"}


async def test_memory_is_bounded_by_bytes(database: Database, tenant: Tenant) -> None:
    traits = Traits(database.readers, max_bytes=10_000)
    for number in range(100):
        await traits.of(tenant.environment_id, SubjectContext(user_id=f"u{number}"))
    assert len(traits) == 10_000 // 512
