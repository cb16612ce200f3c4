"""Selections compiled to functions: an object becomes JSON without an executor.

What is collected, merged and left out is decided by the executor's own functions, and
leaves are written by the schema's own scalars and enums.
"""

import json
from collections.abc import Callable, Mapping
from inspect import isawaitable
from operator import attrgetter
from typing import Any, TypeAlias

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_union_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

_DEFINITION = "strawberry-definition"
Show: TypeAlias = Callable[[Any], Any]


class Unprepared(Exception):
    """The executor has to answer this: it is rare, wrong, or not known here."""


def as_json(value: object) -> bytes:
    """JSON as every answer of GraphQL is written."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Shapes:
    """Compiles the selections of one operation, its flags (@skip, @include) known."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        flags: Mapping[str, bool],
    ) -> None:
        self.schema = schema
        self._operation = operation
        self._values = VariableValues({}, dict(flags))
        self._fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }

    def roots(self, kind: GraphQLObjectType) -> GroupedFieldSet:
        """The operation's own fields, by response key."""
        return collect_fields(
            self.schema, self._fragments, self._values, kind, self._operation
        ).grouped_field_set

    def fields(
        self, kind: GraphQLObjectType, details: FieldDetailsList
    ) -> GroupedFieldSet:
        """The fields selected below some of the same response key."""
        return collect_subfields(
            self.schema,
            self._fragments,
            self._values,
            self._operation,
            kind,
            details,
        ).grouped_field_set

    def object_of(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Show:
        """From an object of the type to a dict in the order of the selection."""
        parts: list[tuple[str, Show]] = []
        for key, below in self.fields(kind, details).items():
            name = below[0].node.name.value
            if name == "__typename":
                parts.append((key, _constant(kind.name)))
                continue
            field = kind.fields[name]
            read, show = _reader(field), self._shower(field.type, below)
            parts.append((key, _composed(read, show)))

        def shown(source: Any) -> dict[str, Any]:
            return {key: part(source) for key, part in parts}

        return shown

    def _shower(self, kind: GraphQLOutputType, details: FieldDetailsList) -> Show:
        if is_non_null_type(kind):
            return _required(self._shower(kind.of_type, details))
        if is_list_type(kind):
            each = self._shower(kind.of_type, details)
            return _optional(lambda items: [each(item) for item in items])
        if is_leaf_type(kind):
            return _optional(_required(kind.coerce_output_value))
        if is_object_type(kind):
            return _optional(self.object_of(kind, details))
        if is_union_type(kind):
            members = {
                member.name: self.object_of(member, details) for member in kind.types
            }
            return _optional(lambda source: members[_type_name(source)](source))
        raise Unprepared(f"a field gives {get_named_type(kind)}")


def _reader(field: GraphQLField) -> Show:
    """Reads a field off its object: an attribute, or a method that takes nothing."""
    definition = field.extensions.get(_DEFINITION)
    if definition is None or field.args or definition.extensions:
        raise Unprepared("a field of its own making")
    resolver = definition.base_resolver
    if resolver is None:
        return attrgetter(definition.python_name)
    if resolver.is_async or resolver.info_parameter is not None:
        raise Unprepared(f"{definition.python_name} asks elsewhere")
    called: Show = resolver.wrapped_func

    def read(source: Any) -> Any:
        found = called(source)
        if isawaitable(found):
            raise Unprepared("a field that waits")
        return found

    return read


def _type_name(source: object) -> str:
    name: str = type(source).__strawberry_definition__.name  # type: ignore[attr-defined]
    return name


def _constant(value: str) -> Show:
    return lambda _source: value


def _composed(read: Show, show: Show) -> Show:
    return lambda source: show(read(source))


def _optional(show: Show) -> Show:
    return lambda value: None if value is None else show(value)


def _required(show: Show) -> Show:
    def shown(value: Any) -> Any:
        found = show(value)
        if found is None:
            raise Unprepared("null where there must be a value")
        return found

    return shown
