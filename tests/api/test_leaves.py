"""Leaves that are read at once are answered as the executor answers them."""

import json
from enum import Enum
from typing import Any, cast

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


class Better(Thing):
    """What the schema does not know."""


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

    @strawberry.field
    def good(self) -> list[Thing]:
        """As they should be."""
        return [Thing(**GOOD), Thing(**GOOD | {"name": "b", "note": "late"})]

    @strawberry.field
    def odd(self) -> list[Thing | None]:
        """Nothing, something else, and one that only looks like it."""
        return [Thing(**GOOD), None, cast(Thing, Colour.RED), Better(**GOOD)]


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
@pytest.mark.parametrize("root", ["things", "good", "odd"])
def test_answers_and_errors_are_the_executors(root: str, below: str) -> None:
    fragment = "fragment F on Thing { count colour }" if "...F" in below else ""
    query = f"{{ {root} {{ {below} }} }} {fragment}"
    plain, quick = (
        answer(query, kind)
        for kind in (StrawberryGraphQLCoreExecutionContext, LeafExecutor)
    )
    assert json.dumps(quick.data) == json.dumps(plain.data)
    found, meant = (
        [error.formatted for error in result.errors or ()] for result in (quick, plain)
    )
    assert found == meant


def test_a_list_of_leaves_is_not_read_item_by_item(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: Any) -> None:
        raise AssertionError("an item was completed by itself")

    monkeypatch.setattr(LeafExecutor, "complete_list_item_value", refused)
    found = answer("{ good { name colour note } }", LeafExecutor)
    assert found.errors is None
    assert found.data == {
        "good": [
            {"name": "a", "colour": "RED", "note": None},
            {"name": "b", "colour": "RED", "note": "late"},
        ]
    }


def test_only_plain_attributes_are_leaves() -> None:
    assert set(leaves_of(SCHEMA)["Thing"]) == {
        *("__typename", "name", "count", "colour", "note")
    }
