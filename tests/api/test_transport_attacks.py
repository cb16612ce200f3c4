"""Hostile bytes, headers and methods get a 4xx with a code, never a 500."""

import asyncio
import json
import os
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from api.body import BODY_SECONDS, read_body
from api.problems import Malformed
from tests.api.conftest import Edge, served

LEGACY = "application/json"
ASK = b'{"query": "{ project { key } }"}'

BODIES: dict[str, tuple[bytes, int, str]] = {
    "a text": (b'"x"', 400, "BAD_REQUEST"),
    "null": (b"null", 400, "BAD_REQUEST"),
    "a number": (b"1", 400, "BAD_REQUEST"),
    "nothing": (b"", 400, "BAD_REQUEST"),
    "brackets": (b"[" * 100_000, 400, "BAD_REQUEST"),
    "deep variables": (
        b'{"query": "{ a }", "variables": {"v": ' + b"[" * 900 + b"]" * 900 + b"}}",
        400,
        "BAD_REQUEST",
    ),
    "invalid UTF-8": (b'{"query": "\xff\xfe"}', 400, "BAD_REQUEST"),
    "UTF-16": (ASK.decode().encode("utf-16"), 400, "BAD_REQUEST"),
    "a key twice": (b'{"query": "{ a }", "query": "{ b }"}', 400, "BAD_REQUEST"),
    "a batch": (b"[" + b", ".join([ASK] * 100) + b"]", 400, "BAD_REQUEST"),
    "NaN": (b'{"query": "{ a }", "variables": {"v": NaN}}', 400, "BAD_INPUT"),
    "infinity": (b'{"query": "{ a }", "variables": {"v": 1e999}}', 400, "BAD_INPUT"),
    "a huge integer": (
        b'{"query": "{ a }", "variables": {"v": ' + b"9" * 500_000 + b"}}",
        400,
        "BAD_REQUEST",
    ),
    "a lone surrogate": (
        b'{"query": "{ a }", "variables": {"v": "\\ud800"}}',
        400,
        "BAD_INPUT",
    ),
    "a NUL": (b'{"query": "{ a }", "variables": {"v": "\\u0000"}}', 400, "BAD_INPUT"),
    "a NUL in a key": (
        b'{"query": "{ a }", "variables": {"\\u0000": 1}}',
        400,
        "BAD_INPUT",
    ),
    "no query": (b'{"variables": {}}', 400, "BAD_REQUEST"),
    "a number as query": (b'{"query": 1}', 400, "BAD_REQUEST"),
    "a list as variables": (b'{"query": "{ a }", "variables": []}', 400, "BAD_REQUEST"),
    "a large query": (
        json.dumps({"query": "{ a }" + " " * 33_000}).encode(),
        400,
        "QUERY_TOO_LARGE",
    ),
    "twenty megabytes": (b" " * 20_000_000, 413, "BODY_TOO_LARGE"),
    "a million keys": (
        json.dumps(
            {"query": "{ a }", "variables": dict.fromkeys(range(10**6))}
        ).encode(),
        413,
        "BODY_TOO_LARGE",
    ),
}


def headers(edge: Edge, **more: str) -> dict[str, str]:
    """The administrator's key, as JSON unless told."""
    shown = {"content-type": LEGACY, "authorization": f"Bearer {edge.tenant.admin}"}
    return {**shown, **{name.replace("_", "-"): value for name, value in more.items()}}


def code_of(response: httpx.Response) -> str:
    """The first error's code."""
    body: dict[str, Any] = response.json()
    assert "data" not in body
    return str(body["errors"][0]["extensions"]["code"])


@pytest.mark.parametrize("accept", [LEGACY, "application/graphql-response+json"])
@pytest.mark.parametrize("name", BODIES)
async def test_malformed_bytes_are_refused(edge: Edge, name: str, accept: str) -> None:
    sent, status, code = BODIES[name]
    response = await edge.client.post(
        "/graphql", content=sent, headers=headers(edge, accept=accept)
    )
    assert code_of(response) == code
    well_formed = code in ("BAD_INPUT",) and accept == LEGACY
    assert response.status_code == (200 if well_formed else status)


async def test_random_bytes_are_never_a_crash(edge: Edge) -> None:
    for size in (1, 7, 64, 500):
        for _ in range(10):
            response = await edge.client.post(
                "/graphql", content=os.urandom(size), headers=headers(edge)
            )
            assert 400 <= response.status_code < 500


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/graphql",
    ],
)
async def test_only_json_is_read(edge: Edge, content_type: str) -> None:
    sent = headers(edge, content_type=content_type)
    response = await edge.client.post("/graphql", content=ASK, headers=sent)
    assert response.status_code == 415
    assert code_of(response) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
async def test_no_compressed_body_is_read(edge: Edge, encoding: str) -> None:
    sent = headers(edge, content_encoding=encoding)
    response = await edge.client.post("/graphql", content=b"\x1f\x8b", headers=sent)
    assert response.status_code == 415
    assert code_of(response) == "UNSUPPORTED_ENCODING"


