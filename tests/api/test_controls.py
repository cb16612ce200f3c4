"""Switches, names, coverage and new phases through the edge, and what explains them."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.ids import new_id
from experiments.models import Phase
from tests.api.conftest import Edge, Tenant
from tests.api.control import change, changed
from tests.api.experiments import DRAFT, make_metrics, mutate, started
from tests.experiments.analysis.designs import START, paid
from tests.experiments.analysis.stored import prepared, publish

pytestmark = pytest.mark.stores

ASSIGN = """
query ($subject: SubjectInput!) { assignments(subject: $subject) {
  assignments { experimentKey variant reason cause inExperiment phase } } }
"""
EXPLAIN = """
query ($subject: SubjectInput!, $key: String!) {
  explainAssignment(subject: $subject, key: $key) {
    assignment { variant cause reason configVersion }
    bucket seed overridden linked phaseVersion
    layer { key seed bucket inside slots { start end } }
    holdouts { key bucket share heldOut }
    prerequisites { experimentKey variants variant cause met }
    failed { attribute }
  }
}
"""
HERE = {"key": "short-form"}


async def assign(edge: Edge, user: str = "u1") -> dict[str, Any]:
    """What the first experiment gives a browser's user."""
    answer = await edge.ask(ASSIGN, key=edge.tenant.client, subject={"userId": user})
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["assignments"]["assignments"][0]
    return found


async def explain(edge: Edge, key: str, user: str = "u1") -> dict[str, Any]:
    """Why an experiment gives a user what it does."""
    sent = {"subject": {"userId": user}, "key": key}
    response = await edge.send({"query": EXPLAIN, "variables": sent})
    answer = response.json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["explainAssignment"]
    return found


async def test_a_switch_is_rehearsed_thrown_and_released(edge: Edge) -> None:
    await started(edge)
    before = await assign(edge)
    dry = await changed(
        edge, "throwKillSwitch", scope="ALL", reason="A fire.", dryRun=True
    )
    assert dry == {
        "__typename": "KillSwitchPayload",
        "replayed": False,
        "killSwitch": None,
        "covered": 1,
        "coveredKeys": ["short-form"],
        "dryRun": True,
    }
    assert await assign(edge) == before
    thrown = await changed(
        edge,
        "throwKillSwitch",
        scope="EXPERIMENT",
        experiment=HERE,
        reason="A fire.",
    )
    switch = thrown["killSwitch"]
    assert (switch["experimentKey"], switch["layerKey"]) == ("short-form", None)
    assert (thrown["coveredKeys"], thrown["dryRun"]) == (["short-form"], False)
    now = await assign(edge)
    assert (now["variant"], now["reason"]) == ("long", "KILL_SWITCH")
    assert (now["cause"], now["inExperiment"]) == ("KILLED", False)
    again = await changed(
        edge, "throwKillSwitch", scope="EXPERIMENT", experiment=HERE, reason="Again."
    )
    assert again["killSwitch"] == switch
    query = """query ($thrown: Boolean) {
      killSwitches(thrown: $thrown) { edges { node { id } } } }"""
    for asked, count in ((True, 1), (False, 0), (None, 1)):
        found = await edge.ask(query, thrown=asked)
        assert len(found["data"]["killSwitches"]["edges"]) == count
    given = {"id": switch["id"], "reason": "Put out."}
    released = await changed(edge, "releaseKillSwitch", **given)
    assert released["killSwitch"]["releasedAt"] is not None
    assert await assign(edge) == {**before}
    replay = await changed(edge, "releaseKillSwitch", **given)
    assert replay["replayed"] is True
    twice = await change(
        edge, "releaseKillSwitch", id=switch["id"], reason="Put out again."
    )
    assert twice["__typename"] == "TransitionError"
    assert twice["message"] == "It was released already."


