"""Sends a mutation, sends it again, and sends another one under its key."""

from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from sqlalchemy import text
from sqlmodel import SQLModel

from api.graphql.schema import GRAPHQL
from tests.api.governance import Person

PARTS = ("id", "sha256", "key", "name", "version", "status", "state", "number", "slug")
ONCE = {"replayed", "signInLink", "secret", "key", "token", "previousUntil"}
"""What only the first answer says: that it was the first, and what is shown once."""

RESTLESS = {"heartbeat", "member_session", "session", "rate_limit", "nudge"}
PLAIN = ("String", "ID", "Int", "Long", "Float", "Boolean", "DateTime")


def selection(kind: GraphQLObjectType) -> str:
    """The leaves of a payload, and what tells its objects apart."""
    return " ".join(
        part for name, each in kind.fields.items() if (part := _part(name, each))
    )


def _part(name: str, each: GraphQLField) -> str:
    if any(isinstance(a.type, GraphQLNonNull) for a in each.args.values()):
        return ""
    kind = get_named_type(each.type)
    if is_leaf_type(kind):
        return name
    if isinstance(kind, GraphQLObjectType):
        inner = [
            one
            for one in PARTS
            if one in kind.fields
            and is_leaf_type(get_named_type(kind.fields[one].type))
        ]
        return f"{name} {{ __typename {' '.join(inner)} }}"
    return f"{name} {{ __typename }}"


def document(name: str) -> str:
    """A mutation that asks for all that its answer says of itself."""
    assert GRAPHQL.mutation_type is not None
    mutation = GRAPHQL.mutation_type.fields[name]
    union = get_named_type(mutation.type)
    assert isinstance(union, GraphQLUnionType)
    errors = GRAPHQL.type_map["Error"]
    (payload,) = (each for each in union.types if errors not in each.interfaces)
    given = get_named_type(mutation.args["input"].type)
    return (
        f"mutation ($input: {given.name}!) {{ {name}(input: $input) {{ __typename "
        f"... on {payload.name} {{ {selection(payload)} }} "
        "... on Error { code message path } } }"
    )


def another(name: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """The same input with one plain value changed; None where it has none."""
    assert GRAPHQL.mutation_type is not None
    given = get_named_type(GRAPHQL.mutation_type.fields[name].args["input"].type)
    assert isinstance(given, GraphQLInputObjectType)
    for part, said in given.fields.items():
        kind = get_named_type(said.type)
        if part == "idempotencyKey" or kind.name not in PLAIN:
            continue
        if "[" in str(said.type) or part in {"dryRun"}:
            continue
        before = values.get(part)
        if isinstance(before, str) and kind.name in {"String", "ID"}:
            return values | {part: f"{before}x"}
        if isinstance(before, int) and not isinstance(before, bool):
            return values | {part: before + 1}
        if isinstance(before, bool):
            return values | {part: not before}
    for part, value in values.items():
        if part != "idempotencyKey" and (other := _altered(value)) is not None:
            return values | {part: other}
    optional = (p for p, said in given.fields.items() if str(said.type) == "String")
    added = next((part for part in optional if part not in values), None)
    return None if added is None else values | {added: "x"}


def _altered(value: Any) -> Any:
    """A list or an object with its first text changed; None where it has none."""
    if isinstance(value, list) and value:
        first = f"{value[0]}x" if isinstance(value[0], str) else _altered(value[0])
        return None if first is None else [first, *value[1:]]
    if isinstance(value, dict):
        for name, each in value.items():
            other = f"{each}x" if isinstance(each, str) else _altered(each)
            if other is not None:
                return value | {name: other}
    return None


@dataclass(slots=True)
class Replays:
    """One person who does everything twice."""

    person: Person
    done: list[str] = field(default_factory=list)
    unchangeable: list[str] = field(default_factory=list)

    async def once(self, name: str, /, **values: Any) -> dict[str, Any]:
        """Do it, and see that a repeat answers the same and changes nothing."""
        key = f"{name}-{len(self.done)}"
        sent = {"idempotencyKey": key, **values}
        first = await self._ask(name, sent)
        assert "code" not in first, (name, first)
        assert first.get("replayed") is False, (name, first)
        before = await self._rows()
        again = await self._ask(name, sent)
        assert again.get("replayed") is True, (name, again)
        assert _lasting(again) == _lasting(first), name
        other = another(name, sent)
        if other is None:
            self.unchangeable.append(name)
        else:
            clash = await self._ask(name, other)
            assert clash.get("code") == "IDEMPOTENCY_CONFLICT", (name, other, clash)
        assert await self._rows() == before, name
        self.done.append(name)
        return first

    async def experiment(self, name: str, key: str, /, **values: Any) -> dict[str, Any]:
        """Change an experiment as it is now."""
        found = await self.person.ask(
            "query ($by: ExperimentRef!) { experiment(by: $by) { version } }",
            by={"key": key},
        )
        version = found["data"]["experiment"]["version"]
        given: dict[str, Any] = {"experiment": {"key": key}}
        assert GRAPHQL.mutation_type is not None
        kind = get_named_type(GRAPHQL.mutation_type.fields[name].args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        if "expectedVersion" in kind.fields:
            given["expectedVersion"] = version
        return await self.once(name, **given | values)

    async def _ask(self, name: str, sent: dict[str, Any]) -> dict[str, Any]:
        answer = await self.person.ask(document(name), input=sent)
        assert "errors" not in answer, (name, answer)
        found: dict[str, Any] = answer["data"][name]
        return found

    async def _rows(self) -> dict[str, str]:
        """All that is in the facts database, by table."""
        rows = {}
        async with self.person.edge.database.engine.connect() as connection:
            for name in sorted(SQLModel.metadata.tables.keys() - RESTLESS):
                found = await connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608
                rows[name] = str(sorted(map(str, found.all())))
        return rows


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in answer.items() if name not in ONCE}