@pytest.mark.parametrize("length", ["99999999999999999999", "9" * 5000, "-1", "1_0"])
async def test_a_false_length_is_refused(edge: Edge, length: str) -> None:
    sent = headers(edge, content_length=length)
    response = await edge.client.post("/graphql", content=ASK, headers=sent)
    assert response.status_code == 413


async def test_a_body_without_a_length_is_capped_as_it_comes(edge: Edge) -> None:
    async def endless() -> Any:
        while True:
            yield b" " * 65_536

    response = await edge.client.post(
        "/graphql", content=endless(), headers=headers(edge)
    )
    assert code_of(response) == "BODY_TOO_LARGE"


async def test_a_slow_body_is_cut() -> None:
    assert BODY_SECONDS == 10

    async def crawl() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(Malformed) as caught:
        await read_body(Headers({}), crawl, limit=10_000, seconds=0.2)
    assert caught.value.status == 408


async def test_a_mutation_by_get_is_not_allowed(edge: Edge) -> None:
    response = await edge.client.get(
        "/graphql", params={"query": "mutation { __typename }"}, headers=headers(edge)
    )
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_query_by_get_is_for_members_and_server_keys(edge: Edge) -> None:
    asked = {"query": "query ($i: [ID!]!) { nodes(ids: $i) { id } }"}
    asked["variables"] = '{"i": []}'
    with_server = await edge.client.get(
        "/graphql", params=asked, headers={"x-api-key": edge.tenant.viewer}
    )
    with_client = await edge.client.get(
        "/graphql",
        params={"query": "{ __typename }"},
        headers={
            "x-api-key": edge.tenant.client,
            "accept": "application/graphql-response+json",
        },
    )
    assert with_server.json() == {"data": {"nodes": []}}
    assert with_client.status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "query=%7B__typename%7D&query=%7Ba%7D",
        "query=%ff",
        "query=%7B__typename%7D&variables=x",
        "query=%7B__typename%7D&variables=%7B%22a%22%3A1%2C%22a%22%3A2%7D",
        "&".join(f"a{n}=1" for n in range(100)),
        "",
    ],
)
async def test_malformed_parameters_are_refused(edge: Edge, query: str) -> None:
    response = await edge.client.get(f"/graphql?{query}", headers=headers(edge))
    assert response.status_code == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "BREW"])
async def test_no_other_method_is_taken(edge: Edge, method: str) -> None:
    response = await edge.client.request(method, "/graphql", headers=headers(edge))
    assert response.status_code == 405


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("application/json", "application/json; charset=utf-8"),
        ("text/html, */*;q=0.1", "application/json; charset=utf-8"),
        (
            "application/json;q=0.5, application/graphql-response+json",
            "application/graphql-response+json; charset=utf-8",
        ),
        ("application/*", "application/graphql-response+json; charset=utf-8"),
        ("application/json;q=x, */*;q=0.1", "application/json; charset=utf-8"),
    ],
)
async def test_the_answer_has_the_type_that_is_accepted(
    edge: Edge, accept: str, answered: str
) -> None:
    response = await edge.client.post(
        "/graphql", content=ASK, headers=headers(edge, accept=accept)
    )
    assert response.headers["content-type"] == answered


async def test_nothing_acceptable_is_406(edge: Edge) -> None:
    response = await edge.client.post(
        "/graphql", content=ASK, headers=headers(edge, accept="image/png")
    )
    assert response.status_code == 406


@pytest.mark.parametrize("host", ["a/b?", "[::", "evil\ttest", "x" * 5000, ""])
async def test_a_malformed_host_changes_nothing(edge: Edge, host: str) -> None:
    response = await edge.client.post(
        "/graphql", content=ASK, headers={**headers(edge), "host": host}
    )
    assert response.status_code == 200
    nobody = await edge.client.post("/graphql", content=ASK, headers={"host": host})
    assert nobody.status_code == 401


async def test_a_secret_key_is_no_use_to_a_page(edge: Edge) -> None:
    origin = {"origin": "https://evil.example"}
    shown = {
        name: await edge.client.post(
            "/graphql",
            json={"query": "{ __typename }"},
            headers={**origin, "x-api-key": key},
        )
        for name, key in (("S", edge.tenant.admin), ("C", edge.tenant.client))
    }
    assert "access-control-allow-origin" not in shown["S"].headers
    assert shown["C"].headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in shown["C"].headers


async def test_a_request_id_is_echoed_only_if_it_is_harmless(edge: Edge) -> None:
    for sent, echoed in (("abc-12345", True), ('x"\x1b[31m"}{"level":"info', False)):
        response = await edge.client.get("/healthz", headers={"x-request-id": sent})
        assert (response.headers["x-request-id"] == sent) is echoed


async def test_five_hundred_slow_sockets_leave_the_server_answering(edge: Edge) -> None:
    async with served(edge) as url:
        host, port = url.removeprefix("http://").split(":")
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1000\r\n"
            f"content-type: application/json\r\nx-api-key: {edge.tenant.admin}\r\n\r\n"
        ).encode()
        writers = []
        for _ in range(500):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(head + b"{")
            writers.append(writer)
        async with httpx.AsyncClient(base_url=url, timeout=5) as client:
            response = await client.post("/graphql", content=ASK, headers=headers(edge))
        for writer in writers:
            writer.close()
    assert response.status_code == 200
