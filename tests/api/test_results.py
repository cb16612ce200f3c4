"""Results over GraphQL: hidden when invalid, accepted by reviewers, followed live."""

from typing import Any
from uuid import UUID

import pytest

from api import watching
from api.graphql.ids import global_id
from core import signin, tenancy
from core.tenancy import Role
from experiments.analysis.models import Snapshot
from experiments.design import PhaseDesign
from tests.api.conftest import Edge
from tests.api.test_websocket import talking
from tests.experiments.analysis.designs import paid
from tests.experiments.analysis.stored import prepared, publish

READING = """
  method absolute ciLow ciHigh pValue logPValue unavailable
  control { n mean stdErr } treatment { n mean stdErr }
  relative { status value ciLow ciHigh }
"""
RESULTS = f"""
  id headline verdict effectHidden watermarked
  recommendation {{ outcome variant reasons }}
  acknowledgement {{ actor {{ name }} reason }}
  health {{
    unit plannedUnits matured maturing watermark backlog lastEventAt
    srm {{ pValue warned failed note }} conflicts {{ failed }} links {{ failed }}
    exposures {{ variant exposed expectedShare isControl }}
  }}
  looks {{ number information alphaSpent }}
  snapshot {{ id number inputsHash codeVersion computedAt }}
  metrics {{
    metric name role direction unit share cap
    comparisons {{
      variant verdict reason guardrail {READING}
      valid {{ method ciLow ciHigh pValue }}
      raw {{ {READING} }} capped {{ {READING} }}
    }}
  }}
"""
READ = f'{{ experiment(by: {{key: "reports-limit"}}) {{ results {{ {RESULTS} }} }} }}'
ACCEPT = f"""
mutation ($input: AcknowledgeInvalidResultsInput!) {{
  acknowledgeInvalidResults(input: $input) {{
    __typename
    ... on ResultsPayload {{ replayed results {{ {RESULTS} }} }}
    ... on Error {{ code path }}
  }}
}}
"""
FOLLOW = """
subscription { resultsUpdated(by: {key: "reports-limit"}) {
  snapshot { number } effectHidden
} }
"""
WIN = paid((10_000, 400), (10_000, 480))
BROKEN = paid((10_000, 400), (12_000, 900))


async def stored(edge: Edge) -> tuple[UUID, PhaseDesign]:
    """The usual experiment in the edge's project."""
    tenant = edge.tenant
    return await prepared(
        edge.database.sessions, tenant.project.id, tenant.environment.id, WIN[0]
    )


async def shown(edge: Edge, place: tuple[UUID, PhaseDesign], found: Any) -> Snapshot:
    """Publish one state."""
    sessions = edge.database.sessions
    return await publish(sessions, edge.tenant.project.id, *place, found)


async def results(edge: Edge, *, key: str | None = None) -> dict[str, Any] | None:
    """What the experiment says now."""
    answer = await edge.ask(READ, key=key)
    assert "errors" not in answer, answer
    found: dict[str, Any] | None = answer["data"]["experiment"]["results"]
    return found


async def cookie(edge: Edge, role: Role) -> dict[str, str]:
    """A signed-in person's headers."""
    async with edge.database.sessions.begin() as session:
        person = await tenancy.invite(
            session,
            project_id=edge.tenant.project.id,
            email=f"{role.value.lower()}@acme.test",
            name="Ada",
            role=role,
        )
        link = await signin.make_link(session, member_id=person.id, minutes=5)
        opened = await signin.use_link(session, token=link, days=1)
    return {"cookie": f"hone_session={opened.token}"}


async def accept(
    edge: Edge, snapshot_id: str, *, role: Role = Role.REVIEWER, key: str = "accept"
) -> dict[str, Any]:
    """Acknowledge as a member."""
    given = {"idempotencyKey": key, "snapshotId": snapshot_id, "reason": "Bots."}
    response = await edge.client.post(
        "/graphql",
        json={"query": ACCEPT, "variables": {"input": given}},
        headers=await cookie(edge, role),
    )
    answer: dict[str, Any] = response.json()
    return answer


