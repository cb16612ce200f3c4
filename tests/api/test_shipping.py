"""From a stopped experiment to one that was measured again, over GraphQL."""

from typing import Any

import pytest

from experiments import queries
from experiments.analysis.results import GuardrailOutcome, Outcome, Report, Verdict
from tests.api.conftest import Edge
from tests.api.experiments import mutate, started
from tests.api.people import assigned
from tests.experiments.shipping.concluded import report, show

HERE = {"key": "short-form"}
PREVIEW = """
mutation ($input: PreviewShipInput!) {
  previewShip(input: $input) {
    __typename
    ... on ShipPreviewPayload {
      token replayed expiresAt
      preview {
        variant steps wouldChange heldBackUnits heldBackShare minimumEffect
        measurement warnings exposed { variant exposed } counts { name count }
      }
    }
    ... on Error { code path }
  }
}
"""
MEMO = """
mutation ($input: %sInput!) {
  %s(input: $input) {
    __typename
    ... on MemoPayload { replayed memo { version kind text by { name } } }
    ... on ConflictError { currentVersion }
    ... on Error { code message path }
  }
}
"""
APPROVE = """
mutation ($input: ApproveDecisionInput!) {
  approveDecision(input: $input) { __typename ... on Error { code } }
}
"""
READ = """
query {
  experiment(by: {key: "short-form"}) {
    status version
    memo { version kind parts { usersNotice followUpOn deviations plannedUnits
      readings { metricKey verdict guardrail } } }
    memoVersions(first: 10) { edges { node { version } } }
    decisionRecord { outcome variant opposes reviewed approvedBy earlyReason
      acceptances { metricKey } by { kind } }
    shipment { variant holdback steps share nextAt heldReason rolledBackReason
      remeasures { day basis doneAt } }
    phases { number }
  }
}
"""


async def concluded(edge: Edge, shown: Report) -> int:
    """A stopped experiment with these results; its version."""
    await started(edge)
    stop = {"idempotencyKey": "stop", "experiment": HERE, "reason": "Enough."}
    await mutate(edge, "stopExperiment", {**stop, "expectedVersion": 2})
    async with edge.database.sessions.begin() as session:
        row = await queries.experiment_by_key(
            session, project_id=edge.tenant.project.id, key="short-form"
        )
        phase = await queries.current_phase(session, row.id)
        await show(session, phase, shown)
    return 3


async def decided(edge: Edge) -> int:
    """One of which it was decided to ship what won; its version."""
    version = await concluded(edge, report())
    given = {"decision": "SHIP", "variant": "short", "note": "It works."}
    answer = await mutate(edge, "decideExperiment", step(version, **given))
    assert answer["__typename"] == "ExperimentPayload", answer
    return version + 1


def step(version: int, key: str = "step", **details: Any) -> dict[str, Any]:
    return {
        "idempotencyKey": key,
        "experiment": HERE,
        "expectedVersion": version,
        **details,
    }


async def read(edge: Edge) -> dict[str, Any]:
    answer = await edge.ask(READ)
    assert "errors" not in answer, answer
    return dict(answer["data"]["experiment"])


async def previewed(edge: Edge, version: int, **plan: Any) -> dict[str, Any]:
    given = step(version, **({"variant": "short"} | plan))
    return dict((await edge.ask(PREVIEW, input=given))["data"]["previewShip"])


async def test_a_memo_is_generated_edited_and_kept_in_versions(edge: Edge) -> None:
    await concluded(edge, report())
    given = {"idempotencyKey": "memo", "experiment": HERE}
    ask = MEMO % ("GenerateMemo", "generateMemo")
    first, again = [
        (await edge.ask(ask, input=given))["data"]["generateMemo"] for _ in range(2)
    ]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["memo"] == again["memo"]
    assert "Holm" not in first["memo"]["text"]
    assert "One variant is compared with the control" in first["memo"]["text"]
    edit = {"followUpOn": "2027-01-31", "usersNotice": "A shorter form."}
    ask = MEMO % ("EditMemo", "editMemo")
    await edge.ask(ask, input={**step(1), **edit})
    stale = await edge.ask(ask, input={**step(1, "again"), **edit})
    assert stale["data"]["editMemo"]["currentVersion"] == 2
    found = await read(edge)
    assert found["memo"]["parts"]["followUpOn"] == "2027-01-31"
    assert found["memo"]["parts"]["usersNotice"] == "A shorter form."
    assert [e["node"]["version"] for e in found["memoVersions"]["edges"]] == [2, 1]


async def test_a_decision_says_what_it_stands_on(edge: Edge) -> None:
    shown = report(
        matured=400,
        verdict=Verdict.NOT_ENOUGH_DATA,
        outcome=Outcome.KEEP_RUNNING,
        guardrail=GuardrailOutcome.UNRESOLVED,
    )
    version = await concluded(edge, shown)
    ship = {"decision": "SHIP", "variant": "short", "note": "It works."}
    early = await mutate(edge, "decideExperiment", step(version, **ship))
    assert (early["code"], early["path"]) == ("EARLY_DECISION", ["earlyReason"])
    ship["earlyReason"] = "The season ends."
    unknown = await mutate(edge, "decideExperiment", step(version, **ship))
    assert unknown["code"] == "GUARDRAIL_UNRESOLVED"
    accepted = [{"metricKey": "revenue", "reason": "It is small."}]
    given = step(version, acceptances=accepted, **ship)
    await mutate(edge, "decideExperiment", given)
    found = await read(edge)
    assert found["status"] == "DECIDED"
    record = found["decisionRecord"]
    assert (record["opposes"], record["reviewed"]) == (True, False)
    assert record["acceptances"] == [{"metricKey": "revenue"}]
    assert record["earlyReason"] == "The season ends."


