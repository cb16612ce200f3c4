"""A document's plan: what a request asks, answered from fragments made before."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    DirectiveNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    assert_object_type,
    visit,
)
from graphql.execution.collect_fields import FieldDetailsList

from api import guard
from api.auth import Caller
from api.composed.assigned import Everything
from api.composed.assignments import Given, assigned_at_once, assigned_to
from api.documents import Operation
from api.prepared.fragments import Listing, Room
from api.prepared.shapes import Shapes, Unprepared, as_json
from api.prepared.variables import Argument, Values, Variables, subject_of
from api.repeats import Basis
from api.services import Services

MAX_FLAGS = 32
MAX_SHAPES = 16
"""Selections of one document that are kept; flags may have more values than that."""

MAX_ROOTS = 8
_SET, _ONE = "AssignmentSet", "Assignment"


class Plan:
    """One operation of one document, for whoever its policies allow.

    Raises:
        Unprepared: It asks for more than assignments.
    """

    def __init__(self, schema: GraphQLSchema, operation: Operation, room: Room) -> None:
        if operation.kind is not OperationType.QUERY or operation.introspects:
            raise Unprepared("no query for assignments")
        self.operation = operation
        self._schema = schema
        self._room = room
        self._node, _ = guard.operation_of(operation.document, operation.name)
        self._variables = Variables(schema, self._node)
        self._flags = _flags(operation, self._node)
        if len(self._flags) > MAX_FLAGS:
            raise Unprepared("too many variables in directives")
        self._roots: dict[tuple[bool, ...], list[_Root] | None] = {}
        if not self._flags:
            self._roots[()] = self._compiled(())

    def at_once(
        self,
        services: Services,
        caller: Caller,
        variables: Mapping[str, Any],
        bases: list[Basis],
    ) -> bytes | None:
        """The response's body, or None where `answer` has to wait for it.

        What it was made from is added to `bases`.

        Raises:
            Unprepared: The executor has to answer this request.
            Invalid: It has to refuse it.
        """
        values = self._variables.read(variables)
        written: list[bytes] = []
        for root in self._chosen(values):
            found = root.at_once(services, caller, values, bases)
            if found is None:
                return None
            written.append(root.key + found)
        return b'{"data":{' + b",".join(written) + b"}}"

    async def answer(
        self, services: Services, caller: Caller, variables: Mapping[str, Any]
    ) -> bytes:
        """The same, after whatever has to be read."""
        values = self._variables.read(variables)
        written = [
            root.key + await root.answer(services, caller, values)
            for root in self._chosen(values)
        ]
        return b'{"data":{' + b",".join(written) + b"}}"

    def _chosen(self, values: Values) -> "list[_Root]":
        flags: tuple[Any, ...] = ()
        if self._flags:
            flags = tuple(values.named.get(name) for name in self._flags)
            if any(type(flag) is not bool for flag in flags):
                raise Unprepared("a directive without its value")
        if flags not in self._roots:
            self._roots[flags] = self._compiled_once(flags)
        roots = self._roots[flags]
        if roots is None:
            raise Unprepared("more than assignments with these flags")
        return roots

    def _compiled_once(self, flags: tuple[bool, ...]) -> "list[_Root] | None":
        if len(self._roots) >= MAX_SHAPES:
            raise Unprepared("as many selections as are kept")
        try:
            return self._compiled(flags)
        except Unprepared:
            return None

    def _compiled(self, flags: tuple[bool, ...]) -> "list[_Root]":
        known = dict(zip(self._flags, flags, strict=True))
        shapes = Shapes(self._schema, self.operation.document, self._node, known)
        query = _object(self._schema, "Query")
        fields = shapes.roots(query)
        if len(fields) > MAX_ROOTS:
            raise Unprepared("too many root fields")
        roots: list[_Root] = []
        for key, details in fields.items():
            name = details[0].node.name.value
            if name == "__typename":
                roots.append(_Named(key, query))
            elif name == "assignments":
                roots.append(_Assignments(key, shapes, query, details, self._room))
            else:
                raise Unprepared(f"{name} is not assignments")
        if any(root.mixed for root in roots):
            self._variables.mixed()
        return roots


class _Root(ABC):
    """A field of the query, under its response key."""

    mixed = False

    def __init__(self, key: str) -> None:
        self.key = f'"{key}":'.encode()

    @abstractmethod
    def at_once(
        self, services: Services, caller: Caller, values: Values, bases: list[Basis]
    ) -> bytes | None:
        """The field's value, if nothing has to be read for it."""

    @abstractmethod
    async def answer(self, services: Services, caller: Caller, values: Values) -> bytes:
        """The field's value."""


