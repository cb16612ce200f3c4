"""Plain inputs are built as strawberry builds them, from whatever was sent."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.types.arguments import convert_argument

from api.graphql.schema import GRAPHQL, SCHEMA

PLAIN = {
    kind.name: kind
    for kind in GRAPHQL.type_map.values()
    if isinstance(kind, GraphQLInputObjectType)
    and kind.extensions["strawberry-definition"].from_input is not None
}


def built(name: str, sent: dict[str, Any]) -> object:
    definition = PLAIN[name].extensions["strawberry-definition"]
    converter = SCHEMA.schema_converter
    return convert_argument(
        sent, definition.origin, converter.scalar_registry, SCHEMA.config
    )


def test_subjects_are_plain_and_nested_inputs_are_not() -> None:
    assert "SubjectInput" in PLAIN
    assert len(PLAIN) > 20
    assert "CreateExperimentInput" not in PLAIN


@pytest.mark.parametrize("name", sorted(PLAIN))
@settings(max_examples=25)
@given(data=st.data())
def test_it_is_what_it_was(name: str, data: st.DataObject) -> None:
    kind = PLAIN[name]
    definition = kind.extensions["strawberry-definition"]
    values = st.none() | st.text(max_size=3) | st.integers() | st.booleans()
    sent = {
        field: data.draw(values) for field in kind.fields if data.draw(st.booleans())
    }
    quick = outcome(name, sent)
    build, definition.from_input = definition.from_input, None
    try:
        slow = outcome(name, sent)
    finally:
        definition.from_input = build
    assert quick == slow


def outcome(name: str, sent: dict[str, Any]) -> object:
    try:
        return vars(built(name, sent))
    except (
        TypeError
    ) as error:  # a required field is missing: refused before it comes here
        return str(error)
