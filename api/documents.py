"""Parsed and validated documents, kept by hash within a bound of bytes."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    parse,
    specified_rules,
    validate,
    visit,
)
from graphql.language import FieldNode
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule

from api import guard
from api.decoding import GraphQLRequest
from api.policies import Policies, Policy
from api.problems import Refused

MAX_CACHE_BYTES = 32 * 1024 * 1024
_MAX_ERRORS = 20
_RULES = (*specified_rules, MaybeNullValidationRule)
_BYTES_PER_TOKEN = 1500
_INTROSPECTION = frozenset({"__schema", "__type"})


class Invalidated(Exception):
    """The document is not valid GraphQL for this schema; nothing was executed."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document with what it takes to be allowed."""

    document: DocumentNode
    name: str | None
    kind: OperationType
    policies: frozenset[Policy | None]
    introspects: bool


class Documents:
    """Turns requests into operations; repeats cost a look-up.

    Only valid documents are kept, oldest use first out, so that no caller can fill
    the memory: the sum of estimated sizes never exceeds the bound.
    """

    def __init__(
        self, schema: GraphQLSchema, policies: Policies, *, bound: int = MAX_CACHE_BYTES
    ) -> None:
        self.schema = schema
        self._policies = policies
        self._listing = guard.listing_fields(schema)
        self._bound = bound
        self._kept: OrderedDict[bytes, _Entry] = OrderedDict()
        self.bytes = 0

    def operation(self, request: GraphQLRequest) -> Operation:
        """The operation that a request asks for, weighed and valid.

        Raises:
            Refused: It is too large, too deep, too expensive, or not in the document.
            Invalidated: It does not parse or does not fit the schema.
        """
        digest = hashlib.sha256(request.query.encode("utf-8", "surrogatepass")).digest()
        entry = self._kept.get(digest)
        if entry is not None:
            self._kept.move_to_end(digest)
            return self._chosen(entry, request)
        document = _parsed(request.query)
        entry = _Entry(document, {}, len(request.query) + _size(document))
        node, fragments = guard.operation_of(document, request.operation_name)
        guard.check(node, fragments, request.variables, self._listing)
        validated(self.schema, document)
        self._keep(digest, entry)
        return self._chosen(entry, request)

    def _chosen(self, entry: "_Entry", request: GraphQLRequest) -> Operation:
        node, fragments = guard.operation_of(entry.document, request.operation_name)
        guard.check(node, fragments, request.variables, self._listing)
        found = entry.operations.get(request.operation_name)
        if found is None:
            found = self._described(entry.document, node, fragments)
            entry.operations[request.operation_name] = found
        return found

    def _described(
        self,
        document: DocumentNode,
        node: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
    ) -> Operation:
        fields = fields_of(self.schema, node, fragments)
        return Operation(
            document=document,
            name=None if node.name is None else node.name.value,
            kind=node.operation,
            policies=frozenset(
                self._policies.required(parent, name)
                for parent, name in fields
                if name not in _INTROSPECTION and not parent.startswith("__")
            ),
            introspects=any(name in _INTROSPECTION for _, name in fields),
        )

    def _keep(self, digest: bytes, entry: "_Entry") -> None:
        self._kept[digest] = entry
        self.bytes += entry.size
        while self.bytes > self._bound:
            _, dropped = self._kept.popitem(last=False)
            self.bytes -= dropped.size


def checked(schema: GraphQLSchema, query: str) -> DocumentNode:
    """A text that is a valid document, whichever of its operations is asked for.

    Raises:
        Refused: It is too large or too deep.
        Invalidated: It does not parse or does not fit the schema.
    """
    document = _parsed(query)
    validated(schema, document)
    return document


def validated(schema: GraphQLSchema, document: DocumentNode) -> None:
    """Check a document against the schema, once its shape is known to be bearable.

    Raises:
        Refused: It would take too long.
        Invalidated: It does not fit.
    """
    guard.check_shape(document)
    errors = validate(
        schema, document, _RULES, max_errors=_MAX_ERRORS, hide_suggestions=True
    )
    if errors:
        raise Invalidated(errors)


def fields_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> set[tuple[str, str]]:
    """Every (parent type, field) that a valid operation selects, fragments included."""
    found: set[tuple[str, str]] = set()
    spread: set[str] = set()
    types = TypeInfo(schema)

    class Collector(Visitor):
        def enter_field(self, node: FieldNode, *_: Any) -> None:
            parent = types.get_parent_type()
            found.add(("" if parent is None else parent.name, node.name.value))

        def enter_fragment_spread(self, node: Any, *_: Any) -> None:
            spread.add(node.name.value)

    visit(operation, TypeInfoVisitor(types, Collector()))
    seen: set[str] = set()
    while spread - seen:
        name = (spread - seen).pop()
        seen.add(name)
        if name in fragments:
            visit(fragments[name], TypeInfoVisitor(types, Collector()))
    return found


@dataclass(frozen=True, slots=True)
class _Entry:
    document: DocumentNode
    operations: dict[str | None, Operation]
    size: int


def _parsed(query: str) -> DocumentNode:
    guard.refuse_nul(query)
    try:
        return parse(
            query, max_lexical_tokens=guard.MAX_TOKENS, max_comments=guard.MAX_TOKENS
        )
    except GraphQLError as error:
        if "nested too deeply" in error.message:
            raise guard.too_deep() from None
        if "Parsing aborted" in error.message:
            raise Refused(
                "QUERY_TOO_LARGE", f"A query has at most {guard.MAX_TOKENS} tokens."
            ) from None
        raise Invalidated([error]) from None


def _size(document: DocumentNode) -> int:
    location = document.loc
    if location is None:
        return 0
    count, token = 1, location.start_token
    while token.next is not None:
        count, token = count + 1, token.next
    return count * _BYTES_PER_TOKEN