async def test_there_are_no_results_before_the_first_snapshot(edge: Edge) -> None:
    await stored(edge)
    assert await results(edge) is None


async def test_a_finished_experiment_says_everything(edge: Edge) -> None:
    place = await stored(edge)
    snapshot = await shown(edge, place, WIN[1])
    found = await results(edge, key=edge.tenant.viewer)
    assert found is not None
    assert found["headline"] == snapshot.headline
    assert found["verdict"] == "WIN"
    assert found["recommendation"]["outcome"] == "SHIP"
    assert found["recommendation"]["variant"] == "sixty"
    assert found["health"]["srm"] == {
        "pValue": 1.0,
        "warned": False,
        "failed": False,
        "note": "the units fit the planned split",
    }
    assert [e["exposed"] for e in found["health"]["exposures"]] == [10_000, 10_000]
    assert found["looks"] == [{"number": 1, "information": 1.0, "alphaSpent": 0.05}]
    assert found["snapshot"]["inputsHash"] == snapshot.inputs_hash
    assert found["snapshot"]["id"] == found["id"]
    (comparison,) = found["metrics"][0]["comparisons"]
    assert comparison["absolute"] == pytest.approx(0.008)
    assert comparison["control"] == {
        "n": 10_000,
        "mean": 0.04,
        "stdErr": pytest.approx(0.00196, abs=1e-5),
    }
    assert comparison["valid"]["pValue"] == comparison["pValue"]
    assert comparison["valid"]["method"] == "FIXED_HORIZON"
    assert comparison["relative"]["value"] == pytest.approx(0.2)
    assert comparison["capped"] is None
    assert comparison["raw"]["absolute"] == comparison["absolute"]


async def test_before_the_look_no_effect_is_shown(edge: Edge) -> None:
    place = await stored(edge)
    await shown(edge, place, paid((400, 20), (400, 60))[1])
    found = await results(edge)
    assert found is not None
    assert found["verdict"] == "NOT_ENOUGH_DATA"
    (comparison,) = found["metrics"][0]["comparisons"]
    assert comparison["valid"] is None
    assert comparison["absolute"] is None
    assert comparison["treatment"] == {"n": 400, "mean": None, "stdErr": None}


async def test_invalid_results_hide_every_effect(edge: Edge) -> None:
    place = await stored(edge)
    await shown(edge, place, BROKEN[1])
    found = await results(edge)
    assert found is not None
    assert (found["effectHidden"], found["watermarked"]) == (True, False)
    assert found["health"]["srm"]["failed"]
    (comparison,) = found["metrics"][0]["comparisons"]
    for name in ("absolute", "ciLow", "ciHigh", "pValue", "relative", "valid"):
        assert comparison[name] is None
    assert comparison["raw"]["control"]["mean"] is None


async def test_a_reviewer_has_invalid_results_shown_and_they_stay_invalid(
    edge: Edge,
) -> None:
    place = await stored(edge)
    snapshot = await shown(edge, place, BROKEN[1])
    local = global_id("ExperimentResults", snapshot.id)
    answer = (await accept(edge, local))["data"]["acknowledgeInvalidResults"]
    assert answer["__typename"] == "ResultsPayload"
    found = answer["results"]
    assert (found["effectHidden"], found["watermarked"]) == (False, True)
    assert found["verdict"] == "INVALID"
    assert found["recommendation"]["outcome"] == "INVALID"
    assert found["acknowledgement"] == {"actor": {"name": "Ada"}, "reason": "Bots."}
    assert found["metrics"][0]["comparisons"][0]["absolute"] == pytest.approx(0.035)
    again = (await accept(edge, local))["data"]["acknowledgeInvalidResults"]
    assert again["replayed"]
    other = (await accept(edge, local, key="b"))["data"]["acknowledgeInvalidResults"]
    assert (other["__typename"], other["code"]) == (
        "ConflictError",
        "ALREADY_ACKNOWLEDGED",
    )


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RESEARCHER, Role.EDITOR])
async def test_only_reviewers_may_accept(edge: Edge, role: Role) -> None:
    place = await stored(edge)
    snapshot = await shown(edge, place, BROKEN[1])
    local = global_id("ExperimentResults", snapshot.id)
    answer = await accept(edge, local, role=role)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    found = await results(edge)
    assert found is not None
    assert found["effectHidden"]


