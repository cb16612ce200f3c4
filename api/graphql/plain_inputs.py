"""Input objects of plain values, built at once from what was sent."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLSchema,
    get_nullable_type,
    is_leaf_type,
)
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryMaybe, StrawberryObjectDefinition

_DEFINITION = "strawberry-definition"

Build = Callable[[type, Mapping[str, Any], InputContext], Any]


def build_plainly(schema: GraphQLSchema) -> GraphQLSchema:
    """Spare each such type the look at every field's type that each request costs."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLInputObjectType):
            continue
        definition = kind.extensions.get(_DEFINITION)
        if definition is not None and all(map(_is_plain, kind.fields.values())):
            definition.from_input = _builder(kind, definition)
    return schema


def _is_plain(field: GraphQLInputField) -> bool:
    """Whether what was sent is the value, which a `Maybe` would wrap."""
    definition = field.extensions[_DEFINITION]
    wrapped = isinstance(definition.resolve_type(), StrawberryMaybe)
    return is_leaf_type(get_nullable_type(field.type)) and not wrapped


def _builder(
    kind: GraphQLInputObjectType, definition: StrawberryObjectDefinition
) -> Build:
    names = [
        (name, field.extensions[_DEFINITION].python_name)
        for name, field in kind.fields.items()
    ]
    absent = {
        field.python_name: None
        for field in definition.fields
        if field.default_value is MISSING and field.default_factory is MISSING
    }

    def build(cls: type, sent: Mapping[str, Any], _context: InputContext) -> Any:
        given = {python: sent[name] for name, python in names if name in sent}
        return cls(**{**absent, **given})

    return build
