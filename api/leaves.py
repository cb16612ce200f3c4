"""Fields that are attributes of a leaf type, executed without what they do not need."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, EnumMeta
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

from graphql import (
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    Undefined,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

_DEFINITION = "strawberry-definition"
_LEFT = object()
"""What is no plain value, or none that the field may have."""

_SAME = {"String": str, "Boolean": bool}
"""What is written as it is."""


class _NoValue:
    """The class of no value."""


class Leaf(NamedTuple):
    """A field that is an attribute: how it is read, and how it is written."""

    read: Callable[[Any], Any]
    same: type
    """Values of this type are written as they are."""
    written: Callable[[Any], Any]
    """Any other value, or `_LEFT`."""

    def of(self, source: Any) -> Any:
        """The field of one object, or `_LEFT`."""
        try:
            value = self.read(source)
        except Exception:
            return _LEFT
        return value if type(value) is self.same else self.written(value)


Leaves: TypeAlias = Mapping[str, Mapping[str, Leaf]]


class LeafExecutor(StrawberryGraphQLCoreExecutionContext):
    """The executor, with a short way for leaves that are attributes.

    Most fields are. What such a field gets wrong is left to the executor, which meets
    it again and reports it as ever.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaves = leaves_of(self.schema)
        self._classes = classes_of(self.schema)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """An object at once, where all that is selected of it are leaves."""
        leaves = self._leaves[parent_type.name]
        results: dict[str, Any] = {}
        for key, details in grouped_field_set.items():
            leaf = leaves.get(details[0].node.name.value)
            found = _LEFT if leaf is None else leaf.of(source_value)
            if found is _LEFT:
                return super().execute_fields(
                    parent_type, source_value, path, grouped_field_set, position_context
                )
            results[key] = found
        return results

    def complete_iterable_value(  # noqa: PLR0917 - the executor's own
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        items: Iterable[Any],
        position_context: Any,
    ) -> Any:
        """A list at once, where all that is selected of its items are leaves."""
        found = None
        if type(items) is list:
            found = self._listed(item_type, field_details_list, items)
        if found is not None:
            return found
        return super().complete_iterable_value(
            item_type, field_details_list, info, path, items, position_context
        )

    def _listed(
        self, item_type: GraphQLOutputType, details: FieldDetailsList, items: list[Any]
    ) -> list[dict[str, Any]] | None:
        """The items, if all of them are of the one class that the type is made from."""
        kind = get_nullable_type(item_type)
        if not is_object_type(kind) or (of := self._classes.get(kind.name)) is None:
            return None
        leaves = self._leaves[kind.name]
        fields = self.collect_subfields(kind, details).grouped_field_set
        chosen: list[tuple[str, Leaf]] = []
        for key, each in fields.items():
            leaf = leaves.get(each[0].node.name.value)
            if leaf is None:
                return None
            chosen.append((key, leaf))
        try:
            return _rows(items, of, chosen)
        except Exception:
            return None

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """A leaf at once, beside fields that are none."""
        name = field_details_list[0].node.name.value
        leaf = self._leaves[parent_type.name].get(name)
        if leaf is not None:
            found = leaf.of(source)
            if found is not _LEFT:
                return found
        return super().execute_field(
            parent_type, source, field_details_list, path, position_context
        )


@lru_cache(maxsize=4)
def leaves_of(schema: GraphQLSchema) -> Leaves:
    """The leaves of every object type."""
    return {
        name: {
            "__typename": _constant(name),
            **{
                each: leaf
                for each, field in kind.fields.items()
                if (leaf := _leaf(field)) is not None
            },
        }
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType)
    }


@lru_cache(maxsize=4)
def classes_of(schema: GraphQLSchema) -> Mapping[str, type]:
    """The class that each object type is made from, where no other may stand for it."""
    definitions = (
        (name, kind.extensions.get(_DEFINITION))
        for name, kind in schema.type_map.items()
        if isinstance(kind, GraphQLObjectType)
    )
    return {
        name: definition.origin
        for name, definition in definitions
        if definition is not None and definition.is_type_of is None
    }


def _rows(
    items: list[Any], of: type, chosen: Sequence[tuple[str, Leaf]]
) -> list[dict[str, Any]] | None:
    """What is chosen of each item; None if one has it not, or is of another class."""
    rows: list[dict[str, Any]] = []
    columns = [(key, *leaf) for key, leaf in chosen]
    for item in items:
        if type(item) is not of:
            return None
        row: dict[str, Any] = {}
        for key, read, same, written in columns:
            value = read(item)
            if type(value) is not same:
                value = written(value)
                if value is _LEFT:
                    return None
            row[key] = value
        rows.append(row)
    return rows


def _constant(value: str) -> Leaf:
    return Leaf(lambda _source: value, str, lambda found: found)


def _leaf(field: GraphQLField) -> Leaf | None:
    definition = field.extensions.get(_DEFINITION)
    kind = get_nullable_type(field.type)
    if definition is None or not definition.is_basic_field or not is_leaf_type(kind):
        return None
    return Leaf(
        attrgetter(definition.python_name),
        _SAME.get(kind.name, _NoValue),
        _writer(kind, required=is_non_null_type(field.type)),
    )


def _writer(kind: GraphQLLeafType, *, required: bool) -> Callable[[Any], Any]:
    coerce, known = kind.coerce_output_value, _members(kind)

    def written(value: Any) -> Any:
        try:
            if type(value) is known.kind:
                return known.names[value]
            if value is None:
                return _LEFT if required else None
            if isinstance(value, Exception) or hasattr(value, "__await__"):
                return _LEFT
            found = coerce(value)
        except Exception:
            return _LEFT
        return _LEFT if found is None or found is Undefined else found

    return written


class _Members(NamedTuple):
    kind: type
    names: Mapping[Any, str]


def _members(kind: GraphQLLeafType) -> _Members:
    """The names of an enum's members; of nothing for other leaves."""
    definition = kind.extensions.get(_DEFINITION)
    members = getattr(definition, "wrapped_cls", None)
    if not isinstance(members, EnumMeta):
        return _Members(_NoValue, {})
    every: list[Enum] = list(members)
    names = {each: kind.coerce_output_value(each) for each in every}
    return _Members(members, names)