async def test_a_switch_that_covers_nothing_yet_says_so(edge: Edge) -> None:
    await make_metrics(edge)
    await mutate(edge, "createExperiment", DRAFT)
    given = {"scope": "EXPERIMENT", "experiment": HERE, "reason": "Never."}
    for dry in (True, False):
        answer = await edge.ask(
            """mutation ($input: ThrowKillSwitchInput!) {
              throwKillSwitch(input: $input) {
                ... on KillSwitchPayload { covered warning } } }""",
            input={**given, "dryRun": dry, "idempotencyKey": "k"},
        )
        thrown = answer["data"]["throwKillSwitch"]
        assert thrown["covered"] == 0
        assert thrown["warning"].startswith("Nothing that it covers is assigned")


async def test_a_stop_names_those_that_require_it(edge: Edge) -> None:
    parent = await started(edge)
    child = {
        **DRAFT,
        "key": "child",
        "idempotencyKey": "child",
        "prerequisites": [{"experimentKey": "short-form", "variants": ["short"]}],
    }
    await mutate(edge, "createExperiment", child)
    begin = {"experiment": {"key": "child"}, "expectedVersion": 1}
    await mutate(edge, "startExperiment", {**begin, "idempotencyKey": "begin"})
    answer = await edge.ask(
        """mutation ($input: StopExperimentInput!) { stopExperiment(input: $input) {
          ... on ExperimentPayload { dependants experiment { status } } } }""",
        input={
            "idempotencyKey": "stop",
            "experiment": HERE,
            "expectedVersion": parent["version"],
            "reason": "Enough.",
        },
    )
    assert answer["data"]["stopExperiment"] == {
        "dependants": ["child"],
        "experiment": {"status": "STOPPED"},
    }


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"scope": "EXPERIMENT"}, "DESIGN_INVALID"),
        ({"scope": "LAYER"}, "DESIGN_INVALID"),
        ({"scope": "ALL", "experiment": HERE}, "DESIGN_INVALID"),
        ({"scope": "EXPERIMENT", "layer": "free"}, "DESIGN_INVALID"),
        ({"scope": "EXPERIMENT", "experiment": {"key": "none"}}, "NOT_FOUND"),
        ({"scope": "LAYER", "layer": "none"}, "NOT_FOUND"),
        ({"scope": "ALL", "reason": " "}, "REASON_MISSING"),
        ({"scope": "ALL", "reason": "x" * 6_000}, "REASON_MISSING"),
        ({"scope": "ALL", "idempotencyKey": "x" * 201}, "INVALID"),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
async def test_a_switch_has_a_target_that_fits_and_a_reason(
    edge: Edge, given: dict[str, Any], code: str, dry: bool
) -> None:
    refused = await change(
        edge, "throwKillSwitch", **{"reason": "x", "dryRun": dry, **given}
    )
    assert refused["code"] == code
    if code == "NOT_FOUND":
        assert refused["path"][0] == given["scope"].lower()
        assert refused["message"].endswith("none was not found.")


