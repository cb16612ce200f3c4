"""Layers, holdouts, segments and prerequisites through the edge."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.conftest import Edge, Tenant
from tests.api.control import LAYER, OPERATIONS, change, changed, document
from tests.api.experiments import DRAFT, make_metrics, mutate, started

pytestmark = pytest.mark.stores

POPULATION = """
query ($key: String!) { experiment(by: {key: $key}) {
  area exemptFromHoldouts version
  prerequisites { experimentKey variants }
  layer { layer { key } ranges { start end } }
  launchChecks { code severity message }
  phases {
    number arms { variant weight isControl }
    eligibility {
      condition layer { key seed ranges { start end } }
      holdouts { key seed share } prerequisites { experimentKey variants }
      segments { key version }
    }
  }
} }
"""


async def population(edge: Edge, key: str = "short-form") -> dict[str, Any]:
    """Whom an experiment is for."""
    answer = await edge.send({"query": POPULATION, "variables": {"key": key}})
    body: dict[str, Any] = answer.json()
    assert "errors" not in body, body
    found: dict[str, Any] = body["data"]["experiment"]
    return found


async def draft(edge: Edge, key: str, **changes: Any) -> dict[str, Any]:
    """One more draft."""
    return await mutate(
        edge,
        "createExperiment",
        {**DRAFT, "key": key, "idempotencyKey": key, **changes},
    )


async def test_a_layer_shows_what_is_taken_and_what_is_free(edge: Edge) -> None:
    await make_metrics(edge)
    made = (await changed(edge, "createLayer", key="free", name="Free plan"))["layer"]
    assert (made["version"], made["taken"], len(made["seed"])) == (1, [], 16)
    assert made["free"] == [{"start": 0.0, "end": 1.0}]
    await draft(edge, "one", layer={"key": "free", "ranges": [[0, 0.25]]})
    await draft(edge, "two", layer={"key": "free", "share": 0.5})
    refused = await draft(edge, "three", layer={"key": "free", "share": 0.5})
    assert refused["code"] == "LAYER_SLOT_TAKEN"
    assert refused["path"] == ["layer", "share"]
    query = f"""{{ layer(key: "free") {{ {LAYER} }}
      layers {{ edges {{ node {{ key }} }} }} }}"""
    found = (await edge.ask(query))["data"]
    assert found["layer"]["taken"] == [
        {"experimentKey": "one", "ranges": [{"start": 0.0, "end": 0.25}]},
        {"experimentKey": "two", "ranges": [{"start": 0.25, "end": 0.75}]},
    ]
    assert found["layer"]["free"] == [{"start": 0.75, "end": 1.0}]
    assert found["layers"]["edges"] == [{"node": {"key": "free"}}]
    renamed = await changed(
        edge, "renameLayer", id=made["id"], expectedVersion=1, name="Free"
    )
    assert (renamed["layer"]["name"], renamed["layer"]["version"]) == ("Free", 2)
    in_use = await change(edge, "archiveLayer", id=made["id"], expectedVersion=2)
    assert (in_use["__typename"], in_use["code"]) == ("ConflictError", "LAYER_IN_USE")
    stale = await change(edge, "archiveLayer", id=made["id"], expectedVersion=1)
    assert (stale["code"], stale["currentVersion"]) == ("STALE_VERSION", 2)


async def test_a_draft_leaves_its_layer_by_null(edge: Edge) -> None:
    await make_metrics(edge)
    await changed(edge, "createLayer", key="free")
    await draft(edge, "one", layer={"key": "free", "share": 1})
    step = {"experiment": {"key": "one"}, "expectedVersion": 1}
    kept = await mutate(
        edge, "updateExperiment", {**step, "idempotencyKey": "a", "name": "Other"}
    )
    assert (await population(edge, "one"))["layer"]["layer"] == {"key": "free"}
    step["expectedVersion"] = kept["experiment"]["version"]
    await mutate(
        edge, "updateExperiment", {**step, "idempotencyKey": "b", "layer": None}
    )
    assert (await population(edge, "one"))["layer"] is None
    assert (await changed(edge, "createLayer", key="other"))["replayed"] is False


async def test_a_unit_that_does_not_fit_is_a_conflict(edge: Edge) -> None:
    await make_metrics(edge)
    await changed(edge, "createLayer", key="accounts", unit="ACCOUNT")
    refused = await draft(edge, "one", layer={"key": "accounts", "share": 0.5})
    assert refused["code"] == "LAYER_UNIT_MISMATCH"


async def test_a_phase_shows_what_its_start_froze(edge: Edge) -> None:
    beta = {"attribute": "id", "values": ["u1", "u2", "u3"]}
    segment = (await changed(edge, "createSegment", key="beta", **beta))["segment"]
    layer = (await changed(edge, "createLayer", key="free"))["layer"]
    holdout = await changed(
        edge, "createHoldout", key="global", share=0.05, area="signup"
    )
    await make_metrics(edge)
    await draft(edge, "parent")
    run = await started(
        edge,
        targeting={"$savedGroup": {"id": "beta"}},
        layer={"key": "free", "share": 0.5},
        area="signup",
        prerequisites=[{"experimentKey": "parent", "variants": ["short"]}],
    )
    assert run["status"] == "RUNNING"
    await changed(
        edge,
        "updateSegment",
        id=segment["id"],
        expectedVersion=1,
        attribute="id",
        values=["u9"],
    )
    found = await population(edge)
    (phase,) = found["phases"]
    frozen = phase["eligibility"]
    assert "u3" in str(frozen["condition"])
    assert "u9" not in str(frozen["condition"])
    assert frozen["segments"] == [{"key": "beta", "version": 1}]
    assert frozen["layer"] == {
        "key": "free",
        "seed": layer["seed"],
        "ranges": [{"start": 0.0, "end": 0.5}],
    }
    assert frozen["holdouts"] == [
        {"key": "global", "seed": holdout["holdout"]["seed"], "share": 0.05}
    ]
    needs = [{"experimentKey": "parent", "variants": ["short"]}]
    assert frozen["prerequisites"] == needs == found["prerequisites"]
    assert [arm["weight"] for arm in phase["arms"]] == [0.5, 0.5]
    archived = await mutate(
        edge,
        "archiveExperiment",
        {
            "idempotencyKey": "away",
            "experiment": {"key": "parent"},
            "expectedVersion": 1,
        },
    )
    assert archived["code"] == "PREREQUISITE_IN_USE"


async def test_a_holdout_is_listed_until_it_ends(edge: Edge) -> None:
    made = (await changed(edge, "createHoldout", key="global", share=0.1))["holdout"]
    assert (made["area"], made["unit"], made["share"]) == (None, "USER", 0.1)
    refused = await change(edge, "createHoldout", key="large", share=0.3)
    assert (refused["__typename"], refused["path"]) == ("ValidationError", ["share"])
    ended = await changed(
        edge, "endHoldout", id=made["id"], expectedVersion=1, reason="Half a year."
    )
    assert ended["holdout"]["endedAt"] is not None
    again = await change(edge, "createHoldout", key="global", share=0.2)
    assert again["code"] == "KEY_RESERVED"
    query = """query ($all: Boolean!) {
      holdouts(withEnded: $all) { edges { node { key } } } }"""
    for with_ended, keys in ((False, []), (True, ["global"])):
        found = await edge.ask(query, all=with_ended)
        edges = found["data"]["holdouts"]["edges"]
        assert [each["node"]["key"] for each in edges] == keys
    trail = await edge.ask(
        "{ auditLog(first: 1) { edges { node { action reason } } } }"
    )
    (row,) = trail["data"]["auditLog"]["edges"]
    assert row["node"] == {"action": "holdout.end", "reason": "Half a year."}


async def test_who_is_exempt_says_why_in_the_trail(edge: Edge) -> None:
    await make_metrics(edge)
    silent = await draft(edge, "one", exemptFromHoldouts=True)
    assert (silent["code"], silent["path"]) == ("REASON_MISSING", ["exemptionReason"])
    await draft(edge, "two", exemptFromHoldouts=True, exemptionReason="A legal fix.")
    assert (await population(edge, "two"))["exemptFromHoldouts"] is True
    trail = await edge.ask("{ auditLog(first: 1) { edges { node { reason } } } }")
    assert trail["data"]["auditLog"]["edges"][0]["node"]["reason"] == "A legal fix."


async def test_a_segment_says_who_is_in_it_and_where_it_is_named(edge: Edge) -> None:
    await make_metrics(edge)
    listed = {"attribute": "id", "values": ["u1", "u2", "u3", "u1"]}
    made = (await changed(edge, "createSegment", key="beta", **listed))["segment"]
    assert (made["kind"], made["size"]) == ("LIST", 3)
    assert [e["node"]["value"] for e in made["values"]["edges"]] == ["u1", "u2"]
    page = """query ($id: ID!, $after: String) { node(id: $id) { ... on Segment {
      values(first: 2, after: $after) { edges { node { value } }
      pageInfo { hasNextPage hasPreviousPage } } } } }"""
    cursor = made["values"]["pageInfo"]["endCursor"]
    rest = (await edge.ask(page, id=made["id"], after=cursor))["data"]["node"]
    assert rest["values"] == {
        "edges": [{"node": {"value": "u3"}}],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True},
    }
    foreign = await edge.ask(page, id=made["id"], after="eA==")
    assert foreign["errors"][0]["extensions"]["code"] == "BAD_INPUT"
    inner = {"condition": {"$not": {"$savedGroup": {"id": "beta"}}}}
    await changed(edge, "createSegment", key="others", **inner)
    await draft(edge, "one", targeting={"id": {"$inGroup": "beta"}})
    query = """{ segments { edges { node { key kind usedBy {
      experiments segments } } } } }"""
    edges = (await edge.ask(query))["data"]["segments"]["edges"]
    assert [each["node"] for each in edges] == [
        {
            "key": "beta",
            "kind": "LIST",
            "usedBy": {"experiments": ["one"], "segments": ["others"]},
        },
        {
            "key": "others",
            "kind": "CONDITION",
            "usedBy": {"experiments": [], "segments": []},
        },
    ]
    refused = await change(edge, "archiveSegment", id=made["id"], expectedVersion=1)
    assert refused["code"] == "SEGMENT_IN_USE"
    unknown = await draft(edge, "two", targeting={"id": {"$inGroup": "none"}})
    assert unknown["__typename"] == "ValidationError"
    assert unknown["code"] == "SEGMENT_UNKNOWN"
    assert unknown["path"] == ["targeting", "id", "$inGroup"]


async def test_a_segment_of_thousands_is_read_page_by_page(edge: Edge) -> None:
    listed = {"attribute": "id", "values": [f"user-{n}" for n in range(5_000)]}
    made = (await changed(edge, "createSegment", key="many", **listed))["segment"]
    assert made["size"] == 5_000
    assert made["values"]["pageInfo"]["hasNextPage"] is True


@pytest.mark.parametrize(
    "given",
    [{}, {"attribute": "id"}, {"condition": ["x"]}, {"attribute": "id", "values": []}],
)
async def test_a_segment_of_nothing_is_refused(
    edge: Edge, given: dict[str, Any]
) -> None:
    refused = await change(edge, "createSegment", key="beta", **given)
    assert refused["code"] == "SEGMENT_INVALID"


async def test_overlap_and_what_the_treatment_changes_are_worth_knowing(
    edge: Edge,
) -> None:
    await started(edge)
    limits = [
        {
            "key": f"of-{value}",
            "weight": 0.5,
            "isControl": value == 100,
            "payload": {
                "limit": {
                    "meter": "reports",
                    "kind": "STOCK",
                    "value": value,
                    "disclosure": {"text": "Some are free."},
                }
            },
        }
        for value in (100, 60)
    ]
    await draft(
        edge,
        "limit",
        treatment="FREEMIUM_LIMIT",
        variants=limits,
        targeting={"plan": "free"},
    )
    found = (await population(edge, "limit"))["launchChecks"]
    checks = {each["code"]: each for each in found}
    assert checks["OVERLAP"]["severity"] == "INFO"
    assert "are in Shorter form;" in checks["OVERLAP"]["message"]
    assert checks["TARGETING_CHANGES"]["severity"] == "WARNING"
    assert "plan" in checks["TARGETING_CHANGES"]["message"]


async def test_another_project_finds_none_of_it(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    rival = (await other_tenant()).admin
    made = [
        ("layer", await changed(edge, "createLayer", key="free")),
        ("holdout", await changed(edge, "createHoldout", key="global", share=0.1)),
        (
            "segment",
            await changed(
                edge, "createSegment", key="beta", attribute="id", values=["u1"]
            ),
        ),
    ]
    query = "query ($id: ID!) { node(id: $id) { id } }"
    for name, payload in made:
        local = payload[name]["id"]
        own = await edge.ask(query, id=local)
        assert own["data"]["node"] == {"id": local}
        answer = await edge.ask(query, key=rival, id=local)
        assert answer["data"] == {"node": None}
        operation = {"layer": "archiveLayer", "segment": "archiveSegment"}.get(name)
        if operation is not None:
            refused = await change(
                edge, operation, by=rival, id=local, expectedVersion=1
            )
            assert refused["code"] == "NOT_FOUND"
    listed = """{ layers { edges { cursor } } holdouts { edges { cursor } }
      segments { edges { cursor } } }"""
    for key, count in ((None, 1), (rival, 0)):
        data = (await edge.ask(listed, key=key))["data"]
        assert {len(each["edges"]) for each in data.values()} == {count}
    answer = await edge.ask('{ layer(key: "free") { id } }', key=rival)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


SAMPLES: dict[str, dict[str, Any]] = {
    "createLayer": {"key": "x"},
    "renameLayer": {"id": "x", "expectedVersion": 1, "name": "x"},
    "archiveLayer": {"id": "x", "expectedVersion": 1},
    "createHoldout": {"key": "x", "share": 0.1},
    "endHoldout": {"id": "x", "expectedVersion": 1, "reason": "x"},
    "createSegment": {"key": "x"},
    "updateSegment": {"id": "x", "expectedVersion": 1},
    "archiveSegment": {"id": "x", "expectedVersion": 1},
    "throwKillSwitch": {"scope": "ALL", "reason": "x"},
    "releaseKillSwitch": {"id": "x", "reason": "x"},
    "raiseCoverage": {
        "experiment": {"key": "x"},
        "expectedVersion": 1,
        "coverage": 1,
    },
    "startNewPhase": {
        "experiment": {"key": "x"},
        "expectedVersion": 1,
        "reason": "x",
    },
    "overrideAssignment": {
        "experiment": {"key": "x"},
        "subjectId": "x",
        "variant": "x",
        "reason": "x",
    },
    "removeOverride": {"id": "x", "reason": "x"},
}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_a_viewer_and_a_browser_change_nothing(edge: Edge, name: str) -> None:
    given = {"idempotencyKey": "x", **SAMPLES[name]}
    for key in (edge.tenant.viewer, edge.tenant.client):
        answer = await edge.ask(document(name), key=key, input=given)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize("name", ["layers", "holdouts", "segments", "killSwitches"])
async def test_a_browser_reads_no_rules(edge: Edge, name: str) -> None:
    query = f"{{ {name} {{ edges {{ node {{ id }} }} }} }}"
    answer = await edge.ask(query, key=edge.tenant.client)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    allowed = await edge.ask(query, key=edge.tenant.viewer)
    assert allowed["data"][name] == {"edges": []}
