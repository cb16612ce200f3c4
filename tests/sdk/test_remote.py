"""Remote evaluation: the values of one subject, and no rule that led to them."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.http import remote
from experiments.assignment.definitions import Snapshot
from experiments.assignment.lowering import lowered
from experiments.assignment.sdk import Context, Definitions
from tests.api.conftest import Edge
from tests.api.experiments import DRAFT, mutate
from tests.experiments.assignment.rulesets import DEFINITION
from tests.npm import running
from tests.ofrep.conftest import VALUES, start
from tests.ofrep.test_ofrep import ask

REMOTE = Path(__file__).parent / "remote.mjs"
IDENTIFY = """
mutation ($subject: SubjectInput!) {
  identify(input: {idempotencyKey: "i", subject: $subject}) { __typename }
}
"""


async def evaluate(flags: Edge, body: object, key: str | None = None) -> httpx.Response:
    """What one client key's environment gives."""
    path = f"/api/eval/{key or flags.tenant.client}"
    return await flags.client.post(path, json=body)


async def test_the_sdk_evaluates_remotely_and_tracks(flags: Edge, url: str) -> None:
    async with running(REMOTE, url, flags.tenant.client) as sdk:
        assert await sdk.line() == {"success": True}
        for user in ("u1", "u2", "u3", "u4"):
            await sdk.say(
                {"attributes": {"id": user, "plan": "pro"}, "keys": [*VALUES]}
            )
            given = await sdk.line()
            variants = {}
            for key, value in zip(VALUES, given["values"], strict=True):
                served = (await ask(flags, key, targetingKey=user, plan="pro")).json()
                assert value == served["value"]
                variants[key] = served["variant"]
            assert {
                each["key"]: each["variant"] for each in given["tracked"]
            } == variants
            assert {each["phase"] for each in given["tracked"]} == {"1"}


async def test_no_rule_and_no_other_variant_is_told(flags: Edge) -> None:
    answer = await evaluate(flags, {"attributes": {"id": "u1", "plan": "pro"}})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"
    features = answer.json()["features"]
    assert features.keys() == VALUES.keys()
    for feature in features.values():
        (rule,) = feature["rules"]
        assert rule.keys() == {"force", "tracks"}
        for track in rule["tracks"]:
            experiment, chosen = track["experiment"], track["result"]["variationId"]
            hidden = {"condition", "weights", "coverage", "seed", "parentConditions"}
            assert not hidden & experiment.keys()
            for listed in ("variations", "meta"):
                others = [*experiment[listed]]
                others.pop(chosen)
                assert all(each == {} for each in others)


async def test_what_is_forced_counts_and_exposes_nobody(flags: Edge) -> None:
    forced = {
        "forcedFeatures": [["flag-int", 99]],
        "forcedVariations": {"flag-bool": 1},
    }
    answer = await evaluate(
        flags, {"attributes": {"id": "u1", "plan": "pro"}, **forced}
    )
    features = answer.json()["features"]
    assert features["flag-int"] == {"defaultValue": 99}
    assert features["flag-bool"]["defaultValue"] == VALUES["flag-bool"][1]


async def test_traits_on_record_complete_what_was_sent(flags: Edge) -> None:
    draft = {"key": "for-pros", "idempotencyKey": "p", "targeting": {"plan": "pro"}}
    assert "code" not in await mutate(flags, "createExperiment", {**DRAFT, **draft})
    given: dict[str, Any] = {"idempotencyKey": "s", "expectedVersion": 1}
    begun = {**given, "experiment": {"key": "for-pros"}}
    assert "code" not in await mutate(flags, "startExperiment", begun)
    asked = {"attributes": {"id": "u10"}}
    before = (await evaluate(flags, asked)).json()["features"]["for-pros"]
    assert "rules" not in before
    traits = {"userId": "u10", "attributes": {"plan": "pro"}}
    answer = await flags.ask(IDENTIFY, subject=traits)
    assert "errors" not in answer, answer
    after = (await evaluate(flags, asked)).json()["features"]["for-pros"]
    assert "rules" in after


async def test_a_browser_cannot_talk_itself_into_another_limit(flags: Edge) -> None:
    limit = {
        "meter": "reports",
        "kind": "STOCK",
        "disclosure": {"text": "Some are free."},
    }
    await start(
        flags,
        "report-limit",
        treatment="FREEMIUM_LIMIT",
        targeting={"plan": "free"},
        variants=[
            {
                "key": f"of-{value}",
                "weight": 0.5,
                "isControl": value == 100,
                "payload": {"limit": {**limit, "value": value}},
            }
            for value in (100, 60)
        ],
    )
    await start(flags, "for-free", targeting={"plan": "free"})
    asked = {"attributes": {"id": "u11", "plan": "free"}}
    before = (await evaluate(flags, asked)).json()["features"]
    assert "rules" in before["report-limit"]
    traits = {"userId": "u11", "attributes": {"plan": "paid"}}
    assert "errors" not in await flags.ask(IDENTIFY, subject=traits)
    after = (await evaluate(flags, asked)).json()["features"]
    assert "rules" not in after["report-limit"]
    assert "rules" in after["for-free"]


async def test_a_trait_on_record_is_no_id(flags: Edge) -> None:
    traits = {"anonymousId": "v1", "attributes": {"id": "u1"}}
    assert "errors" not in await flags.ask(IDENTIFY, subject=traits)
    body = (await evaluate(flags, {"attributes": {"anonymousId": "v1"}})).json()
    (rule,) = body["features"]["flag-bool"]["rules"]
    hashed = {track["result"]["hashAttribute"] for track in rule["tracks"]}
    assert hashed == {"anonymousId"}


async def test_the_rules_of_a_snapshot_are_read_once(
    flags: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def counted(snapshot: Snapshot) -> Any:
        read.append(snapshot)
        return lowered(snapshot)

    monkeypatch.setattr(remote, "lowered", counted)
    asked = {"attributes": {"id": "u1", "plan": "pro"}}
    first, second = await asyncio.gather(evaluate(flags, asked), evaluate(flags, asked))
    assert first.json() == second.json()
    assert len(read) == 1


async def test_others_have_their_turn_while_many_are_evaluated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served = Snapshot.of(
        1, [replace(DEFINITION, experiment_key=f"e{place}") for place in range(6)]
    )
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(remote, "AT_ONCE", 2)
    context = Context(attributes={"id": "u1"})
    waiting = asyncio.create_task(others())
    found = await remote.evaluated(
        served, Definitions.of(lowered(served)), remote.Asked(context, context)
    )
    waiting.cancel()
    assert (len(found["features"]), turns) == (6, 3)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"attributes": []},
        {"attributes": {f"a{n}": n for n in range(101)}},
        {"forcedFeatures": [["a"]]},
        {"forcedFeatures": {"a": 1}},
        {"forcedVariations": 1},
        {"url": "x" * 10_000},
    ],
)
async def test_what_is_no_question_is_refused(flags: Edge, body: Any) -> None:
    answer = await evaluate(flags, body)
    assert answer.status_code == 400
    assert answer.json()["status"] == 400


async def test_only_a_client_key_evaluates(flags: Edge) -> None:
    refused = await evaluate(flags, {}, flags.tenant.admin)
    assert (refused.status_code, refused.headers["x-unrecoverable"]) == (400, "1")
    path = f"/api/eval/{flags.tenant.client}"
    assert (await flags.client.get(path)).status_code == 405
    asked = await flags.client.options(path)
    assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (
        204,
        "*",
    )
    sent = await flags.client.post(path, content=json.dumps({"attributes": {}})[:-1])
    assert sent.status_code == 400
