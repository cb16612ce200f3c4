"""The schema keeps to its own conventions."""

import re

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from api.graphql.argument_texts import ARGUMENTS
from api.graphql.schema import GRAPHQL
from api.graphql.value_texts import VALUES

NAMED = [
    kind
    for name, kind in sorted(GRAPHQL.type_map.items())
    if not name.startswith("__") and not is_specified_scalar_type(kind)
]
ITEMS_WITH_IDS_OF_THEIR_OWN = {"trackEvents", "recordExposures"}


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.name)
def test_everything_is_described(kind: GraphQLNamedType) -> None:
    missing = [] if kind.description else [kind.name]
    for name, field in getattr(kind, "fields", {}).items():
        if not field.description:
            missing.append(f"{kind.name}.{name}")
        for argument, told in getattr(field, "args", {}).items():
            if argument != "input" and not told.description:
                missing.append(f"{kind.name}.{name}({argument})")
    for name, value in getattr(kind, "values", {}).items():
        if not value.description:
            missing.append(f"{kind.name}.{name}")
    assert missing == []


def test_no_text_is_left_of_what_is_gone() -> None:
    for name, values in VALUES.items():
        kind = GRAPHQL.type_map[name]
        assert isinstance(kind, GraphQLEnumType), name
        assert values.keys() <= kind.values.keys(), name
    for name, field, argument in ARGUMENTS:
        owner = GRAPHQL.type_map[name]
        assert isinstance(owner, GraphQLObjectType), name
        assert argument in owner.fields[field].args, (name, field, argument)


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.name)
def test_names_say_what_a_type_is(kind: GraphQLNamedType) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z0-9]*", kind.name)
    is_input = isinstance(kind, GraphQLInputObjectType)
    assert kind.name.endswith(("Input", "Filter", "Ref")) == is_input
    assert kind.name.endswith("Ref") <= getattr(kind, "is_one_of", False)
    if isinstance(kind, GraphQLEnumType):
        assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", value) for value in kind.values)
    if isinstance(kind, GraphQLObjectType) and "edges" in kind.fields:
        assert kind.name.endswith("Connection")
        assert {"edges", "pageInfo"} <= set(kind.fields)
    for field in getattr(kind, "fields", {}):
        assert re.fullmatch(r"[a-z][A-Za-z0-9]*", field)


def test_every_mutation_takes_one_input_with_an_idempotency_key() -> None:
    mutation = GRAPHQL.mutation_type
    assert mutation is not None
    for name, field in mutation.fields.items():
        assert list(field.args) == ["input"], name
        input_type = field.args["input"].type
        assert isinstance(input_type, GraphQLNonNull), name
        if name in ITEMS_WITH_IDS_OF_THEIR_OWN:
            continue
        assert input_type.of_type.name.endswith("Input"), name
        key = input_type.of_type.fields.get("idempotencyKey")
        assert key is not None, name
        assert str(key.type) == "ID!", name


def test_every_error_says_message_code_and_path() -> None:
    interface = GRAPHQL.type_map["Error"]
    assert isinstance(interface, GraphQLInterfaceType)
    members = GRAPHQL.get_possible_types(interface)
    assert len(members) >= 6
    assert {kind.name for kind in NAMED if kind.name.endswith("Error")} == {
        "Error",
        *(member.name for member in members),
    }


def test_lists_have_no_holes_but_where_an_id_finds_nothing() -> None:
    holes = {
        f"{kind.name}.{name}"
        for kind in NAMED
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType)
        for name, field in kind.fields.items()
        if re.search(r"\w\]", str(field.type))
    }
    assert holes <= {"Query.nodes"}


def test_every_page_has_a_bound() -> None:
    for kind in NAMED:
        if isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                if str(field.type).rstrip("!").endswith("Connection"):
                    assert {"first", "after"} <= set(field.args), f"{kind.name}.{name}"
