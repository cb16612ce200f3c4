"""The endpoint's answers: headers, caching, errors, and what it says of experiments."""

from typing import Any

import pytest

from api.http import streams
from core import keys
from tests.api.conftest import Edge
from tests.ofrep.conftest import VALUES, pause
from tests.ofrep.test_streams import listening

FEATURES = "/api/features"


async def test_the_document_has_a_feature_for_every_experiment(flags: Edge) -> None:
    response = await flags.client.get(f"{FEATURES}/{flags.tenant.client}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert document["status"] == 200
    assert document["features"].keys() == VALUES.keys()
    for key, (control, _) in VALUES.items():
        assert document["features"][key]["defaultValue"] == control
    assert document["dateUpdated"].endswith("Z")


async def test_it_may_be_cached_and_says_that_it_can_be_followed(flags: Edge) -> None:
    response = await flags.client.get(f"{FEATURES}/{flags.tenant.client}")
    assert (
        response.headers["cache-control"] == "public, max-age=30, stale-if-error=36000"
    )
    assert response.headers["access-control-allow-origin"] == "*"
    assert "x-sse-support" in response.headers["access-control-expose-headers"]
    assert response.headers["x-sse-support"] == "enabled"


async def test_what_is_known_is_not_sent_again_until_it_changes(flags: Edge) -> None:
    path = f"{FEATURES}/{flags.tenant.client}"
    first = await flags.client.get(path)
    known = {"if-none-match": first.headers["etag"]}
    again = await flags.client.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    await pause(flags, "flag-bool")
    changed = await flags.client.get(path, headers=known)
    assert changed.status_code == 200
    assert changed.json()["dateUpdated"] > first.json()["dateUpdated"]


@pytest.mark.parametrize("path", ["/gb/api/features/%s", "/api/features/%s/"])
async def test_a_host_may_have_a_path_and_an_address_a_slash(
    flags: Edge, path: str
) -> None:
    response = await flags.client.get(path % flags.tenant.client)
    assert response.status_code == 200


@pytest.mark.parametrize("which", ["admin", "viewer", "unknown", "odd", "long"])
async def test_only_a_client_key_opens_it(flags: Edge, which: str) -> None:
    texts = {"unknown": f"hk_c_{'0' * 8}_x", "odd": "%00é", "long": "k" * 5000}
    text = texts.get(which) or getattr(flags.tenant, which)
    response = await flags.client.get(f"{FEATURES}/{text}")
    assert response.status_code == 400
    assert response.headers["x-unrecoverable"] == "1"
    assert response.headers["access-control-allow-origin"] == "*"
    answer: dict[str, Any] = response.json()
    assert answer["status"] == 400
    assert text not in answer["error"]


async def test_a_revoked_key_opens_nothing(
    flags: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.auth._FRESH_SECONDS", 0.0)
    path = f"{FEATURES}/{flags.tenant.client}"
    assert (await flags.client.get(path)).status_code == 200
    async with flags.database.sessions.begin() as session:
        key = await keys.find(session, flags.tenant.client)
        assert key is not None
        project_id = flags.tenant.project.id
        await keys.revoke(session, project_id=project_id, key_id=key.id)
    assert (await flags.client.get(path)).status_code == 400


async def test_a_page_may_ask_before_it_asks(flags: Edge) -> None:
    response = await flags.client.options(f"{FEATURES}/{flags.tenant.client}")
    assert response.status_code == 204
    assert response.headers["access-control-allow-headers"] == "*"
    refused = await flags.client.post(f"{FEATURES}/{flags.tenant.client}")
    assert refused.status_code == 405


async def test_a_change_is_pushed_whole(flags: Edge, url: str) -> None:
    address = f"{url}/sub/{flags.tenant.client}"
    async with listening(address, seen="none") as (response, ear):
        assert response.headers["content-type"].startswith("text/event-stream")
        assert await ear.block() == {"retry": "10000"}
        before = await ear.event()
        await pause(flags, "flag-bool")
        after = await ear.event()
    assert before["event"] == after["event"] == "features"
    fetched = await flags.client.get(f"{FEATURES}/{flags.tenant.client}")
    assert after["data"] == fetched.text
    assert before["data"] != after["data"]


async def test_who_connects_is_told_everything_at_once(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing has changed for long: what the reader fetched may still be an old copy.
    monkeypatch.setattr(streams, "RECENT_SECONDS", 0.0)
    address = f"{url}/sub/{flags.tenant.client}"
    fetched = await flags.client.get(f"{FEATURES}/{flags.tenant.client}")
    for _ in range(2):
        async with listening(address) as (_, ear):
            told = await ear.event()
        assert (told["event"], told["data"]) == ("features", fetched.text)
    async with listening(address, seen=told["id"]) as (_, ear):
        assert await ear.block() == {"retry": "10000"}
        assert await ear.block() == {"id": told["id"]}
    async with listening(address, seen="1") as (_, ear):
        assert (await ear.event())["data"] == fetched.text


async def test_silence_is_broken_by_empty_data(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PING_SECONDS", 0.05)
    async with listening(f"{url}/sub/{flags.tenant.client}") as (_, ear):
        await ear.event()
        assert await ear.block() == {"data": ""}


async def test_a_full_process_does_not_offer_its_streams(
    flags: Edge, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_STREAMS", 0)
    response = await flags.client.get(f"{FEATURES}/{flags.tenant.client}")
    assert "x-sse-support" not in response.headers
    async with listening(f"{url}/sub/{flags.tenant.client}") as (refused, _):
        assert refused.status_code == 503
