"""Every document for assignments is answered from a plan as by the executor."""

from collections import Counter
from typing import Any

import httpx
import pytest

from api.documents import Documents
from api.graphql.http import LEGACY, MODERN, GraphQLEndpoint
from api.graphql.schema import GRAPHQL
from api.policies import Policies
from api.prepared.front import Prepared
from core.database import Database
from core.settings import Settings
from tests.api.conftest import Edge, make_edge
from tests.api.prepared import Author, as_body, serve_everything

FEW, MANY = 150, 700
EACH = 3
TIMES = 3


class Pair:
    """The same edge twice: with plans at first sight, and without any."""

    def __init__(self, edge: Edge) -> None:
        services, gate = edge.app.state.services, edge.app.state.gate
        documents = Documents(GRAPHQL, Policies(GRAPHQL))
        generic = GraphQLEndpoint(services, gate, documents)
        self.door = Prepared(services, gate, documents, sightings=1)
        self.generic = _client(generic)
        self.prepared = _client(self.door.ahead_of(generic))
        self._registry = services.measures.registry
        self.at_the_door = 0

    async def same(self, body: bytes, key: str, accept: str) -> httpx.Response:
        """Ask both, and find no difference."""
        headers = {
            "authorization": f"Bearer {key}",
            "content-type": "application/json",
            "accept": accept,
        }
        slow, fast = [
            await client.post("/graphql", content=body, headers=headers)
            for client in (self.generic, self.prepared)
        ]
        assert fast.content == slow.content, body
        assert fast.status_code == slow.status_code, body
        assert fast.headers["content-type"] == slow.headers["content-type"]
        assert fast.headers["vary"] == slow.headers["vary"]
        public = "access-control-allow-origin"
        assert fast.headers.get(public) == slow.headers.get(public)
        return fast

    def same_at_the_door(self, slow: httpx.Response) -> None:
        """Offer it to the door; the third time it is what was kept of the second."""
        body, headers = slow.request.content, dict(slow.request.headers)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": raw,
        }
        reply = self.door.at_once(scope, body)
        if reply is None:
            return
        self.at_the_door += 1
        assert reply.body == slow.content, body
        assert reply.status == slow.status_code, body
        sent = {name.decode(): value.decode() for name, value in reply.headers}
        for name in ("content-type", "vary", "content-length"):
            assert sent[name] == slow.headers[name]

    def answered(self) -> int:
        """How many answers came from a plan."""
        name = "hone_prepared_documents_total"
        return int(self._registry.get_sample_value(name, {"by": "text"}) or 0)


def _client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def test_requests_of_the_family_are_answered_alike(
    database: Database, settings: Settings
) -> None:
    await _all_alike(database, settings, documents=FEW, seed=20_261_122)


@pytest.mark.slow
async def test_two_thousand_requests_of_the_family_are_answered_alike(
    database: Database, settings: Settings
) -> None:
    await _all_alike(database, settings, documents=MANY, seed=20_261_123)


async def _all_alike(
    database: Database, settings: Settings, *, documents: int, seed: int
) -> None:
    author = Author(seed=seed)
    async with make_edge(database, settings) as edge:
        await serve_everything(edge)
        pair = Pair(edge)
        tenant = edge.tenant
        outcomes: Counter[str] = Counter()
        for number in range(documents):
            document, names = author.document()
            for turn in range(EACH):
                body = as_body(document, author.variables(names))
                key = tenant.client if (number + turn) % 2 else tenant.viewer
                accept = MODERN if (number + turn) % 3 else LEGACY
                before = pair.answered()
                answer = await pair.same(body, key, accept)
                outcome = "errors" if "errors" in answer.json() else "data"
                outcomes[outcome, pair.answered() - before] += 1  # type: ignore[index]
                for _ in range(TIMES):
                    pair.same_at_the_door(answer)
    assert outcomes.total() == documents * EACH
    assert pair.at_the_door > TIMES * documents
    assert outcomes["errors", 1] == 0  # type: ignore[index]
    # Whatever has an answer is answered from a plan, but for what asks for more.
    assert outcomes["data", 1] > 20 * outcomes["data", 0]  # type: ignore[index]
    assert outcomes["data", 1] > documents  # type: ignore[index]
