"""A request's variables read as the executor would read them, or not at all.

What is usual is read here. What is not is left to the executor's own coercion, and what
that finds wrong to the executor itself, so that every error is the executor's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    ValueNode,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    coerce_input_literal,
    is_non_null_type,
    type_from_ast,
    visit,
)
from graphql.execution.values import VariableValues, get_variable_values

from api.graphql.scalars import check_json, has_more_values
from api.graphql.subject import MAX_ATTRIBUTES, MAX_ID, MAX_VALUES, SubjectInput
from api.prepared.shapes import Unprepared
from core.subjects import SubjectContext

_MISSING = object()
_SUBJECT = frozenset({"userId", "anonymousId", "accountId", "attributes"})
_PLAIN = frozenset({str, bool, float, type(None)})
_WIDEST = 2**63
_NOBODY = (None, None, None)

Read: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Values:
    """Coerced variables; subjects that came the usual way are read already."""

    named: Mapping[str, Any]
    whole: VariableValues | None = None
    """As the executor has them, where an argument mixes them with literals."""


class Variables:
    """What one operation declares."""

    def __init__(
        self, schema: GraphQLSchema, operation: OperationDefinitionNode
    ) -> None:
        self._schema = schema
        self._nodes = operation.variable_definitions or ()
        self._declared: list[tuple[str, Read, bool, object]] | None = []
        for node in self._nodes:
            declared = self._reader(node)
            if declared is None:
                self._declared = None
                break
            self._declared.append(declared)

    def mixed(self) -> None:
        """Always coerce as the executor does: an argument needs the values whole."""
        self._declared = None

    def read(self, given: Mapping[str, Any]) -> Values:
        """The values of a request.

        Raises:
            Unprepared: The executor has something to say about them.
        """
        if self._declared is not None:
            named = self._usual(given)
            if named is not None:
                return Values(named)
        found = get_variable_values(self._schema, self._nodes, dict(given))
        if isinstance(found, list):
            raise Unprepared("variables that do not fit")
        return Values(found.coerced, found)

    def _usual(self, given: Mapping[str, Any]) -> dict[str, Any] | None:
        named: dict[str, Any] = {}
        for name, read, required, default in self._declared or ():
            value = given.get(name, _MISSING)
            if value is _MISSING:
                if default is not _MISSING:
                    named[name] = default
                elif required:
                    return None
                continue
            if value is not None:
                value = read(value)
                if value is _MISSING:
                    return None
            elif required:
                return None
            named[name] = value
        return named

    def _reader(
        self, node: VariableDefinitionNode
    ) -> tuple[str, Read, bool, object] | None:
        kind = type_from_ast(self._schema, node.type)
        read = _READERS.get(str(kind).removesuffix("!"))
        if read is None:
            return None
        name, default = node.variable.name.value, _MISSING
        if node.default_value is not None:
            if read is _subject:
                return None
            found = get_variable_values(self._schema, [node], {})
            if isinstance(found, list):
                return None
            default = found.coerced.get(name, _MISSING)
        return name, read, is_non_null_type(kind), default


class Argument:
    """One argument of one field: what a request gives it."""

    __slots__ = ("_constant", "_default", "_kind", "_name", "_node", "mixed")

    def __init__(self, argument: GraphQLArgument, node: ValueNode | None) -> None:
        self._kind, self._node = argument.type, node
        self._default = argument.default_value
        self._name = node.name.value if isinstance(node, VariableNode) else ""
        self._constant: object = _MISSING
        self.mixed = False
        if node is None:
            self._constant = self._default
        elif not self._name:
            self.mixed = _has_variables(node)
            if not self.mixed:
                self._constant = coerce_input_literal(node, argument.type)
        if self._constant is Undefined:
            if is_non_null_type(argument.type):
                raise Unprepared("an argument that does not fit")
            self._constant = None

    def of(self, values: Values) -> Any:
        """The argument's value.

        Raises:
            Unprepared: It has none that the executor would take.
        """
        if self._constant is not _MISSING:
            return self._constant
        if self.mixed:
            found = self._mixed(values)
        else:
            found = values.named.get(self._name, self._default)
        if found is None or found is Undefined:
            if (found is Undefined and self.mixed) or is_non_null_type(self._kind):
                raise Unprepared("an argument that does not fit")
            return None
        return found

    def _mixed(self, values: Values) -> Any:
        if self._node is None or values.whole is None:
            raise Unprepared("an argument without its values")
        return coerce_input_literal(self._node, self._kind, values.whole)


def subject_of(value: Any) -> SubjectContext:
    """A subject, from what the executor coerced.

    Raises:
        Invalid: As the resolver would.
    """
    if isinstance(value, SubjectContext):
        return value
    return SubjectInput(
        user_id=value.get("userId"),
        anonymous_id=value.get("anonymousId"),
        account_id=value.get("accountId"),
        attributes=value.get("attributes"),
    ).context()


def _subject(value: Any) -> Any:
    if type(value) is not dict or not value.keys() <= _SUBJECT:
        return _MISSING
    ids = value.get("userId"), value.get("anonymousId"), value.get("accountId")
    for each in ids:
        if each is not None and (type(each) is not str or not 0 < len(each) <= MAX_ID):
            return _MISSING
    attributes = value.get("attributes")
    if attributes is None:
        attributes = {}
    if ids == _NOBODY or type(attributes) is not dict:
        return _MISSING
    if len(attributes) > MAX_ATTRIBUTES or not _is_json(attributes):
        return _MISSING
    return SubjectContext(*ids, attributes)


def _is_json(attributes: dict[str, Any]) -> bool:
    """Whether these, which were JSON a moment ago, are what the scalar takes."""
    for each in attributes.values():
        if type(each) not in _PLAIN and (
            type(each) is not int or not -_WIDEST < each < _WIDEST
        ):
            break
    else:
        return True
    try:
        check_json(attributes)
    except ValueError:
        return False
    return not has_more_values(attributes, MAX_VALUES)


def _text(value: Any) -> Any:
    return value if type(value) is str else _MISSING


def _flag(value: Any) -> Any:
    return value if type(value) is bool else _MISSING


def _texts(value: Any) -> Any:
    if type(value) is not list or any(type(each) is not str for each in value):
        return _MISSING
    return value


_READERS: Mapping[str, Read] = {
    "String": _text,
    "Boolean": _flag,
    "[String!]": _texts,
    "SubjectInput": _subject,
}


def _has_variables(node: ValueNode) -> bool:
    found: list[str] = []

    class Finder(Visitor):
        def enter_variable(self, variable: VariableNode, *_: Any) -> None:
            found.append(variable.name.value)

    visit(node, Finder())
    return bool(found)