async def test_a_named_user_gets_the_variant(edge: Edge) -> None:
    await started(edge, targeting={"plan": "nobody"})
    assert (await assign(edge))["variant"] == "long"
    made = await changed(
        edge,
        "overrideAssignment",
        experiment=HERE,
        subjectId="u1",
        variant="short",
        reason="A demonstration.",
    )
    assert made["override"]["variant"] == "short"
    now = await assign(edge)
    assert (now["variant"], now["reason"]) == ("short", "OVERRIDE")
    assert now["inExperiment"] is False
    why = await explain(edge, "short-form")
    assert (why["overridden"], why["failed"]["attribute"]) == (True, "plan")
    query = """{ experiment(by: {key: "short-form"}) {
      overrides { edges { node { id kind subjectId variant reason } } } } }"""
    listed = (await edge.ask(query))["data"]["experiment"]["overrides"]["edges"]
    assert [each["node"] for each in listed] == [made["override"]]
    peek = await edge.ask(query, key=edge.tenant.client)
    assert peek["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    await changed(edge, "removeOverride", id=made["override"]["id"], reason="Shown.")
    assert (await assign(edge))["variant"] == "long"
    refused = await change(
        edge, "removeOverride", id=made["override"]["id"], reason="Again."
    )
    assert (refused["__typename"], refused["path"]) == ("NotFoundError", ["id"])


async def test_coverage_only_rises(edge: Edge) -> None:
    await started(edge, coverage=0.5)
    step: dict[str, Any] = {"experiment": HERE, "expectedVersion": 2}
    raised = await changed(edge, "raiseCoverage", **step, coverage=0.75)
    assert (raised["experiment"]["coverage"], raised["experiment"]["version"]) == (
        0.75,
        3,
    )
    step["expectedVersion"] = 3
    refused = await change(edge, "raiseCoverage", **step, coverage=0.5)
    assert refused["__typename"] == "ConflictError"
    assert (refused["code"], refused["path"]) == ("COVERAGE_ONLY_RISES", ["coverage"])
    updated = await mutate(
        edge, "updateExperiment", {**step, "idempotencyKey": "u", "coverage": 0.1}
    )
    assert updated["code"] == "COVERAGE_ONLY_RISES"
    frozen = await mutate(
        edge, "updateExperiment", {**step, "idempotencyKey": "v", "variants": []}
    )
    assert frozen["code"] == "DESIGN_FROZEN"
    assert "startNewPhase" in frozen["message"]


async def test_a_new_phase_is_served_and_the_old_split_stays_readable(
    edge: Edge,
) -> None:
    await started(edge)
    weights = [{"variant": "long", "weight": 0.8}, {"variant": "short", "weight": 0.2}]
    given: dict[str, Any] = {
        "experiment": HERE,
        "expectedVersion": 2,
        "weights": weights,
        "coverage": 0.9,
        "reason": "Fewer for now.",
    }
    begun = await changed(edge, "startNewPhase", **given)
    assert (begun["experiment"]["status"], begun["experiment"]["version"]) == (
        "RUNNING",
        3,
    )
    again = await changed(edge, "startNewPhase", **given)
    assert again["replayed"] is True
    assert (await assign(edge))["phase"] == 2
    query = """{ experiment(by: {key: "short-form"}) { coverage variants { weight }
      phases { number seed designHash endedAt coverage arms { weight } } } }"""
    found = (await edge.ask(query))["data"]["experiment"]
    old, new = found["phases"]
    assert [arm["weight"] for arm in old["arms"]] == [0.5, 0.5]
    assert [arm["weight"] for arm in new["arms"]] == [0.8, 0.2]
    assert (old["endedAt"] is None, new["endedAt"]) == (False, None)
    assert old["seed"] != new["seed"]
    assert old["designHash"] != new["designHash"]
    assert (found["coverage"], old["coverage"], new["coverage"]) == (0.9, 1.0, 0.9)


async def test_results_of_a_phase_stay_readable_after_the_next_has_begun(
    edge: Edge,
) -> None:
    tenant = edge.tenant
    plan, state = paid((10_000, 400), (10_000, 480))
    experiment_id, first = await prepared(
        edge.database.sessions, tenant.project.id, tenant.environment.id, plan
    )
    snapshot = await publish(
        edge.database.sessions,
        tenant.project.id,
        experiment_id,
        first,
        state,
    )
    query = """{ experiment(by: {key: "reports-limit"}) { results { headline }
      phases { number results { headline } } } }"""
    before = (await edge.ask(query))["data"]["experiment"]
    assert before["results"] == {"headline": snapshot.headline}
    async with edge.database.sessions.begin() as session:
        (phase,) = (await session.exec(select(Phase).order_by("id"))).all()
        values = phase.model_dump()
        later = new_id()
        session.add(Phase(**{**values, "id": later, "number": 2, "started_at": START}))
    after = (await edge.ask(query))["data"]["experiment"]
    assert after["results"] is None
    assert after["phases"] == [
        {"number": 1, "results": {"headline": snapshot.headline}},
        {"number": 2, "results": None},
    ]
    second = replace(first, phase_id=later, number=2)
    await publish(
        edge.database.sessions, tenant.project.id, experiment_id, second, state
    )
    last = (await edge.ask(query))["data"]["experiment"]
    assert last["results"] is not None
    assert all(each["results"] is not None for each in last["phases"])


async def test_an_explanation_shows_the_layer_the_holdouts_and_what_is_required(
    edge: Edge,
) -> None:
    await make_metrics(edge)
    await changed(edge, "createLayer", key="free")
    await changed(edge, "createHoldout", key="global", share=0.1)
    await mutate(edge, "createExperiment", {**DRAFT, "key": "parent"})
    await mutate(
        edge,
        "createExperiment",
        {
            **DRAFT,
            "key": "child",
            "idempotencyKey": "child",
            "layer": {"key": "free", "ranges": [[0, 0.5]]},
            "prerequisites": [{"experimentKey": "parent", "variants": ["short"]}],
        },
    )
    for key in ("parent", "child"):
        run = await mutate(
            edge,
            "startExperiment",
            {"idempotencyKey": key, "experiment": {"key": key}, "expectedVersion": 1},
        )
        assert run["__typename"] == "ExperimentPayload", run
    causes = set()
    for number in range(60):
        why = await explain(edge, "child", f"u{number}")
        layer, (holdout,), (parent,) = (
            why["layer"],
            why["holdouts"],
            why["prerequisites"],
        )
        cause = why["assignment"]["cause"]
        causes.add(cause)
        assert layer["slots"] == [{"start": 0.0, "end": 0.5}]
        assert layer["inside"] is (layer["bucket"] < 0.5)
        assert holdout["heldOut"] is (holdout["bucket"] < 0.1)
        assert (parent["experimentKey"], parent["variants"]) == ("parent", ["short"])
        assert parent["met"] is (
            parent["variant"] == "short" and parent["cause"] == "SPLIT"
        )
        if cause == "HELD_OUT":
            assert holdout["heldOut"]
        if cause == "SPLIT":
            assert parent["met"]
            assert layer["inside"]
            assert not holdout["heldOut"]
    assert causes == {"HELD_OUT", "PREREQUISITE_UNMET", "OUTSIDE_LAYER", "SPLIT"}


async def test_another_project_switches_and_names_nothing(
    edge: Edge, other_tenant: Callable[[], Awaitable[Tenant]]
) -> None:
    rival = (await other_tenant()).admin
    await started(edge)
    named = await changed(
        edge,
        "overrideAssignment",
        experiment=HERE,
        subjectId="u1",
        variant="short",
        reason="A demonstration.",
    )
    thrown = await changed(edge, "throwKillSwitch", scope="ALL", reason="A fire.")
    for operation, given in (
        ("removeOverride", {"id": named["override"]["id"], "reason": "x"}),
        ("releaseKillSwitch", {"id": thrown["killSwitch"]["id"], "reason": "x"}),
        (
            "overrideAssignment",
            {"experiment": HERE, "subjectId": "u", "variant": "short", "reason": "x"},
        ),
        (
            "throwKillSwitch",
            {"scope": "EXPERIMENT", "experiment": HERE, "reason": "x"},
        ),
        ("raiseCoverage", {"experiment": HERE, "expectedVersion": 2, "coverage": 1}),
        ("startNewPhase", {"experiment": HERE, "expectedVersion": 2, "reason": "x"}),
    ):
        refused = await change(edge, operation, by=rival, **given)
        assert refused["code"] == "NOT_FOUND", operation
    listed = await edge.ask("{ killSwitches { edges { cursor } } }", key=rival)
    assert listed["data"]["killSwitches"]["edges"] == []
    node = "query ($id: ID!) { node(id: $id) { id } }"
    for local in (named["override"]["id"], thrown["killSwitch"]["id"]):
        assert (await edge.ask(node, key=rival, id=local))["data"] == {"node": None}
        assert (await edge.ask(node, id=local))["data"] == {"node": {"id": local}}


async def test_a_key_in_use_is_taken_and_one_put_away_is_reserved(edge: Edge) -> None:
    await make_metrics(edge)
    await mutate(edge, "createExperiment", DRAFT)
    taken = await mutate(edge, "createExperiment", {**DRAFT, "idempotencyKey": "2"})
    assert taken["code"] == "KEY_TAKEN"
    await mutate(
        edge,
        "archiveExperiment",
        {"idempotencyKey": "a", "experiment": HERE, "expectedVersion": 1},
    )
    reserved = await mutate(edge, "createExperiment", {**DRAFT, "idempotencyKey": "3"})
    assert reserved["code"] == "KEY_RESERVED"
