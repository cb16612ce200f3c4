"""Who may ask for which field: declared on every one, refused where undeclared."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
)

from core.tenancy import Role

_T = TypeVar("_T", bound=type)
_ATTRIBUTE = "__hone_policy__"
_DEFINITION = "strawberry-definition"


class Policy(StrEnum):
    """What a caller must be able to do before a field is answered."""

    PUBLIC = "PUBLIC"
    INGEST = "INGEST"
    READ = "READ"
    RESEARCH = "RESEARCH"
    EDIT = "EDIT"
    REVIEW = "REVIEW"
    OPERATE = "OPERATE"
    ADMIN = "ADMIN"


ANYBODY = frozenset({Policy.PUBLIC, Policy.INGEST})
"""What every credential may do, a client key in a browser included."""

_VIEWER = ANYBODY | {Policy.READ}
_RESEARCHER = _VIEWER | {Policy.RESEARCH}
_EDITOR = _RESEARCHER | {Policy.EDIT}
_REVIEWER = _EDITOR | {Policy.REVIEW}
_OPERATOR = _REVIEWER | {Policy.OPERATE}
_ADMIN = _OPERATOR | {Policy.ADMIN}

CAPABILITIES: Mapping[Role, frozenset[Policy]] = {
    Role.VIEWER: _VIEWER,
    Role.RESEARCHER: _RESEARCHER,
    Role.EDITOR: _EDITOR,
    Role.REVIEWER: _REVIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: _ADMIN,
}


def of_member(role: Role) -> frozenset[Policy]:
    """What a person with this role may do."""
    return CAPABILITIES[role]


def of_server_key(role: Role) -> frozenset[Policy]:
    """What a server key with this role may do: never review, for it is nobody."""
    return CAPABILITIES[role] - {Policy.REVIEW}


def remedy(missing: Collection[Policy | None], *, client: bool) -> str:
    """What would let somebody do what this caller may not."""
    if None in missing:
        return "Nobody may ask for this: it needs a declared policy."
    if client:
        return "A client key may not ask for this: use a server key or sign in."
    role = next(role for role, may in CAPABILITIES.items() if may.issuperset(missing))
    if Policy.REVIEW in missing:
        return f"This needs a member with the role {role} or higher: sign in."
    return f"This needs the role {role} or higher."


def policed(policy: Policy) -> Callable[[_T], _T]:
    """Declare the policy of a type's fields; a field's own metadata overrides it.

    Place it above `@strawberry.type`. It does not reach subclasses.
    """

    def declare(cls: _T) -> _T:
        setattr(cls, _ATTRIBUTE, policy)
        return cls

    return declare


class Policies:
    """The policy of every (type, field) of a schema, read from it once."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._declared: dict[tuple[str, str], Policy] = {}
        self.undeclared: list[str] = []
        for name, kind in schema.type_map.items():
            if name.startswith("__"):
                continue
            if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
                self._read(kind, root=_is_root(schema, kind))

    def __len__(self) -> int:
        return len(self._declared)

    def items(self) -> Collection[tuple[tuple[str, str], Policy]]:
        """Every declared field with its policy."""
        return self._declared.items()

    def required(self, type_name: str, field_name: str) -> Policy | None:
        """The field's policy; None means that nobody may have it."""
        if field_name == "__typename":
            return Policy.PUBLIC
        return self._declared.get((type_name, field_name))

    def _read(
        self, kind: GraphQLObjectType | GraphQLInterfaceType, *, root: bool
    ) -> None:
        for name, field in kind.fields.items():
            policy = _own(field) or _inherited(kind, name)
            if policy is None and not root:
                policy = _of_type(kind)
            if policy is None:
                self.undeclared.append(f"{kind.name}.{name}")
            else:
                self._declared[kind.name, name] = policy


def _is_root(schema: GraphQLSchema, kind: object) -> bool:
    return kind in (schema.query_type, schema.mutation_type, schema.subscription_type)


def _own(field: GraphQLField) -> Policy | None:
    definition = field.extensions.get(_DEFINITION)
    metadata: Mapping[Any, Any] = getattr(definition, "metadata", {})
    policy = metadata.get("policy")
    return policy if isinstance(policy, Policy) else None


def _inherited(
    kind: GraphQLObjectType | GraphQLInterfaceType, name: str
) -> Policy | None:
    """A field that an interface promises is as open as the interface says."""
    for interface in kind.interfaces:
        if name in interface.fields:
            return _own(interface.fields[name]) or _of_type(interface)
    return None


def _of_type(kind: GraphQLObjectType | GraphQLInterfaceType) -> Policy | None:
    definition = kind.extensions.get(_DEFINITION)
    definition = getattr(definition, "concrete_of", None) or definition
    origin: type | None = getattr(definition, "origin", None)
    policy = None if origin is None else origin.__dict__.get(_ATTRIBUTE)
    return policy if isinstance(policy, Policy) else None
