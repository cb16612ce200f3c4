"""Every mutation of an experiment, against ids of others and against wild values."""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    build_schema,
    get_named_type,
)

from api.graphql.ids import global_id
from api.graphql.schema import export_schema
from core.ids import new_id
from core.tenancy import Role
from experiments import queries
from tests.api.conftest import Edge, make_tenant
from tests.api.experiments import DRAFT, started
from tests.api.governance import Person, member

pytestmark = pytest.mark.stores

SCHEMA = build_schema(export_schema())
TEXT = "line\n\t\x1b[31m\x7f\u202eé" * 1_000
PLAIN = {"String": "x", "ID": "k", "Int": 1, "Float": 0.5, "Boolean": True, "Long": 1}
WILD = {"String": TEXT, "ID": "k", "Int": 2**31 - 1, "Float": 1e308, "Boolean": True}
LOW = {"String": " ", "ID": "k", "Int": -(2**31), "Float": -1e308, "Boolean": False}
EXACT: dict[str, Any] = {"Date": "9999-12-31", "DateTime": "9999-12-31T23:59:59Z"}


def changes() -> Iterator[tuple[str, GraphQLInputObjectType]]:
    """The mutations that name one experiment, with their inputs."""
    mutations = SCHEMA.mutation_type
    assert mutations is not None
    for name, field in mutations.fields.items():
        given = get_named_type(field.args["input"].type)
        if isinstance(given, GraphQLInputObjectType):
            named = given.fields.get("experiment")
            if named is not None and isinstance(named.type, GraphQLNonNull):
                yield name, given


CHANGES = dict(changes())


def filled(kind: GraphQLInputType, values: dict[str, Any], *, whole: bool) -> Any:
    """A value of the type; of an object every field, or what it cannot do without."""
    if isinstance(kind, GraphQLNonNull):
        return filled(kind.of_type, values, whole=whole)
    if isinstance(kind, GraphQLList):
        return [filled(kind.of_type, values, whole=whole)] * (60 if whole else 1)
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        chosen = {
            name: field
            for name, field in kind.fields.items()
            if isinstance(field.type, GraphQLNonNull) or whole
        }
        if kind.is_one_of:
            chosen = dict(list(kind.fields.items())[:1])
        return {n: filled(f.type, values, whole=whole) for n, f in chosen.items()}
    return (EXACT | values).get(kind.name, {"a": 1})


def given(name: str, values: dict[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """An input of the mutation, but for which experiment it is."""
    made: dict[str, Any] = filled(CHANGES[name], values, whole=whole)
    return made


async def sent(by: Person, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """What a mutation answers, be it a member or a refused request."""
    document = (
        f"mutation ($input: {CHANGES[name].name}!) {{ {name}(input: $input) {{ "
        "__typename ... on Error { code message path } } }"
    )
    answer = await by.ask(document, input=values)
    if "errors" in answer:
        return {"code": answer["errors"][0]["extensions"]["code"]}
    found: dict[str, Any] = answer["data"][name]
    return found


async def test_an_experiment_of_another_project_is_found_by_none(edge: Edge) -> None:
    await started(edge)
    rival = await make_tenant(edge.database, "rival")
    stranger = Edge(edge.app, edge.database, rival, edge.client)
    spy = await member(stranger, Role.ADMIN, "spy")
    async with edge.database.sessions() as session:
        row = await queries.experiment_by_key(
            session, project_id=edge.tenant.project.id, key="short-form"
        )
    assert len(CHANGES) > 25
    for name in CHANGES:
        answers = []
        for local in (row.id, new_id()):
            wanted = {"id": global_id("Experiment", local)}
            values = given(name, PLAIN) | {"experiment": wanted}
            answers.append(await sent(spy, name, values))
        assert answers[0] == answers[1], name
        assert answers[0].get("code") == "NOT_FOUND", (name, answers[0])


@pytest.mark.parametrize("wild", [WILD, LOW], ids=["high", "low"])
async def test_no_value_makes_a_change_crash(edge: Edge, wild: dict[str, Any]) -> None:
    await started(edge)
    ann = await member(edge, Role.ADMIN, "ann")
    for name, kind in CHANGES.items():
        values = given(name, wild, whole=True) | {
            "idempotencyKey": name,
            "experiment": {"key": DRAFT["key"]},
        }
        if "expectedVersion" in kind.fields:
            values["expectedVersion"] = 2
        answer = await sent(ann, name, values)
        assert answer.get("code") != "INTERNAL", name
        assert "code" in answer or answer["__typename"].endswith("Payload")