async def test_a_preview_is_shown_with_its_token_once(edge: Edge) -> None:
    version = await decided(edge)
    first = await previewed(edge, version, holdback=0.05)
    again = await previewed(edge, version, holdback=0.05)
    assert first["preview"] == again["preview"]
    assert first["token"]
    assert (again["replayed"], again["token"]) == (True, None)
    assert first["preview"]["steps"] == [0.1, 0.5, 1.0]
    assert first["preview"]["heldBackUnits"] == 50
    assert first["preview"]["wouldChange"] == 450


async def test_a_shipped_variant_is_served_but_to_those_held_back(edge: Edge) -> None:
    version = await decided(edge)
    plan: dict[str, Any] = {"variant": "short", "holdback": 0.05, "steps": []}
    token = (await previewed(edge, version, **plan))["token"]
    wrong = step(version, "w", token=token, **(plan | {"holdback": 0.1}))
    refused = await mutate(edge, "shipVariant", wrong)
    assert (refused["code"], refused["path"]) == ("PREVIEW_CHANGED", ["token"])
    given = step(version, token=token, **plan)
    answer = await mutate(edge, "shipVariant", given)
    assert answer["experiment"]["status"] == "SHIPPED", answer
    used = step(version + 2, "again", token=token, **plan)
    assert (await mutate(edge, "shipVariant", used))["code"] == "PREVIEW_USED"
    served = [await assigned(edge, userId=f"u{n}") for n in range(100)]
    reasons = {(each["variant"], each["reason"]) for each in served}
    assert reasons == {("short", "SHIPPED"), ("long", "HOLDBACK")}
    assert sum(each["reason"] == "SHIPPED" for each in served) > 85
    found = await read(edge)
    assert found["shipment"]["share"] == 1.0
    assert [each["day"] for each in found["shipment"]["remeasures"]] == [14, 30, 90]
    assert [phase["number"] for phase in found["phases"]] == [1]


async def test_a_rollout_is_held_advanced_and_rolled_back(edge: Edge) -> None:
    version = await decided(edge)
    plan: dict[str, Any] = {"variant": "short", "holdback": 0.05}
    token = (await previewed(edge, version, **plan))["token"]
    await mutate(edge, "shipVariant", step(version, token=token, **plan))
    await mutate(edge, "holdRollout", step(version + 1, reason="Tickets."))
    held = (await read(edge))["shipment"]
    assert (held["share"], held["nextAt"], held["heldReason"]) == (
        0.1,
        None,
        "Tickets.",
    )
    await mutate(edge, "advanceRollout", step(version + 2))
    assert (await read(edge))["shipment"]["share"] == 0.5
    back = await mutate(edge, "rollBack", step(version + 3, reason="It hurts."))
    assert back["experiment"]["status"] == "DECIDED", back
    served = await assigned(edge, userId="u1")
    assert (served["variant"], served["reason"]) == ("long", "DISABLED")
    found = await read(edge)
    assert found["shipment"]["rolledBackReason"] == "It hurts."
    assert found["decisionRecord"]["outcome"] == "ROLL_BACK"


async def test_what_is_shipped_is_put_away_when_no_code_asks_for_it(edge: Edge) -> None:
    version = await decided(edge)
    plan: dict[str, Any] = {"variant": "short", "holdback": 0.05, "steps": []}
    token = (await previewed(edge, version, **plan))["token"]
    await mutate(edge, "shipVariant", step(version, token=token, **plan))
    version = (await read(edge))["version"]
    refused = await mutate(edge, "archiveExperiment", step(version))
    assert (refused["code"], refused["path"]) == ("LIVE_REFERENCE", ["referencesGone"])
    await mutate(edge, "archiveExperiment", step(version, referencesGone=True))
    assert (await read(edge))["status"] == "ARCHIVED"
    draft = {"idempotencyKey": "d", "key": "short-form", "treatment": "FEATURE"}
    again = await mutate(edge, "createExperiment", draft)
    assert again["code"] == "KEY_RESERVED"


@pytest.mark.parametrize("name", ["decideExperiment", "shipVariant", "rollBack"])
async def test_a_viewer_decides_and_ships_nothing(edge: Edge, name: str) -> None:
    kind = name[0].upper() + name[1:]
    ask = (
        f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ __typename }} }}"
    )
    details: dict[str, Any] = {
        "decideExperiment": {"decision": "ABANDON", "note": "No."},
        "shipVariant": {"variant": "short", "token": "t"},
        "rollBack": {"reason": "No."},
    }[name]
    answer = await edge.ask(ask, key=edge.tenant.viewer, input=step(1, **details))
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_key_agrees_with_no_decision(edge: Edge) -> None:
    given = {
        "idempotencyKey": "a",
        "experiment": HERE,
        "memoVersion": 1,
        "decision": "ABANDON",
        "reason": "Yes.",
    }
    answer = await edge.ask(APPROVE, input=given)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
