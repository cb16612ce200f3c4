"""A company whose database is told the time, and a way to set its rules."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from core.database import Database, Sessions
from core.tenancy import Governance, Project
from tests.conftest import StoreUrls
from tests.experiments.company import Company
from tests.experiments.governance.people import Clock, at

Govern = Callable[[Governance], Awaitable[None]]


@pytest.fixture
def clock() -> Clock:
    """A Saturday in autumn, the day before clocks go back in Paris."""
    return Clock(at("2026-10-24T08:00"))


@pytest.fixture
async def database(store_urls: StoreUrls, clock: Clock) -> AsyncIterator[Database]:
    """The facts database with every table in it, by that clock."""
    database = Database(store_urls.facts, clock=clock)
    yield database
    await database.dispose()


@pytest.fixture
def govern(sessions: Sessions, company: Company) -> Govern:
    """Gives the project a preset, whoever is in it."""

    async def govern(preset: Governance) -> None:
        async with sessions.begin() as session:
            project = await session.get_one(Project, company.project_id)
            project.governance = preset
            session.add(project)

    return govern
