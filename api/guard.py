"""What a document may cost, counted in one pass before it is validated or executed."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
)

from api.pagination import DEFAULT_PAGE, MAX_PAGE
from api.problems import Refused

MAX_TOKENS = 2000
MAX_DEPTH = 16
MAX_SIZE = 2000
MAX_COST = 10_000
MAX_ALIKE = 50
SHORT_LIST = 5
MAX_SPREAD = 4 * MAX_SIZE
_CAP = MAX_COST + 1
_NUL = re.compile(r"\\u(?:0000|\{0+\})|\x00")


@dataclass(frozen=True, slots=True)
class Weight:
    """What a selection costs: rows at most, selections once spread, and levels."""

    cost: int
    size: int
    depth: int


_NOTHING = Weight(0, 0, 0)


def operation_of(
    document: DocumentNode, name: str | None
) -> tuple[OperationDefinitionNode, Mapping[str, FragmentDefinitionNode]]:
    """The operation that is asked for, and the document's fragments.

    Raises:
        Refused: There is no such operation, or several and none is named.
    """
    operations: list[OperationDefinitionNode] = []
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
    chosen = [
        operation
        for operation in operations
        if name is None or (operation.name is not None and operation.name.value == name)
    ]
    if len(chosen) != 1:
        raise Refused(
            "OPERATION_NOT_FOUND",
            "`operationName` names one operation of the document.",
        )
    return chosen[0], fragments


def refuse_nul(query: str) -> None:
    """No text in a document may hold a NUL, which not every store can keep."""
    if _NUL.search(query):
        raise Refused("BAD_INPUT", "Text has no NUL.")


def listing_fields(schema: GraphQLSchema) -> Mapping[str, int]:
    """Fields that give several objects, with how many where the query does not say.

    A list that takes no `first` is short; what it leads to is charged all the same,
    for lists inside lists multiply.
    """
    rows: dict[str, int] = {}
    for type_name, kind in schema.type_map.items():
        if type_name.startswith("__") or not hasattr(kind, "fields"):
            continue
        for name, field in kind.fields.items():
            if "first" in getattr(field, "args", ()):
                rows[name] = DEFAULT_PAGE
            elif name != "edges" and _lists_objects(field.type):
                rows.setdefault(name, SHORT_LIST)
    return rows


def _lists_objects(kind: GraphQLType) -> bool:
    nullable = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
    return is_list_type(nullable) and is_composite_type(get_named_type(kind))


def check(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
    listing: Mapping[str, int],
) -> Weight:
    """Weigh an operation and refuse it where it is too heavy.

    Raises:
        Refused: QUERY_TOO_DEEP, QUERY_TOO_EXPENSIVE, or BAD_INPUT for a `first` out
            of bounds.
    """
    weight = _Scale(operation, fragments, variables, listing).weigh(
        operation.selection_set, level=1
    )
    if weight.depth > MAX_DEPTH:
        raise too_deep()
    if weight.size > MAX_SIZE:
        raise Refused(
            "QUERY_TOO_EXPENSIVE",
            f"A query spreads to at most {MAX_SIZE} selections.",
        )
    if weight.cost > MAX_COST:
        raise Refused(
            "QUERY_TOO_EXPENSIVE",
            f"A query asks for at most {MAX_COST} objects; ask for fewer with `first`.",
        )
    return weight


def check_shape(document: DocumentNode) -> None:
    """Refuse what would take validation long: fields that all have to be compared.

    Validation compares every two fields that meet under one name in the answer, in
    every operation and fragment, also in those that are not asked for.

    Raises:
        Refused: QUERY_TOO_DEEP or QUERY_TOO_EXPENSIVE.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    shape = _Shape(fragments)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            shape.check([definition.selection_set])
    for name, fragment in fragments.items():
        if name not in shape.met:
            shape.check([fragment.selection_set])


def too_deep() -> Refused:
    """The refusal of a document that nests beyond the limit."""
    return Refused("QUERY_TOO_DEEP", f"A query nests at most {MAX_DEPTH} levels.")


