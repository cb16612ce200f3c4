"""Visitors and users of a running experiment, by the variant that their id has."""

from typing import Any

from tests.api.conftest import Edge

ASSIGNED = """
query ($subject: SubjectInput!, $keys: [String!]) {
  assignments(subject: $subject, keys: $keys) {
    etag assignments { experimentKey variant reason inExperiment phase configVersion }
  }
}
"""
TRACK = """
mutation ($input: [TrackEventInput!]!) {
  trackEvents(input: $input) {
    ... on TrackEventsPayload { accepted duplicates rejected { code message } }
  }
}
"""


async def assigned(edge: Edge, **subject: Any) -> dict[str, Any]:
    """What the one experiment gives a subject."""
    answer = await edge.ask(ASSIGNED, subject=subject, keys=["short-form"])
    (found,) = answer["data"]["assignments"]["assignments"]
    return dict(found)


async def named(edge: Edge, variant: str, kind: str = "userId", start: int = 0) -> str:
    """An id that alone has this variant."""
    for number in range(start, start + 200):
        found = await assigned(edge, **{kind: f"p{number}"})
        if found["variant"] == variant and found["inExperiment"]:
            return f"p{number}"
    raise AssertionError(f"nobody has {variant}")


async def exposed(edge: Edge, event_id: str, variant: str, **subject: str) -> None:
    """Record that a subject met a variant."""
    event = {
        "eventId": event_id,
        "name": "$exposure",
        "subject": subject,
        "experimentKey": "short-form",
        "variantKey": variant,
    }
    await track(edge, event)


async def track(edge: Edge, *events: dict[str, Any]) -> None:
    """Send events with the administrator's key."""
    answer = await edge.ask(TRACK, input=list(events))
    assert answer["data"]["trackEvents"]["accepted"] == len(events), answer
