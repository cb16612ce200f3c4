"""A company whose clock is moved by hand."""

from collections.abc import AsyncIterator

import pytest

from core.database import Database
from tests.conftest import StoreUrls
from tests.experiments.shipping.concluded import Clock


@pytest.fixture
def clock() -> Clock:
    """It stands still until it is moved."""
    return Clock()


@pytest.fixture
async def database(store_urls: StoreUrls, clock: Clock) -> AsyncIterator[Database]:
    """The facts database, on that clock."""
    database = Database(store_urls.facts, clock=clock)
    yield database
    await database.dispose()
