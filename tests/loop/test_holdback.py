"""Who keeps the control once a variant is shipped, as a client's own SDK finds it."""

from typing import Any

from experiments.assignment.sdk import Context, Definitions, evaluate_feature
from tests.api.conftest import Edge, edge, settings
from tests.api.experiments import mutate
from tests.api.test_shipping import decided, previewed, step

__all__ = ["edge", "settings"]

USERS = 10_000
FOUR_ERRORS = 87
"""Four standard errors: the seed is another each time."""


async def test_five_in_a_hundred_still_have_the_control_after_the_last_step(
    edge: Edge,
) -> None:
    version = await decided(edge)
    plan: dict[str, Any] = {"variant": "short", "holdback": 0.05, "steps": []}
    token = (await previewed(edge, version, **plan))["token"]
    shipped = await mutate(edge, "shipVariant", step(version, token=token, **plan))
    assert shipped["experiment"]["status"] == "SHIPPED"
    answer = await edge.client.get(f"/api/features/{edge.tenant.client}")
    definitions = Definitions.of(answer.json())
    fields = [
        evaluate_feature(
            definitions, "short-form", Context({"id": f"user-{number}"})
        ).value["fields"]
        for number in range(USERS)
    ]
    held_back = fields.count(9)
    assert fields.count(3) == USERS - held_back
    assert abs(held_back - 0.05 * USERS) <= FOUR_ERRORS
