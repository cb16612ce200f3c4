"""Leaves that are read at once are answered as the executor answers them."""

import json
from enum import Enum
from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLSchema, execute_sync, parse
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api.leaves import LeafExecutor, leaves_of


@strawberry.enum
class Colour(Enum):
    """A colour."""

    RED = "red"


@strawberry.type
class Thing:
    """Leaves of every sort, right and wrong."""

    name: str
    count: int
    colour: Colour
    note: str | None
    tags: list[str]

    @strawberry.field
    def shout(self) -> str:
        """Not an attribute."""
        return self.name.upper()


GOOD: dict[str, Any] = {
    "name": "a",
    "count": 1,
    "colour": Colour.RED,
    "note": None,
    "tags": ["x"],
}
WRONG: tuple[dict[str, Any], ...] = (
    {},
    {"name": None},
    {"count": "many"},
    {"note": ValueError("no")},
)


@strawberry.type
class Query:
    """Things."""

    @strawberry.field
    def things(self) -> list[Thing | None]:
        """The good one among those that are wrong in one way each."""
        return [Thing(**GOOD | wrong) for wrong in WRONG]


SCHEMA: GraphQLSchema = strawberry.Schema(query=Query)._schema


def answer(query: str, executor: type[Any]) -> ExecutionResult:
    return execute_sync(SCHEMA, parse(query), executor_class=executor)


@pytest.mark.parametrize(
    "below",
    [
        "name",
        "count note",
        "a: name __typename b: name",
        "note name shout tags count colour",
        "... on Thing { note } ...F",
    ],
)
def test_answers_and_errors_are_the_executors(below: str) -> None:
    fragment = "fragment F on Thing { count colour }" if "...F" in below else ""
    query = f"{{ things {{ {below} }} }} {fragment}"
    plain, quick = (
        answer(query, kind)
        for kind in (StrawberryGraphQLCoreExecutionContext, LeafExecutor)
    )
    assert json.dumps(quick.data) == json.dumps(plain.data)
    found, meant = (
        [error.formatted for error in result.errors or ()] for result in (quick, plain)
    )
    assert found == meant


def test_only_plain_attributes_are_leaves() -> None:
    assert set(leaves_of(SCHEMA)["Thing"]) == {
        *("__typename", "name", "count", "colour", "note")
    }
