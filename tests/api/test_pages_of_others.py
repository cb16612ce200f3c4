"""What a front-end's page may do from its own origin, with a public key."""

import pytest

from tests.api.conftest import Edge

PAGE = {"origin": "https://app.example.com"}


@pytest.mark.parametrize("path", ["/graphql", "/v1/events"])
async def test_a_page_may_ask_before_it_sends(edge: Edge, path: str) -> None:
    response = await edge.client.options(path, headers=PAGE)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    assert "authorization" in response.headers["access-control-allow-headers"]


async def test_events_are_open_to_pages_with_a_public_key_only(edge: Edge) -> None:
    for key, allowed in ((edge.tenant.client, "*"), (edge.tenant.admin, None)):
        response = await edge.client.post(
            "/v1/events",
            content=b"nonsense",
            headers={**PAGE, "authorization": f"Bearer {key}"},
        )
        assert response.status_code == 400
        assert response.headers.get("access-control-allow-origin") == allowed


async def test_the_bare_address_leads_to_the_console(edge: Edge) -> None:
    response = await edge.client.get("/")
    assert response.status_code == 307
    assert response.headers["location"] == "/console"
