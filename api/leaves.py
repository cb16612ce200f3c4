"""Fields that are attributes of a leaf type, executed without what they do not need."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeAlias

from graphql import (
    GraphQLField,
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

Leaf: TypeAlias = Callable[[Any], Any]
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
            found = _LEFT if leaf is None else leaf(source_value)
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
        chosen = [
            (key, leaves.get(each[0].node.name.value)) for key, each in fields.items()
        ]
        found: list[dict[str, Any]] = []
        for item in items:
            if type(item) is not of:
                return None
            shown: dict[str, Any] = {}
            for key, leaf in chosen:
                value = _LEFT if leaf is None else leaf(item)
                if value is _LEFT:
                    return None
                shown[key] = value
            found.append(shown)
        return found

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
            found = leaf(source)
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


def _constant(value: str) -> Leaf:
    return lambda _source: value


def _leaf(field: GraphQLField) -> Leaf | None:
    definition = field.extensions.get(_DEFINITION)
    kind = get_nullable_type(field.type)
    if definition is None or not definition.is_basic_field or not is_leaf_type(kind):
        return None
    read, written = attrgetter(definition.python_name), kind.coerce_output_value
    required = is_non_null_type(field.type)
    same = _SAME.get(kind.name)

    def leaf(source: Any) -> Any:
        try:
            value = read(source)
            if type(value) is same:
                return value
            if value is None:
                return _LEFT if required else None
            if isinstance(value, Exception) or hasattr(value, "__await__"):
                return _LEFT
            found = written(value)
        except Exception:
            return _LEFT
        return _LEFT if found is None or found is Undefined else found

    return leaf
