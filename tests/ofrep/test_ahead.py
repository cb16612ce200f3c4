"""What is answered ahead of the router is answered as behind it."""

import pytest

from tests.api.conftest import Edge
from tests.ofrep.test_ofrep import ask

BEHIND = "?behind=1"
"""Any parameter: what is ahead takes none."""


@pytest.mark.parametrize("more", [{}, {"plan": "free"}, {"targetingKey": ""}])
@pytest.mark.parametrize("coded", ["0", "1"])
async def test_bytes_and_headers_are_the_same(
    flags: Edge, more: dict[str, str], coded: str
) -> None:
    headers = {"x-hone-code-default": coded, "x-request-id": "request-1"}
    behind = await ask(flags, headers=headers, query=BEHIND, **more)
    ahead = await ask(flags, headers=headers, **more)
    assert ahead.content == behind.content
    assert ahead.status_code == behind.status_code
    assert dict(ahead.headers) == dict(behind.headers)


async def test_a_client_that_has_them_is_told_so(flags: Edge) -> None:
    etag = (await ask(flags)).headers["etag"]
    headers = {"if-none-match": etag, "x-request-id": "request-1"}
    behind = await ask(flags, headers=headers, query=BEHIND)
    ahead = await ask(flags, headers=headers)
    assert ahead.status_code == behind.status_code == 304
    assert dict(ahead.headers) == dict(behind.headers)
    text = (await flags.client.get("/metrics")).text
    assert 'place="/ofrep"' in text
