"""The guide's operations, one after the other, by somebody who starts from nothing."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, get_named_type

from api.graphql.schema import GRAPHQL
from core.database import Database
from core.settings import Settings
from core.tenancy import Role
from experiments.events.log import open_log
from tests.api.conftest import Edge, make_edge
from tests.api.governance import Person, member
from tests.conftest import StoreUrls

pytestmark = pytest.mark.stores

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/experiments.md").read_text()
METRIC = (ROOT / "api/console/queries/day-one/03-create-metric.graphql").read_text()
START = """mutation { startExperiment(input: { idempotencyKey: "now",
  experiment: { key: "export-button" }, expectedVersion: 6
}) { ... on Error { code message path } } }"""
INVALID = """mutation { invalidateExperiment(input: { idempotencyKey: "no",
  experiment: { key: "export-button" }, expectedVersion: 11, reason: "A rehearsal."
}) { ... on ExperimentPayload { experiment { status } } ... on Error { message } } }"""


@pytest.fixture
async def whole(
    database: Database, settings: Settings, store_urls: StoreUrls
) -> AsyncIterator[Edge]:
    """An edge with a log behind it."""
    log = open_log(store_urls.events)
    await log.open()
    async with make_edge(database, settings, log=log) as edge:
        yield edge
    await log.close()


def operation(name: str) -> str:
    """The guide's document of this name."""
    documents = re.findall(r"```graphql\n(.*?)```", GUIDE, re.DOTALL)
    (found,) = (
        each for each in documents if re.match(rf"(query|mutation) {name}\b", each)
    )
    assert isinstance(found, str)
    return found


async def taken(person: Person, document: str, **variables: Any) -> dict[str, Any]:
    """What a document answers, of which no part was refused."""
    answer = await person.ask(document, **variables)
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    refused = [each for each in data.values() if each and "code" in each]
    assert refused == []
    return data


def test_every_change_of_an_experiment_is_told_of() -> None:
    """Also of what it is made of: metrics, layers, holdouts, segments."""
    assert GRAPHQL.mutation_type is not None
    said = GUIDE + (ROOT / "docs/governance.md").read_text()
    parts = "Experiment|Metric|Layer|Holdout|Segment|KillSwitch|Override|Alarm|Invalid"
    missing = []
    for name, field in GRAPHQL.mutation_type.fields.items():
        given = get_named_type(field.args["input"].type)
        assert isinstance(given, GraphQLInputObjectType)
        if "experiment" in given.fields or re.search(parts, name):
            missing += [] if re.search(rf"\b{name}\b", said) else [name]
    assert missing == []


async def test_an_experiment_starts_and_runs_as_the_guide_shows(whole: Edge) -> None:
    ada = await member(whole, Role.ADMIN, "ada")
    (shown,) = re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    await taken(ada, METRIC)
    for name in ("WhatCounts", "FromATemplate"):
        await taken(ada, operation(name))
    await taken(ada, operation("WhoIsIn"), targeting=json.loads(shown)["targeting"])
    for name in ("WhatIsLeft", "SayIt", "AgreeAndStart"):
        await taken(ada, operation(name))
    await taken(ada, START)
    await taken(ada, operation("WhatItSays"))
    for name in ("WhileItRuns", "AnotherSplit"):
        await taken(ada, operation(name))
    ended = await taken(ada, INVALID)
    assert ended["invalidateExperiment"]["experiment"]["status"] == "INVALIDATED"
