"""Documents that the tests of layers, holdouts, segments, switches and names share."""

from typing import Any

from tests.api.conftest import Edge

ERROR = "... on Error { code message path }"
LAYER = """
  id key name unit seed version archivedAt
  taken { experimentKey ranges { start end } } free { start end }
"""
HOLDOUT = "id key name area unit share seed version endedAt"
SEGMENT = """
  id key name kind attribute size condition version archivedAt
  values(first: 2) { edges { node { value } } pageInfo { hasNextPage endCursor } }
  usedBy { experiments segments }
"""
SWITCH = """
  killSwitch { id scope experimentKey layerKey reason thrownBy thrownAt releasedAt }
  covered coveredKeys dryRun
"""
PAYLOADS = {
    "LayerPayload": f"replayed layer {{ {LAYER} }}",
    "HoldoutPayload": f"replayed holdout {{ {HOLDOUT} }}",
    "SegmentPayload": f"replayed segment {{ {SEGMENT} }}",
    "KillSwitchPayload": f"replayed {SWITCH}",
    "ExperimentPayload": "replayed experiment { id key status version coverage }",
    "OverridePayload": "replayed override { id kind subjectId variant reason }",
}
OPERATIONS = {
    "createLayer": "LayerPayload",
    "renameLayer": "LayerPayload",
    "archiveLayer": "LayerPayload",
    "createHoldout": "HoldoutPayload",
    "endHoldout": "HoldoutPayload",
    "createSegment": "SegmentPayload",
    "updateSegment": "SegmentPayload",
    "archiveSegment": "SegmentPayload",
    "throwKillSwitch": "KillSwitchPayload",
    "releaseKillSwitch": "KillSwitchPayload",
    "raiseCoverage": "ExperimentPayload",
    "startNewPhase": "ExperimentPayload",
    "overrideAssignment": "OverridePayload",
    "removeOverride": "ExperimentPayload",
}


def document(name: str) -> str:
    """A mutation with all that its payload has."""
    kind, payload = name[0].upper() + name[1:], OPERATIONS[name]
    return f"""mutation ($input: {kind}Input!) {{ {name}(input: $input) {{
      __typename ... on {payload} {{ {PAYLOADS[payload]} }} {ERROR}
      ... on ConflictError {{ currentVersion }} }} }}"""


async def change(
    edge: Edge, name: str, /, *, by: str | None = None, **given: Any
) -> dict[str, Any]:
    """Send one change; the member of its union comes back."""
    sent = {"idempotencyKey": f"{name}-{sorted(given.items())}"[:200], **given}
    answer = await edge.ask(document(name), key=by, input=sent)
    assert "errors" not in answer, answer
    member: dict[str, Any] = answer["data"][name]
    return member


async def changed(edge: Edge, name: str, /, **given: Any) -> dict[str, Any]:
    """The same, and it was done."""
    member = await change(edge, name, **given)
    assert member["__typename"] == OPERATIONS[name], member
    return member
