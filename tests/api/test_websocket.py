"""graphql-transport-ws: only subscriptions, only for callers who are still known."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlmodel import select
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.graphql import websocket
from core import keys, signin, tenancy
from core.database import Database
from core.keys import ApiKey
from core.settings import Settings
from core.tenancy import Role
from tests.api.conftest import Edge, make_edge, served
from tests.api.planted import PLANTED, SECRET

TICKS = "subscription { ticks }"


@pytest.fixture
async def planted(database: Database, settings: Settings) -> AsyncIterator[Edge]:
    """The edge over the planted schema."""
    async with make_edge(database, settings, schema=PLANTED) as edge:
        yield edge


class Talk:
    """One end of a conversation."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **message: Any) -> None:
        """Send one message."""
        await self.connection.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        """Receive one message."""
        async with asyncio.timeout(8):
            message: dict[str, Any] = json.loads(await self.connection.recv())
        return message

    async def begin(self, key: str, **more: Any) -> None:
        """Present a key."""
        await self.say(
            type="connection_init", payload={"authorization": f"Bearer {key}", **more}
        )
        assert (await self.hear())["type"] == "connection_ack"

    async def subscribe(self, name: str, query: str = TICKS, **variables: Any) -> None:
        """Ask for a stream."""
        payload = {"query": query, "variables": variables}
        await self.say(type="subscribe", id=name, payload=payload)

    async def closing(self) -> int | None:
        """The code that the server closes with."""
        try:
            while True:
                await self.hear()
        except ConnectionClosed as closed:
            return None if closed.rcvd is None else closed.rcvd.code


@asynccontextmanager
async def talking(
    edge: Edge, protocol: str = "graphql-transport-ws", **headers: str
) -> AsyncIterator[Talk]:
    """A socket to the served edge."""
    async with (
        served(edge) as url,
        connect(
            url.replace("http", "ws") + "/graphql",
            subprotocols=[Subprotocol(protocol)],
            additional_headers=headers,
            max_size=None,
        ) as connection,
    ):
        yield Talk(connection)


async def test_a_subscription_streams_until_it_is_completed(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.client)
        await talk.subscribe("a")
        heard = [await talk.hear() for _ in range(3)]
        assert [m["payload"]["data"]["ticks"] for m in heard] == [0, 1, 2]
        assert {m["id"] for m in heard} == {"a"}
        await talk.say(type="complete", id="a")
        await talk.say(type="ping")
        while (await talk.hear())["type"] != "pong":
            pass
        await talk.subscribe("a")
        assert (await talk.hear())["payload"]["data"]["ticks"] == 0


@pytest.mark.parametrize("query", ["{ item { name } }", "mutation { change }"])
async def test_only_subscriptions_run_on_a_socket(planted: Edge, query: str) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.admin)
        await talk.subscribe("a", query)
        answer = await talk.hear()
    assert (answer["type"], answer["id"]) == ("error", "a")
    assert answer["payload"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_socket_obeys_policies_and_the_guard(planted: Edge) -> None:
    codes = []
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.client)
        for query in ("subscription { guarded }", "subscription { nothing }", "{" * 9):
            await talk.subscribe("a", query)
            codes.append((await talk.hear())["payload"][0]["extensions"]["code"])
    assert codes == ["FORBIDDEN", "GRAPHQL_INVALID", "GRAPHQL_INVALID"]


