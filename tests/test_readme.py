"""README's operations are the console's own, and each fits the schema."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from api.graphql.schema import GRAPHQL

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
OPERATIONS = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)
DAY_ONE = ROOT / "api/console/queries/day-one"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_the_consoles_own_and_valid(operation: str) -> None:
    known = {file.read_text().strip() for file in DAY_ONE.glob("*.graphql")}
    assert operation.strip() in known
    assert validate(GRAPHQL, parse(operation)) == []


def test_there_are_operations_to_try() -> None:
    assert len(OPERATIONS) >= 8


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", README))
def test_what_is_linked_is_there(target: str) -> None:
    assert "://" in target or (ROOT / target).exists()