class _Named(_Root):
    def __init__(self, key: str, query: GraphQLObjectType) -> None:
        super().__init__(key)
        self._written = as_json(query.name)

    def at_once(
        self, services: Services, caller: Caller, values: Values, bases: list[Basis]
    ) -> bytes:
        return self._written

    async def answer(self, services: Services, caller: Caller, values: Values) -> bytes:
        return self._written


class _Assignments(_Root):
    """`assignments` with its arguments and everything selected below it."""

    def __init__(
        self,
        key: str,
        shapes: Shapes,
        query: GraphQLObjectType,
        details: FieldDetailsList,
        room: Room,
    ) -> None:
        super().__init__(key)
        field = query.fields["assignments"]
        given = {
            each.name.value: each.value for each in details[0].node.arguments or ()
        }
        arguments = {
            name: Argument(argument, given.get(name))
            for name, argument in field.args.items()
        }
        self.mixed = any(argument.mixed for argument in arguments.values())
        self._subject = arguments.pop("subject")
        self._keys = arguments.pop("keys")
        self._if_none_match = arguments.pop("ifNoneMatch")
        self._qualifying = arguments.pop("qualifying")
        if arguments:
            raise Unprepared("an argument that is not known here")
        self._parts = _parts(shapes, details, room)

    def at_once(
        self, services: Services, caller: Caller, values: Values, bases: list[Basis]
    ) -> bytes | None:
        subject = subject_of(self._subject.of(values))
        found = assigned_at_once(
            services,
            caller,
            subject,
            self._keys.of(values),
            qualifying=self._qualifying.of(values),
        )
        if found is None:
            return None
        bases.append(Basis.of(found, subject))
        return self._written(found, values)

    async def answer(self, services: Services, caller: Caller, values: Values) -> bytes:
        found = await assigned_to(
            services,
            caller,
            subject_of(self._subject.of(values)),
            self._keys.of(values),
            qualifying=self._qualifying.of(values),
        )
        return self._written(found, values)

    def _written(self, found: Given, values: Values) -> bytes:
        known = self._if_none_match.of(values)
        if known is not None and known == found.etag:
            return b"null"
        return b"".join(
            [
                part if type(part) is bytes else _written(part, found)
                for part in self._parts
            ]
        )


_ETAG = object()


def _written(part: object, found: Given) -> bytes:
    if isinstance(part, Listing):
        if isinstance(found, Everything):
            return part.qualified(found) if found.qualifying else part.everything(found)
        return part.listed(found.version, found.decisions)
    return b'"%s"' % found.etag.replace('"', '\\"').encode()


def _parts(shapes: Shapes, details: FieldDetailsList, room: Room) -> Sequence[object]:
    """An AssignmentSet: bytes that never change, and what stands between them."""
    kind, each = _object(shapes.schema, _SET), _object(shapes.schema, _ONE)
    parts: list[object] = []
    for number, (key, below) in enumerate(shapes.fields(kind, details).items()):
        name = below[0].node.name.value
        parts.append(f'{"," if number else "{"}"{key}":'.encode())
        if name == "__typename":
            parts.append(as_json(kind.name))
        elif name == "etag":
            parts.append(_ETAG)
        elif name == "assignments":
            parts.append(Listing(shapes.object_of(each, below), room))
        else:
            raise Unprepared(f"{_SET}.{name} is not known here")
    return [*parts, b"}" if parts else b"{}"]


def _object(schema: GraphQLSchema, name: str) -> GraphQLObjectType:
    return assert_object_type(schema.type_map[name])


def _flags(operation: Operation, node: OperationDefinitionNode) -> tuple[str, ...]:
    """The operation's variables that decide what is selected."""
    found: dict[str, None] = {}

    class Finder(Visitor):
        def enter_directive(self, directive: DirectiveNode, *_: Any) -> None:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    found[argument.value.name.value] = None

    visit(node, Finder())
    for definition in operation.document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            visit(definition, Finder())
    declared = {each.variable.name.value for each in node.variable_definitions or ()}
    return tuple(name for name in found if name in declared)