async def test_a_crash_in_a_stream_is_masked(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.admin)
        await talk.subscribe("a", "subscription { bursts }")
        assert (await talk.hear())["type"] == "next"
        crash = await talk.hear()
    assert crash["type"] == "error"
    assert SECRET not in json.dumps(crash)
    assert crash["payload"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_stream_that_ends_is_completed(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.viewer)
        await talk.subscribe("a", "subscription { guarded }")
        assert [(await talk.hear())["type"] for _ in range(2)] == ["next", "complete"]


@pytest.mark.parametrize(("kind", "most"), [("client", 3), ("admin", 10)])
async def test_a_socket_holds_so_many_subscriptions(
    planted: Edge, kind: str, most: int
) -> None:
    async with talking(planted) as talk:
        await talk.begin(getattr(planted.tenant, kind))
        for number in range(150):
            await talk.subscribe(f"s{number}", "subscription { ticks(pause: 60) }")
        heard = [await talk.hear() for _ in range(150)]
    refused = [m for m in heard if m["type"] == "error"]
    assert len(refused) == 150 - most
    codes = {m["payload"][0]["extensions"]["code"] for m in refused}
    assert codes == {"TOO_MANY_SUBSCRIPTIONS"}


async def test_a_key_holds_so_many_sockets(
    planted: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in websocket.MAX_SOCKETS:
        monkeypatch.setitem(websocket.MAX_SOCKETS, kind, 1)
    async with served(planted) as url:
        address = url.replace("http", "ws") + "/graphql"
        spoken = [Subprotocol("graphql-transport-ws")]
        async with connect(address, subprotocols=spoken) as first:
            await Talk(first).begin(planted.tenant.client)
            async with connect(address, subprotocols=spoken) as second:
                await Talk(second).say(
                    type="connection_init",
                    payload={"X-API-Key": planted.tenant.client},
                )
                assert await Talk(second).closing() == 4429
        await asyncio.sleep(0.1)
        async with connect(address, subprotocols=spoken) as third:
            await Talk(third).begin(planted.tenant.client)


async def test_a_key_holds_so_many_subscriptions_over_all_its_sockets(
    planted: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in websocket.MAX_STREAMS:
        monkeypatch.setitem(websocket.MAX_STREAMS, kind, 2)
    slow = "subscription { ticks(pause: 60) }"
    async with served(planted) as url:
        address = url.replace("http", "ws") + "/graphql"
        spoken = [Subprotocol("graphql-transport-ws")]
        async with (
            connect(address, subprotocols=spoken) as one,
            connect(address, subprotocols=spoken) as other,
        ):
            first, second = Talk(one), Talk(other)
            await first.begin(planted.tenant.client)
            await second.begin(planted.tenant.client)
            for name in "ab":
                await first.subscribe(name, slow)
                assert (await first.hear())["type"] == "next"
            await second.subscribe("c", slow)
            (error,) = (await second.hear())["payload"]
            assert error["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
            await first.say(type="complete", id="a")
            await first.say(type="ping")
            assert (await first.hear())["type"] == "pong"
            await second.subscribe("c", slow)
            assert (await second.hear())["type"] == "next"


@pytest.mark.parametrize("protocol", ["graphql-ws", "soap"])
async def test_another_protocol_is_not_spoken(planted: Edge, protocol: str) -> None:
    async with served(planted) as url:
        address = url.replace("http", "ws") + "/graphql"
        async with connect(address) as connection:
            assert await Talk(connection).closing() == 4406
        # The client library refuses a server that chose none of its protocols.
        async with connect(
            address, additional_headers={"sec-websocket-protocol": protocol}
        ) as connection:
            assert await Talk(connection).closing() == 4406


@pytest.mark.parametrize(
    "payload",
    [None, {}, {"authorization": "Bearer hk_s_0_0"}, {"authorization": 1}, [], "x"],
)
async def test_nobody_is_turned_away(planted: Edge, payload: object) -> None:
    async with talking(planted) as talk:
        await talk.say(type="connection_init", payload=payload)
        assert await talk.closing() == 4401


@pytest.mark.parametrize(
    ("payload", "known"),
    [
        (None, True),
        ({"x-hone-project": "acme"}, True),
        ({"apiKey": "hk_c_nope"}, False),
        ({"authorization": "hk_c_nope"}, False),
        ({"authorization": None}, False),
        ({"x-api-key": ""}, False),
        ({"headers": {"authorization": "Bearer hk_c_nope"}}, False),
        ("hk_c_nope", False),
    ],
)
async def test_the_demo_s_administrator_greets_without_a_credential(
    database: Database, settings: Settings, payload: object, known: bool
) -> None:
    settings = settings.model_copy(update={"demo_admin": True})
    async with (
        make_edge(database, settings, schema=PLANTED) as edge,
        talking(edge) as talk,
    ):
        await talk.say(type="connection_init", payload=payload)
        if known:
            assert (await talk.hear())["type"] == "connection_ack"
        else:
            assert await talk.closing() == 4401


async def test_a_subscription_before_the_greeting_is_unauthorised(
    planted: Edge,
) -> None:
    async with talking(planted) as talk:
        await talk.subscribe("a")
        assert await talk.closing() == 4401


async def test_a_second_greeting_is_one_too_many(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.admin)
        await talk.say(type="connection_init")
        assert await talk.closing() == 4429


async def test_an_id_is_used_once_at_a_time(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.admin)
        await talk.subscribe("a")
        await talk.subscribe("a")
        assert await talk.closing() == 4409


async def test_silence_is_not_waited_for(
    planted: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert websocket.INIT_SECONDS == 5
    monkeypatch.setattr(websocket, "INIT_SECONDS", 0.2)
    async with talking(planted) as talk:
        assert await talk.closing() == 4408


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        '{"type": 1}',
        '{"type": "connection_init", "type": "ping"}',
        "[" * 4000,
    ],
)
async def test_a_malformed_message_closes_the_socket(planted: Edge, text: str) -> None:
    async with talking(planted) as talk:
        await talk.connection.send(text)
        assert await talk.closing() == 4400


async def test_bytes_are_no_message(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.connection.send(b"\x00\xff")
        assert await talk.closing() == 4400


async def test_a_large_greeting_is_too_big(planted: Edge) -> None:
    async with talking(planted) as talk:
        await talk.say(type="connection_init", payload={"x": "y" * 2_000_000})
        assert await talk.closing() == 1009
    async with talking(planted) as talk:
        await talk.say(type="connection_init", payload={"x": "y" * 5000})
        assert await talk.closing() == 1009


async def test_a_revoked_keys_socket_is_closed_within_five_seconds(
    planted: Edge,
) -> None:
    async with talking(planted) as talk:
        await talk.begin(planted.tenant.viewer)
        await talk.subscribe("a", "subscription { ticks(pause: 60) }")
        await talk.hear()
        async with planted.database.sessions.begin() as session:
            prefix = planted.tenant.viewer.rsplit("_", 1)[0][:13]
            key = (
                await session.exec(select(ApiKey).where(ApiKey.prefix == prefix))
            ).one()
            await keys.revoke(
                session, project_id=planted.tenant.project.id, key_id=key.id
            )
        async with asyncio.timeout(5):
            assert await talk.closing() == 4401


async def test_a_members_socket_ends_with_their_role(planted: Edge) -> None:
    project_id = planted.tenant.project.id
    async with planted.database.sessions.begin() as session:
        invited = {"email": "ada@acme.test", "name": "Ada"}
        ada = await tenancy.invite(
            session, project_id=project_id, role=Role.EDITOR, **invited
        )
        link = await signin.make_link(session, member_id=ada.id, minutes=5)
        opened = await signin.use_link(session, token=link, days=1)
    async with talking(planted, cookie=f"hone_session={opened.token}") as talk:
        await talk.say(type="connection_init")
        assert (await talk.hear())["type"] == "connection_ack"
        async with planted.database.sessions.begin() as session:
            await tenancy.invite(
                session, project_id=project_id, role=Role.VIEWER, **invited
            )
        async with asyncio.timeout(5):
            assert await talk.closing() == 4401


async def test_a_removed_members_socket_ends(planted: Edge) -> None:
    project_id = planted.tenant.project.id
    async with planted.database.sessions.begin() as session:
        ada = await tenancy.invite(
            session,
            project_id=project_id,
            email="ada@acme.test",
            name="Ada",
            role=Role.EDITOR,
        )
        link = await signin.make_link(session, member_id=ada.id, minutes=5)
        opened = await signin.use_link(session, token=link, days=1)
    async with talking(planted, cookie=f"hone_session={opened.token}") as talk:
        await talk.say(type="connection_init")
        assert (await talk.hear())["type"] == "connection_ack"
        async with planted.database.sessions.begin() as session:
            await signin.shut_out(session, project_id=project_id, member_id=ada.id)
        async with asyncio.timeout(5):
            assert await talk.closing() == 4401


async def test_another_sites_page_has_no_use_of_a_cookie(planted: Edge) -> None:
    async with planted.database.sessions.begin() as session:
        ada = await tenancy.invite(
            session,
            project_id=planted.tenant.project.id,
            email="ada@acme.test",
            name="Ada",
            role=Role.ADMIN,
        )
        link = await signin.make_link(session, member_id=ada.id, minutes=5)
        opened = await signin.use_link(session, token=link, days=1)
    evil = {"cookie": f"hone_session={opened.token}", "origin": "https://evil.example"}
    async with talking(planted, **evil) as talk:
        await talk.say(type="connection_init")
        assert await talk.closing() == 4401
    # A public key works from any page: that is what it is for.
    async with talking(planted, origin="https://shop.example") as talk:
        await talk.begin(planted.tenant.client)
