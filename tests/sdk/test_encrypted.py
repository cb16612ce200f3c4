"""Encrypted payloads: what they show, what they keep, and the SDKs that read them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from api.http import sdk
from experiments.assignment import encrypted_payload
from experiments.assignment.sdk import decrypt
from tests.api.conftest import Edge
from tests.api.opened import issued
from tests.ofrep.conftest import VALUES, change, pause
from tests.ofrep.test_ofrep import ask
from tests.ofrep.test_streams import listening
from tests.sdk.test_clients import SUBJECT, every_client, start

PARTS = {
    "encryptedFeatures": "features",
    "encryptedExperiments": "experiments",
    "encryptedSavedGroups": "savedGroups",
}


async def new_key(flags: Edge) -> tuple[str, str]:
    """The text of a client key with an encrypted payload, and what decrypts it."""
    made = await issued(flags, encrypted=True)
    assert made["__typename"] == "CreateApiKeyPayload", made
    return made["secret"], made["apiKey"]["payloadKey"]


async def fetch(flags: Edge, key: str, **headers: str) -> httpx.Response:
    return await flags.client.get(f"/api/features/{key}", headers=headers)


def vectors(document: Mapping[str, Any]) -> set[str]:
    """The initialisation vectors of a document."""
    return {document[name].partition(".")[0] for name in PARTS}


async def test_it_says_the_same_to_who_has_the_key_and_nothing_else(
    flags: Edge,
) -> None:
    key, payload_key = await new_key(flags)
    assert len(base64.b64decode(payload_key, validate=True)) == 16
    answer = await fetch(flags, key)
    plain = (await fetch(flags, flags.tenant.client)).json()
    document = answer.json()
    assert document.keys() == {
        "status",
        "features",
        "experiments",
        "dateUpdated",
        *PARTS,
    }
    assert (document["features"], document["experiments"]) == ({}, [])
    assert document["dateUpdated"] == plain["dateUpdated"]
    for name, part in PARTS.items():
        text = decrypt(document[name], payload_key)
        assert text is not None
        assert json.loads(text) == plain[part]
    assert not any(name in answer.text for name in VALUES)
    assert payload_key not in answer.text


async def test_its_etag_holds_as_long_as_the_definitions_and_for_one_key(
    flags: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    (key, _), (other, _) = await new_key(flags), await new_key(flags)
    first = await fetch(flags, key)
    # As in another process, or after a restart: nothing is kept from before.
    monkeypatch.setattr(encrypted_payload, "_kept", type(encrypted_payload._kept)())
    again = await fetch(flags, key)
    assert (again.content, again.headers["etag"]) == (
        first.content,
        first.headers["etag"],
    )
    known = {"if-none-match": first.headers["etag"]}
    assert (await fetch(flags, key, **known)).status_code == 304
    assert (await fetch(flags, other, **known)).status_code == 200
    assert (await fetch(flags, flags.tenant.client, **known)).status_code == 200
    await pause(flags, "flag-bool")
    assert (await fetch(flags, key, **known)).status_code == 200


async def test_no_vector_comes_twice_even_for_what_comes_back(flags: Edge) -> None:
    key, _ = await new_key(flags)
    other, _ = await new_key(flags)
    seen: list[str] = []
    for step in ("", "pauseExperiment", "resumeExperiment"):
        if step == "pauseExperiment":
            await pause(flags, "flag-bool")
        elif step:
            await change(flags, step, "flag-bool")
        for each in (key, other):
            seen += vectors((await fetch(flags, each)).json())
    assert len(seen) == len(set(seen)) == 3 * 2 * len(PARTS)


async def test_few_documents_are_kept_of_many_keys(
    flags: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encrypted_payload, "MAX_KEYS", 2)
    made = [(await new_key(flags))[0] for _ in range(3)]
    first = [await fetch(flags, key) for key in made]
    again = [await fetch(flags, key) for key in made]
    assert [each.content for each in first] == [each.content for each in again]
    snapshot = flags.app.state.services.definitions.held(flags.tenant.environment.id)
    assert len(encrypted_payload._kept[snapshot]) == 2


async def test_the_door_on_the_wire_and_the_stream_say_the_same(
    flags: Edge, url: str
) -> None:
    key, _ = await new_key(flags)
    expected = await fetch(flags, key)
    async with httpx.AsyncClient(base_url=url) as client:
        for _ in range(3):
            answer = await client.get(f"/api/features/{key}")
            assert answer.content == expected.content
            assert answer.headers["etag"] == expected.headers["etag"]
    async with listening(f"{url}{sdk.CHANGES}/{key}", seen="none") as (_, ear):
        told = await ear.event()
        assert (told["event"], told["data"]) == ("features", expected.text)


@every_client
async def test_an_sdk_with_the_key_agrees_and_hears_of_a_change(
    flags: Edge, url: str, client: str
) -> None:
    key, payload_key = await new_key(flags)
    async with start(client, url, key, payload_key) as script:
        assert await script.line() == {"success": True}
        await script.say({"subjects": [SUBJECT], "keys": [*VALUES], "whole": True})
        for name, given in zip(VALUES, await script.line(), strict=True):
            served = (await ask(flags, name, plan="pro")).json()
            told = (given["value"], given["variant"])
            assert told == (served["value"], served["variant"])
        await pause(flags, "flag-int")
        until = {"until": "flag-int", "source": "force", "subject": SUBJECT}
        await script.say(until)
        assert (await script.line())["value"] == 10


async def test_an_sdk_with_another_key_has_the_defaults(flags: Edge, url: str) -> None:
    key, _ = await new_key(flags)
    _, another = await new_key(flags)
    async with start("javascript", url, key, another) as script:
        await script.line()
        await script.say({"subjects": [SUBJECT], "keys": [*VALUES]})
        assert await script.line() == [[None] * len(VALUES)]


async def test_what_decrypts_is_shown_to_who_issues_keys_and_in_no_trail(
    flags: Edge,
) -> None:
    _, payload_key = await new_key(flags)
    query = "{ project { apiKeys { payloadKey } } }"
    shown = (await flags.ask(query))["data"]["project"]["apiKeys"]
    assert {each["payloadKey"] for each in shown} == {payload_key, None}
    refused = await flags.ask(query, key=flags.tenant.viewer)
    assert payload_key not in json.dumps(refused)
    trail = "{ auditLog(first: 1) { edges { node { action after } } } }"
    (row,) = (await flags.ask(trail))["data"]["auditLog"]["edges"]
    assert row["node"]["after"] == {
        "kind": "CLIENT",
        "role": "VIEWER",
        "encrypted": True,
        "remoteOnly": False,
    }


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"kind": "SERVER", "encrypted": True}, ["encrypted"]),
        ({"kind": "SERVER", "remoteOnly": True}, ["remoteOnly"]),
        ({"encrypted": True, "remoteOnly": True}, ["encrypted"]),
    ],
)
async def test_options_that_mean_nothing_are_refused(
    flags: Edge, options: dict[str, Any], path: list[str]
) -> None:
    made = await issued(flags, **options)
    assert (made["__typename"], made["path"]) == ("ValidationError", path)
