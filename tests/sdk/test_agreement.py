"""An SDK with the payload gives what the server gives, subject by subject."""

import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.database import Database
from core.settings import Settings
from tests.api.conftest import Edge, make_edge, served
from tests.api.experiments import make_metrics
from tests.ofrep.conftest import start as start_experiment
from tests.sdk.test_clients import CLIENTS, start

PLANS = ("free", "pro", "team", "", None)
COUNTRIES = ("DE", "FR", "US", "JP", "ÖØ")
TARGETINGS: list[dict[str, Any] | None] = [
    None,
    {"plan": "pro"},
    {"plan": {"$ne": "pro"}},
    {"plan": {"$in": ["pro", "team"]}},
    {"plan": {"$nin": ["free"]}},
    {"country": {"$exists": True}},
    {"country": {"$regex": "^[DF]"}},
    {"$not": {"country": {"$regex": "R"}}},
    {"age": {"$gte": 30}},
    {"age": {"$gt": 20, "$lt": 45.5}},
    {"version": {"$vgte": "2.10.0"}},
    {"version": {"$vlt": "2.9"}},
    {"beta": True},
    {"tags": {"$in": ["a", "c"]}},
    {"tags": {"$all": ["a", "b"]}},
    {"tags": {"$size": 2}},
    {"tags": {"$elemMatch": {"$eq": "b"}}},
    {"company.size": {"$lte": 50}},
    {"$or": [{"plan": "team"}, {"age": {"$lt": 25}}]},
    {"$and": [{"beta": {"$ne": True}}, {"country": {"$in": ["DE", "US"]}}]},
]


def subject(n: int) -> dict[str, Any]:
    """One of any number of subjects; some lack what a rule asks for."""
    ids = (f"user-{n}", f"anna.{n}@example.com", f"{n:032x}", f"ünïcödé-{n}", str(n))
    found: dict[str, Any] = {
        "id": ids[n % 5],
        "anonymousId": f"visitor-{n}",
        "accountId": f"account-{n // 7}",
        "plan": PLANS[n % 7 % 5],
        "country": COUNTRIES[n % 11 % 5],
        "age": n % 13 * 5 if n % 2 else n % 13 * 5 + 0.5,
        "version": f"{n % 4}.{n % 17}.{n % 3}",
        "beta": n % 3 == 0,
        "tags": ["a", "b", "c"][: n % 4],
        "company": {"size": n % 101},
    }
    for place, name in enumerate(found):
        if n % 29 == place:
            del found[name]
            break
    return found


@pytest.fixture
async def crowd(database: Database, settings: Settings) -> AsyncIterator[Edge]:
    """Twenty experiments, each with a targeting, a coverage and a unit of its own."""
    async with make_edge(database, settings) as edge:
        await make_metrics(edge)
        for place, targeting in enumerate(TARGETINGS):
            await start_experiment(
                edge,
                f"experiment-{place}",
                targeting=targeting,
                coverage=(1.0, 0.5, 0.25)[place % 3],
                unit="ACCOUNT" if place % 5 == 4 else "USER",
            )
        yield edge


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_every_subject_is_given_the_same(
    crowd: Edge, client: str, count: int
) -> None:
    services = crowd.app.state.services
    snapshot = await services.definitions.snapshot(crowd.tenant.environment.id)
    subjects = [subject(n) for n in range(count)]
    expected = [
        [decision.value for decision in snapshot.decide_all(attributes)]
        for attributes in subjects
    ]
    arms = [sum(row[place] is True for row in expected) for place in range(20)]
    assert min(arms) > 0.01 * count
    async with (
        served(crowd) as url,
        start(client, url, crowd.tenant.client) as script,
    ):
        assert await script.line() == {"success": True}
        given: list[list[Any]] = []
        keys = list(snapshot.phases)
        for part in range(math.ceil(count / 1_000)):
            asked = subjects[part * 1_000 : (part + 1) * 1_000]
            await script.say({"subjects": asked, "keys": keys})
            given += await script.line()
    different = [
        (attributes, key)
        for attributes, row, other in zip(subjects, expected, given, strict=True)
        for key, one, two in zip(keys, row, other, strict=True)
        if one != two
    ]
    assert different == []
