"""The endpoint's answers, case by case."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from experiments.assignment.definitions import Snapshot
from tests.api.conftest import Edge
from tests.ofrep.conftest import VALUES, pause

FLAGS = "/ofrep/v1/evaluate/flags"
REASONS = {"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}


async def ask(
    edge: Edge,
    key: str = "",
    /,
    *,
    headers: dict[str, str] | None = None,
    query: str = "",
    **context: Any,
) -> httpx.Response:
    """One evaluation; of all flags unless one is named. `targetingKey` is u1."""
    path = f"{FLAGS}/{key}" if key else FLAGS
    return await edge.client.post(
        path + query,
        json={"context": {"targetingKey": "u1", **context}},
        headers={"authorization": f"Bearer {edge.tenant.client}"} | (headers or {}),
    )


@pytest.mark.parametrize("key", VALUES)
async def test_a_flag_has_a_value_a_variant_and_flat_metadata(
    flags: Edge, key: str
) -> None:
    response = await ask(flags, key)
    assert response.status_code == 200
    answer = response.json()
    assert answer["key"] == key
    assert answer["reason"] == "SPLIT"
    arm = ("control", "treatment").index(answer["variant"])
    assert answer["value"] == VALUES[key][arm]
    assert type(answer["value"]) is type(VALUES[key][arm])
    told = answer["metadata"]
    assert all(isinstance(value, str | int | float) for value in told.values())
    assert told["experimentKey"] == key
    assert told["phase"] == 1
    assert told["inExperiment"] is True
    assert told["configVersion"] >= 5


async def test_a_bulk_answer_has_every_flag_as_one_alone_has_it(flags: Edge) -> None:
    bulk = (await ask(flags)).json()
    assert {flag["key"] for flag in bulk["flags"]} == set(VALUES)
    for flag in bulk["flags"]:
        alone = (await ask(flags, flag["key"])).json()
        version = alone["metadata"].pop("configVersion")
        assert flag == alone
        assert bulk["metadata"]["configVersion"] == version


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
@pytest.mark.parametrize("kind", ["client", "viewer", "admin"])
async def test_any_key_may_evaluate(flags: Edge, header: str, kind: str) -> None:
    text = getattr(flags.tenant, kind)
    given = f"Bearer {text}" if header == "authorization" else text
    response = await flags.client.post(
        FLAGS, json={"context": {"targetingKey": "u1"}}, headers={header: given}
    )
    assert response.status_code == 200


@pytest.mark.parametrize("key", ["", "flag-bool", "no-such-flag"])
async def test_a_stranger_learns_nothing(flags: Edge, key: str) -> None:
    response = await ask(flags, key, headers={"authorization": "Bearer hk_c_none"})
    assert response.status_code == 401
    assert "no-such" not in response.json()["errorDetails"]


@pytest.mark.parametrize("key", ["absent", "a/b", "a%20b", "é", "x" * 129, "%00"])
async def test_a_flag_that_is_not_there_is_not_found(flags: Edge, key: str) -> None:
    response = await ask(flags, key)
    assert response.status_code == 404
    assert response.json()["errorCode"] == "FLAG_NOT_FOUND"
    assert response.json()["key"]


DEEP = '{"a":' * 40 + "1" + "}" * 40
BAD = [
    (b"", "PARSE_ERROR"),
    (b"{", "PARSE_ERROR"),
    (b"[]", "PARSE_ERROR"),
    (b"null", "PARSE_ERROR"),
    (b'"text"', "PARSE_ERROR"),
    (b"\xff\xfe", "PARSE_ERROR"),
    (b'{"context": {"targetingKey": "u", "x": NaN}}', "PARSE_ERROR"),
    (b'{"context": {"targetingKey": "u", "x": 1e999}}', "PARSE_ERROR"),
    (b'{"context": {"targetingKey": "\\ud800"}}', "PARSE_ERROR"),
    (b"{}", "TARGETING_KEY_MISSING"),
    (b'{"context": null}', "TARGETING_KEY_MISSING"),
    (b'{"context": {}}', "TARGETING_KEY_MISSING"),
    (b'{"context": {"targetingKey": ""}}', "TARGETING_KEY_MISSING"),
    (b'{"context": {"targetingKey": null, "plan": "pro"}}', "TARGETING_KEY_MISSING"),
    (b'{"context": []}', "INVALID_CONTEXT"),
    (b'{"context": "u1"}', "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": 7}}', "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": ["u"]}}', "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": "u\\u0000"}}', "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": "u", "a\\u0000": 1}}', "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": "%s"}}' % (b"u" * 201), "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": "u", "x": %s}}' % DEEP.encode(), "INVALID_CONTEXT"),
    (b'{"context": {"targetingKey": "u", "x": %s}}' % (b"[" * 9999), "INVALID_CONTEXT"),
    (
        json.dumps(
            {"context": {"targetingKey": "u"} | {f"a{n}": n for n in range(101)}}
        ).encode(),
        "INVALID_CONTEXT",
    ),
]


async def test_a_context_without_ids_is_told_which_ones_will_do(flags: Edge) -> None:
    response = await ask(flags, targetingKey="")
    details = response.json()["errorDetails"]
    for name in ("anonymousId", "accountId"):
        context: dict[str, Any] = {"targetingKey": "", name: "x"}
        answer = await ask(flags, **context)
        assert (answer.status_code, name in details) == (200, True)


@pytest.mark.parametrize("key", ["", "flag-bool"])
async def test_bad_input_has_a_code(flags: Edge, key: str) -> None:
    for body, code in BAD:
        response = await flags.client.post(
            f"{FLAGS}/{key}" if key else FLAGS,
            content=body,
            headers={"x-api-key": flags.tenant.client},
        )
        assert response.status_code == 400, body[:80]
        answer = response.json()
        assert answer["errorCode"] == code, body[:80]
        assert answer["errorDetails"]
        assert answer.get("key", "") == key


async def test_large_attributes_are_taken_and_larger_bodies_refused(
    flags: Edge,
) -> None:
    assert (await ask(flags, long="x" * 250_000)).status_code == 200
    refused = await ask(flags, long="x" * 1_000_000)
    assert refused.json()["errorCode"] == "INVALID_CONTEXT"
    assert (await ask(flags, huge=10**300)).status_code == 200
    refused = await ask(flags, long="x" * 1_100_000)
    assert refused.status_code == 413
    assert refused.json()["errorCode"] == "GENERAL"


async def test_what_is_known_is_not_sent_again(flags: Edge) -> None:
    first = await ask(flags)
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        again = await ask(flags, headers={"if-none-match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == etag
    whatever = await ask(flags, headers={"if-none-match": "*"})
    assert whatever.status_code == 304
    around = await ask(flags, headers={"if-none-match": f"x{etag}x"})
    assert around.status_code == 200
    other = await ask(flags, headers={"if-none-match": '"other"'})
    assert other.status_code == 200


async def test_an_etag_covers_the_context_and_the_definitions(flags: Edge) -> None:
    etags = {
        (await ask(flags, targetingKey=f"u{n}")).headers["etag"] for n in range(20)
    }
    assert len(etags) > 10
    etag = (await ask(flags)).headers["etag"]
    await pause(flags, "flag-bool")
    changed = await ask(flags, headers={"if-none-match": etag})
    assert changed.status_code == 200


async def test_a_paused_flag_gives_the_control_and_says_so(flags: Edge) -> None:
    await pause(flags, "flag-string")
    answer = (await ask(flags, "flag-string")).json()
    assert answer["reason"] == "DISABLED"
    assert (answer["variant"], answer["value"]) == ("control", "blue")
    assert answer["metadata"]["cause"] == "PAUSED"
    assert answer["metadata"]["inExperiment"] is False


async def test_code_that_holds_the_defaults_is_given_none_while_disabled(
    flags: Edge,
) -> None:
    await pause(flags, "flag-string")
    coded = {"x-hone-code-default": "1"}
    answer = (await ask(flags, "flag-string", headers=coded)).json()
    assert "value" not in answer
    assert answer["variant"] == "control"
    bulk = (await ask(flags, headers=coded)).json()
    lacking = {flag["key"] for flag in bulk["flags"] if "value" not in flag}
    assert lacking == {"flag-string"}


async def test_one_publication_changes_one_flag(flags: Edge) -> None:
    before = {flag["key"]: flag for flag in (await ask(flags)).json()["flags"]}
    await pause(flags, "flag-int")
    after = {flag["key"]: flag for flag in (await ask(flags)).json()["flags"]}
    assert [key for key in before if before[key] != after[key]] == ["flag-int"]


async def test_answers_are_private_and_open_to_pages(flags: Edge) -> None:
    response = await ask(flags)
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["access-control-allow-origin"] == "*"
    assert "etag" in response.headers["access-control-expose-headers"]
    assert "authorization" in response.headers["vary"]
    secret = {"authorization": f"Bearer {flags.tenant.admin}"}
    closed = await ask(flags, headers=secret)
    assert "access-control-allow-origin" not in closed.headers


@pytest.mark.parametrize("path", [FLAGS, f"{FLAGS}/flag-bool"])
async def test_a_page_may_ask_before_it_asks(flags: Edge, path: str) -> None:
    response = await flags.client.options(path)
    assert response.status_code == 204
    allowed = response.headers["access-control-allow-headers"]
    for name in ("if-none-match", "authorization", "x-api-key", "content-type"):
        assert name in allowed


async def test_only_posts_are_taken(flags: Edge) -> None:
    response = await flags.client.get(FLAGS, headers={"x-api-key": flags.tenant.client})
    assert response.status_code == 405
    assert "POST" in response.headers["allow"]


async def test_a_visitor_or_an_account_is_a_subject_too(flags: Edge) -> None:
    for ids in ({"anonymousId": "v1"}, {"accountId": "a1"}):
        nobody: dict[str, Any] = {"targetingKey": None, **ids}
        assert (await ask(flags, "flag-bool", **nobody)).status_code == 200


async def test_one_broken_flag_is_an_item_and_a_line_in_the_log(
    flags: Edge, caplog: pytest.LogCaptureFixture
) -> None:
    definitions = flags.app.state.services.definitions
    environment_id = flags.tenant.environment.id
    snapshot = await definitions.snapshot(environment_id)
    broken = []
    for phase in snapshot.phases.values():
        definition = phase.definition
        if definition.experiment_key == "flag-int":
            variants = tuple(replace(v, value=object()) for v in definition.variants)
            definition = replace(definition, variants=variants)
        broken.append(definition)
    definitions._snapshots[environment_id] = Snapshot.of(99, broken)
    answer = await ask(flags)
    assert answer.status_code == 200
    failed = [flag for flag in answer.json()["flags"] if "errorCode" in flag]
    assert [(flag["key"], flag["errorCode"]) for flag in failed] == [
        ("flag-int", "GENERAL")
    ]
    said = [getattr(record, "fields", {}).get("flag") for record in caplog.records]
    assert "flag-int" in said
    alone = await ask(flags, "flag-int")
    assert alone.status_code == 500
    assert "errorDetails" in alone.json()


async def test_a_body_of_very_many_values_is_refused_unread(flags: Edge) -> None:
    answer = await ask(flags, plan=["x"] * 6_000)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_CONTEXT")
    assert "5,000 values" in answer.json()["errorDetails"]
