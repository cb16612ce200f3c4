"""For every field of a schema, one document that selects it."""

from dataclasses import dataclass

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

_SAMPLES = {
    "Int": "1",
    "Long": "1",
    "Float": "1.0",
    "Boolean": "true",
    "DateTime": '"2026-01-01T00:00:00Z"',
    "JSON": "{}",
}


@dataclass(frozen=True, slots=True)
class Path:
    """A document and the (type, field) of every step in it."""

    document: str
    steps: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Reached:
    before: str
    after: str
    steps: tuple[tuple[str, str], ...]


def paths(schema: GraphQLSchema) -> dict[tuple[str, str], Path]:
    """The shortest way to each field from the root types."""
    roots = {
        "query": schema.query_type,
        "mutation": schema.mutation_type,
        "subscription": schema.subscription_type,
    }
    waiting: list[tuple[GraphQLNamedType, _Reached]] = [
        (root, _Reached(f"{kind} {{ ", " }", ()))
        for kind, root in roots.items()
        if root is not None
    ]
    found: dict[tuple[str, str], Path] = {}
    seen = {root.name for root, _ in waiting}
    while waiting:
        kind, here = waiting.pop(0)
        for target, way in _onward(schema, kind, here, found):
            if target.name not in seen:
                seen.add(target.name)
                waiting.append((target, way))
    return found


def _onward(
    schema: GraphQLSchema,
    kind: GraphQLNamedType,
    here: _Reached,
    found: dict[tuple[str, str], Path],
) -> list[tuple[GraphQLNamedType, _Reached]]:
    onward: list[tuple[GraphQLNamedType, _Reached]] = []
    if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
        for member in schema.get_possible_types(kind):
            before = f"{here.before}... on {member.name} {{ "
            onward.append((member, _Reached(before, f" }}{here.after}", here.steps)))
    if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        return onward
    for name, field in kind.fields.items():
        target = get_named_type(field.type)
        leaf = is_leaf_type(target)
        steps = (*here.steps, (kind.name, name))
        call = f"{here.before}{name}{_arguments(field)}"
        inner = "" if leaf else " { __typename }"
        found[kind.name, name] = Path(f"{call}{inner}{here.after}", steps)
        if not leaf:
            way = _Reached(f"{call} {{ ", f" }}{here.after}", steps)
            onward.append((target, way))
    return onward


def _arguments(field: GraphQLField) -> str:
    sent = [
        f"{name}: {_sample(argument.type)}"
        for name, argument in field.args.items()
        if is_required_argument(argument)
    ]
    return f"({', '.join(sent)})" if sent else ""


def _sample(kind: GraphQLInputType) -> str:
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    if is_list_type(kind):
        return "[]"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        if kind.is_one_of:
            name, field = next(iter(kind.fields.items()))
            return f"{{{name}: {_sample(field.type)}}}"
        sent = [
            f"{name}: {_sample(field.type)}"
            for name, field in kind.fields.items()
            if is_required_input_field(field)
        ]
        return f"{{{', '.join(sent)}}}"
    return _SAMPLES.get(str(kind), '"x"')