async def test_a_key_is_nobody_and_cannot_accept(edge: Edge) -> None:
    given = {"idempotencyKey": "k", "snapshotId": "x", "reason": "Bots."}
    answer = await edge.ask(ACCEPT, input=given)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_an_id_of_anything_else_is_not_found(edge: Edge) -> None:
    place = await stored(edge)
    await shown(edge, place, BROKEN[1])
    answer = await accept(edge, global_id("Experiment", place[0]))
    member = answer["data"]["acknowledgeInvalidResults"]
    assert (member["__typename"], member["path"]) == ("NotFoundError", ["snapshotId"])


async def test_older_snapshots_stay_readable(edge: Edge) -> None:
    place = await stored(edge)
    first = await shown(edge, place, paid((400, 20), (400, 60))[1])
    await shown(edge, place, WIN[1])
    answer = await edge.ask(
        """query ($id: ID!) {
          node(id: $id) { ... on ExperimentResults { snapshot { number } headline } }
          experiment(by: {key: "reports-limit"}) {
            resultsHistory(first: 1) {
              edges { node { verdict } } pageInfo { hasNextPage endCursor }
            }
          }
        }""",
        id=global_id("ExperimentResults", first.id),
    )
    assert answer["data"]["node"] == {
        "snapshot": {"number": 1},
        "headline": first.headline,
    }
    history = answer["data"]["experiment"]["resultsHistory"]
    assert history["edges"] == [{"node": {"verdict": "WIN"}}]
    assert history["pageInfo"]["hasNextPage"]


async def test_another_project_sees_nothing(edge: Edge, other_tenant: Any) -> None:
    place = await stored(edge)
    snapshot = await shown(edge, place, WIN[1])
    rival = await other_tenant()
    answer = await edge.ask(
        "query ($id: ID!) { node(id: $id) { id } }",
        key=rival.admin,
        id=global_id("ExperimentResults", snapshot.id),
    )
    assert answer["data"]["node"] is None
    missing = await edge.ask(READ, key=rival.admin)
    assert missing["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_followers_hear_of_every_new_snapshot_and_only_of_those(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.02)
    place = await stored(edge)
    await shown(edge, place, paid((400, 20), (400, 60))[1])
    watches = edge.app.state.services.watches
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.viewer)
        for name in ("a", "b"):
            await talk.subscribe(name, FOLLOW)
        heard = [await talk.hear() for _ in range(2)]
        assert {m["id"] for m in heard} == {"a", "b"}
        assert {number(m) for m in heard} == {1}
        assert len(watches) == 1
        await talk.say(type="complete", id="b")
        await shown(edge, place, paid((400, 20), (400, 60))[1])
        await shown(edge, place, BROKEN[1])
        assert number(await talk.hear()) == 2
        snapshot = (await results(edge) or {})["snapshot"]
        await accept(edge, snapshot["id"])
        message = await talk.hear()
        assert number(message) == 2
        assert not message["payload"]["data"]["resultsUpdated"]["effectHidden"]
    assert len(watches) == 0


def number(message: dict[str, Any]) -> int:
    """The number of the snapshot in a message."""
    found: int = message["payload"]["data"]["resultsUpdated"]["snapshot"]["number"]
    return found


async def test_an_unknown_experiment_cannot_be_followed(edge: Edge) -> None:
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.viewer)
        await talk.subscribe("a", FOLLOW)
        message = await talk.hear()
    assert "NOT_FOUND" in str(message)


async def test_a_browser_key_may_not_follow(edge: Edge) -> None:
    async with talking(edge) as talk:
        await talk.begin(edge.tenant.client)
        await talk.subscribe("a", FOLLOW)
        message = await talk.hear()
    assert message["payload"][0]["extensions"]["code"] == "FORBIDDEN"
