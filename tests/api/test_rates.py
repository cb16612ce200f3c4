"""Rate limits: one bucket for each credential, the same at every door."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from api.graphql import websocket
from api.rates import Rates
from core.database import Database
from core.settings import Settings
from tests.api.conftest import Edge, make_edge, make_tenant, served
from tests.api.planted import PLANTED
from tests.api.test_websocket import Talk

ASK = "query ($subject: SubjectInput!) { assignments(subject: $subject) { etag } }"


@pytest.fixture
def limited(tmp_path: Path) -> Settings:
    """Two requests a second for client keys, none refused for server keys."""
    return Settings(data_dir=tmp_path, rate_limit_client=1)


def stop_the_clock(edge: Edge, limited: Settings) -> None:
    """Let no token come back, however long this machine takes to answer."""
    services = edge.app.state.services
    services.__dict__["rates"] = Rates(limited, services.measures, clock=lambda: 100.0)


@asynccontextmanager
async def talking(url: str, key: str) -> AsyncIterator[Talk]:
    """A socket on which the key was presented."""
    address = url.replace("http", "ws") + "/graphql"
    spoken = [Subprotocol("graphql-transport-ws")]
    async with connect(address, subprotocols=spoken) as connection:
        talk = Talk(connection)
        await talk.say(type="connection_init", payload={"x-api-key": key})
        yield talk


async def ask(edge: Edge, key: str) -> Any:
    body = {"query": ASK, "variables": {"subject": {"userId": "u1"}}}
    return await edge.send(body, key=key)


async def test_a_client_key_that_asks_too_often_is_told_when_to_come_back(
    database: Database, limited: Settings
) -> None:
    async with make_edge(database, limited) as edge:
        stop_the_clock(edge, limited)
        answers = [await ask(edge, edge.tenant.client) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        refused = answers[-1]
        assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert int(refused.headers["retry-after"]) >= 1
        assert "data" not in refused.json()


async def test_another_credential_is_not_slowed_by_it(
    database: Database, limited: Settings
) -> None:
    async with make_edge(database, limited) as edge:
        other = await make_tenant(database, "rival")
        for _ in range(3):
            await ask(edge, edge.tenant.client)
        assert (await ask(edge, edge.tenant.admin)).status_code == 200
        assert (await ask(edge, other.client)).status_code == 200


async def test_every_door_counts_and_the_measure_shows_it(
    database: Database, limited: Settings
) -> None:
    async with make_edge(database, limited) as edge:
        stop_the_clock(edge, limited)
        for _ in range(2):
            await ask(edge, edge.tenant.client)
        events = await edge.client.post(
            "/v1/events",
            json=[],
            headers={"authorization": f"Bearer {edge.tenant.client}"},
        )
        assert events.status_code == 429
        assert int(events.headers["retry-after"]) >= 1
        text = edge.app.state.services.measures.text()[0].decode()
        assert 'hone_rate_limited_requests_total{kind="CLIENT"} 1.0' in text


async def test_an_old_client_that_wants_plain_json_sees_the_status_too(
    database: Database, limited: Settings
) -> None:
    async with make_edge(database, limited) as edge:
        stop_the_clock(edge, limited)
        for _ in range(3):
            answer = await edge.client.post(
                "/graphql",
                json={"query": "{ __typename }"},
                headers={"x-api-key": edge.tenant.client, "accept": "application/json"},
            )
        assert answer.status_code == 429


async def test_tokens_come_back_with_time(
    database: Database, limited: Settings
) -> None:
    now = 100.0
    async with make_edge(database, limited) as edge:
        services = edge.app.state.services
        rates = Rates(limited, services.measures, clock=lambda: now)
        services.__dict__["rates"] = rates
        codes = []
        for step in (0.0, 0.0, 0.0, 0.5, 0.5, 10.0, 0.0, 0.0):
            now += step
            codes.append((await ask(edge, edge.tenant.client)).status_code)
        assert codes == [200, 200, 429, 429, 200, 200, 200, 429]


async def test_each_operation_on_a_socket_counts_as_a_request(
    database: Database, limited: Settings
) -> None:
    async with make_edge(database, limited, schema=PLANTED) as edge:
        stop_the_clock(edge, limited)
        async with served(edge) as url:
            async with talking(url, edge.tenant.client) as talk:
                assert (await talk.hear())["type"] == "connection_ack"
                await talk.subscribe("a")
                assert (await talk.hear())["type"] == "next"
                await talk.subscribe("b")
                while (answer := await talk.hear())["type"] == "next":
                    assert answer["id"] == "a"
                assert (answer["type"], answer["id"]) == ("error", "b")
                (error,) = answer["payload"]
                assert error["extensions"]["code"] == "RATE_LIMITED"
            async with talking(url, edge.tenant.client) as talk:
                assert await talk.closing() == 4429
            async with talking(url, edge.tenant.admin) as talk:
                assert (await talk.hear())["type"] == "connection_ack"


async def test_a_socket_that_does_not_listen_to_refusals_is_closed(
    database: Database, limited: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_REFUSALS", 5)
    async with make_edge(database, limited, schema=PLANTED) as edge:
        stop_the_clock(edge, limited)
        async with served(edge) as url, talking(url, edge.tenant.client) as talk:
            assert (await talk.hear())["type"] == "connection_ack"
            for number in range(6):
                await talk.subscribe(f"s{number}")
            refused = [await talk.hear() for _ in range(4)]
            assert {answer["type"] for answer in refused} == {"error"}
            assert await talk.closing() == 4429
