"""Dropping a variant over GraphQL: said first, done once, seen by whoever asks."""

from typing import Any

import pytest

from tests.api.conftest import Edge
from tests.api.experiments import started

pytestmark = pytest.mark.stores

HERE = {"key": "short-form"}
THREE: list[dict[str, Any]] = [
    {"key": key, "weight": weight, "isControl": key == "long", "payload": payload}
    for key, weight, payload in (
        ("long", 0.4, {"feature": {"value": 9}}),
        ("short", 0.3, {"feature": {"value": 3}}),
        ("none", 0.3, {"feature": {"value": 0}}),
    )
]
DROP = """
mutation ($input: DropVariantInput!) { dropVariant(input: $input) {
  __typename
  ... on DropVariantPayload { dryRun replayed
    dropped { variant share exposedUnits variantsLeft }
    experiment { version phases { arms { variant droppedAt dropReason } } } }
  ... on Error { code message path } } }
"""
ASK = """
query ($subject: SubjectInput!) {
  assignments(subject: $subject) { assignments { variant reason cause } }
}
"""
WHY = """
query ($subject: SubjectInput!) {
  explainAssignment(subject: $subject, key: "short-form") { assignment { cause } }
}
"""


async def served(edge: Edge) -> dict[str, tuple[str, str]]:
    """What each of some users gets, and why."""
    found = {}
    for user in (f"u{n}" for n in range(40)):
        answer = await edge.ask(ASK, subject={"userId": user})
        (one,) = answer["data"]["assignments"]["assignments"]
        found[user] = (one["variant"], one["cause"])
    return found


async def drop(edge: Edge, **given: Any) -> dict[str, Any]:
    """What the mutation answers."""
    values = {"variant": "short", "reason": "Support is flooded.", "expectedVersion": 2}
    sent = {"idempotencyKey": "drop", "experiment": HERE, **values, **given}
    answer = await edge.ask(DROP, input=sent)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["dropVariant"]
    return found


async def test_a_variant_is_dropped_as_it_was_rehearsed(edge: Edge) -> None:
    await started(edge, variants=THREE)
    before = await served(edge)
    said = await drop(edge, dryRun=True)
    assert (said["dryRun"], said["experiment"]["version"]) == (True, 2)
    assert said["dropped"]["variantsLeft"] == ["long", "none"]
    assert await served(edge) == before
    done = await drop(edge)
    assert done["dropped"] == said["dropped"]
    assert (done["dryRun"], done["experiment"]["version"]) == (False, 3)
    (phase,) = done["experiment"]["phases"]
    gone = {arm["variant"]: arm["dropReason"] for arm in phase["arms"]}
    assert gone == {"long": None, "short": "Support is flooded.", "none": None}
    after = await served(edge)
    moved = {user for user in before if before[user] != after[user]}
    assert moved == {user for user in before if before[user][0] == "short"}
    assert {after[user] for user in moved} == {("long", "ARM_DROPPED")}
    why = await edge.ask(WHY, subject={"userId": min(moved)})
    assert why["data"]["explainAssignment"]["assignment"]["cause"] == "ARM_DROPPED"


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_rehearsal_refuses_what_the_change_would(
    edge: Edge, dry_run: bool
) -> None:
    await started(edge, variants=THREE)
    for given, code in (
        ({"variant": "long"}, "DESIGN_INVALID"),
        ({"variant": "gone"}, "DESIGN_INVALID"),
        ({"expectedVersion": 1}, "STALE_VERSION"),
        ({"experiment": {"key": "nothing"}}, "NOT_FOUND"),
        ({"reason": " "}, "REASON_MISSING"),
        ({"reason": "x" * 6_000}, "DESIGN_INVALID"),
        ({"idempotencyKey": "x" * 201}, "INVALID"),
    ):
        refused = await drop(
            edge, **{"dryRun": dry_run, "idempotencyKey": code, **given}
        )
        assert refused["code"] == code, (given, refused)