class _Scale:
    """Weighs each fragment once; numbers stop growing just above their limits."""

    def __init__(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        listing: Mapping[str, int],
    ) -> None:
        self._fragments = fragments
        self._variables = variables
        self._listing = listing
        self._defaults = {
            definition.variable.name.value: definition.default_value
            for definition in operation.variable_definitions or ()
        }
        self._known: dict[str, Weight] = {}

    def weigh(self, selections: SelectionSetNode, level: int) -> Weight:
        """The weight of a selection set that lies `level` levels deep."""
        if level > MAX_DEPTH:
            return Weight(0, 0, MAX_DEPTH + 1)
        cost = size = depth = 0
        for node in selections.selections:
            if isinstance(node, FieldNode):
                weight = self._field(node, level)
            elif isinstance(node, InlineFragmentNode):
                weight = self.weigh(node.selection_set, level)
            elif isinstance(node, FragmentSpreadNode):
                weight = self._spread(node.name.value, level)
            cost = min(_CAP, cost + weight.cost)
            size = min(_CAP, size + weight.size + 1)
            depth = max(depth, weight.depth)
        return Weight(cost, size, depth)

    def _field(self, node: FieldNode, level: int) -> Weight:
        times = self._rows(node)
        if node.selection_set is None:
            return Weight(0, 0, 1)
        inner = self.weigh(node.selection_set, level + 1)
        # An object costs one; what wraps others costs as much as they do.
        cost = min(_CAP, times * max(1, inner.cost))
        return Weight(cost, inner.size, min(MAX_DEPTH, inner.depth) + 1)

    def _spread(self, name: str, level: int) -> Weight:
        known = self._known.get(name)
        if known is not None:
            return known
        fragment = self._fragments.get(name)
        # A circle weighs nothing while it is open: validation refuses it.
        self._known[name] = _NOTHING
        if fragment is not None:
            self._known[name] = self.weigh(fragment.selection_set, level)
        return self._known[name]

    def _rows(self, node: FieldNode) -> int:
        for argument in node.arguments or ():
            if argument.name.value == "first":
                return self._first(argument.value)
            if argument.name.value == "ids":
                return self._length(argument.value)
        return self._listing.get(node.name.value, 1)

    def _first(self, value: ValueNode) -> int:
        found = self._resolved(value)
        if found is Undefined:
            return DEFAULT_PAGE
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if not isinstance(found, int) or isinstance(found, bool):
            return MAX_PAGE
        if 1 <= found <= MAX_PAGE:
            return found
        raise Refused("BAD_INPUT", f"`first` is 1 to {MAX_PAGE}.")

    def _length(self, value: ValueNode) -> int:
        found = self._resolved(value)
        if isinstance(found, ListValueNode):
            return max(1, len(found.values))
        if isinstance(found, list):
            return max(1, len(found))
        # One value stands for a list of one.
        return 1 if isinstance(found, str | StringValueNode) else MAX_PAGE

    def _resolved(self, value: ValueNode) -> object:
        """What the resolver will be given, before it is coerced.

        What cannot be told from here stays a node, and is weighed as the most.
        """
        if isinstance(value, VariableNode):
            name = value.name.value
            if name in self._variables:
                return self._variables[name]
            default = self._defaults.get(name)
            if default is None:
                return Undefined
            value = default
        if isinstance(value, IntValueNode):
            return int(value.value) if len(value.value) <= 12 else -1
        return value


class _Shape:
    """Merges selections as an answer would, and counts what meets."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._left = MAX_SPREAD
        self.met: set[str] = set()

    def check(self, selections: list[SelectionSetNode], level: int = 1) -> None:
        """Count the fields of these sets, which all describe the same object."""
        if level > MAX_DEPTH:
            raise too_deep()
        names: Counter[str] = Counter()
        keys: Counter[str] = Counter()
        inner: dict[str, list[SelectionSetNode]] = {}
        for node in self._fields(selections):
            name = node.name.value
            key = name if node.alias is None else node.alias.value
            names[name] += 1
            keys[key] += 1
            if names[name] > MAX_ALIKE or keys[key] > MAX_ALIKE:
                raise Refused(
                    "QUERY_TOO_EXPENSIVE",
                    f"One object is asked for a field at most {MAX_ALIKE} times.",
                )
            if node.selection_set is not None:
                inner.setdefault(key, []).append(node.selection_set)
        for below in inner.values():
            self.check(below, level + 1)

    def _fields(self, selections: list[SelectionSetNode]) -> Iterator[FieldNode]:
        waiting, spread = list(selections), set[str]()
        while waiting:
            for node in waiting.pop().selections:
                self._left -= 1
                if self._left < 0:
                    raise Refused(
                        "QUERY_TOO_EXPENSIVE",
                        f"A document spreads to at most {MAX_SPREAD} selections.",
                    )
                if isinstance(node, FieldNode):
                    yield node
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode):
                    name = node.name.value
                    if name not in spread and name in self._fragments:
                        waiting.append(self._fragments[name].selection_set)
                    spread.add(name)
                    self.met.add(name)
