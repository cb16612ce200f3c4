"""Every operation that the console sends or offers fits the schema."""

import json
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values

from api import console
from api.graphql.schema import GRAPHQL

QUERIES = Path(console.__file__).parent / "queries"
DAY_ONE = QUERIES / "day-one"
INDEX = json.loads((DAY_ONE / "index.json").read_text())


def operations(path: Path) -> list[OperationDefinitionNode]:
    document = parse(path.read_text())
    return [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]


@pytest.mark.parametrize(
    "path", sorted(QUERIES.rglob("*.graphql")), ids=lambda path: path.stem
)
def test_an_operation_is_valid(path: Path) -> None:
    assert validate(GRAPHQL, parse(path.read_text())) == []
    assert len(operations(path)) == 1


def test_graphiql_offers_every_day_one_operation() -> None:
    offered = [entry["file"] for entry in INDEX]
    assert sorted(offered) == sorted(path.name for path in DAY_ONE.glob("*.graphql"))


@pytest.mark.parametrize("entry", INDEX, ids=lambda entry: entry["file"])
def test_the_variables_of_a_day_one_operation_fit(entry: dict[str, object]) -> None:
    (operation,) = operations(DAY_ONE / str(entry["file"]))
    variables = entry.get("variables", {})
    assert isinstance(variables, dict)
    definitions = operation.variable_definitions or ()
    declared = {node.variable.name.value for node in definitions}
    assert set(variables) <= declared
    values = get_variable_values(GRAPHQL, definitions, variables)
    assert not isinstance(values, list), values
