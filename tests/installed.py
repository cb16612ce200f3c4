"""Fixtures: an installation over the stores under test, with a server key."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core import keys, migrate
from core.database import Database
from core.keys import KeyKind
from core.tenancy import Role, create_project
from feedback.rules import bootstrap
from tests.conftest import ON_POSTGRES, StoreUrls, redis_of_this_process
from tests.processes import Installation


@pytest.fixture
def installation(store_urls: StoreUrls, tmp_path: Path) -> Iterator[Installation]:
    """Fresh stores; on PostgreSQL with the Redis that the environment names."""
    redis = redis_of_this_process() if ON_POSTGRES else ""
    installation = Installation(
        {
            "HONE_DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": store_urls.facts,
            "EVENTS_URL": store_urls.events,
            "REDIS_URL": redis,
            "HONE_OUTBOUND_ALLOW": '["127.0.0.0/8"]',
        }
    )
    yield installation
    installation.close()


@pytest.fixture
async def key(installation: Installation, store_urls: StoreUrls) -> str:
    """A server key of an administrator, in a project of its own."""
    database = Database(store_urls.facts)
    await migrate.upgrade(database)
    async with database.sessions.begin() as session:
        project, environment = await create_project(
            session, key="acme", name="Acme", secret="s" * 32
        )
        await bootstrap(session, project.id)
        issued = await keys.issue(
            session,
            environment_id=environment.id,
            kind=KeyKind.SERVER,
            role=Role.ADMIN,
            name="loop",
        )
    await database.dispose()
    return issued.text
