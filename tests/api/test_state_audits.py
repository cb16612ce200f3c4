"""A phase's audits over GraphQL: newest first, and only in its own environment."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from core.database import Database
from core.settings import Settings
from experiments.models import Phase
from experiments.state_audits.models import StateAudit
from tests.api.conftest import Edge, make_edge
from tests.api.experiments import started

pytestmark = pytest.mark.stores

AUDITS = """
query ($phase: ID!, $after: String) {
  stateAudits(phase: $phase, first: 1, after: $after) {
    edges { node { phaseId at position watermark equal differences } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PHASES = '{ experiment(by: {key: "short-form"}) { phases { id } } }'
AT = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
async def edge(database: Database, settings: Settings) -> AsyncIterator[Edge]:
    """The application."""
    async with make_edge(database, settings) as edge:
        yield edge


async def test_the_last_audit_comes_first(edge: Edge) -> None:
    await started(edge)
    async with edge.database.sessions.begin() as session:
        phase = (await session.exec(select(Phase))).one()
        for day, equal in enumerate((False, True)):
            audit = StateAudit(
                project_id=phase.project_id,
                environment_id=phase.environment_id,
                phase_id=phase.id,
                position=5_000_000_000 + day,
                watermark=AT,
                equal=equal,
                differences=[] if equal else ["exposed.b"],
                at=AT + timedelta(days=day),
            )
            session.add(audit)
    found = (await edge.ask(PHASES))["data"]["experiment"]["phases"][0]["id"]
    page = (await edge.ask(AUDITS, phase=found))["data"]["stateAudits"]
    (edge_of,) = page["edges"]
    assert edge_of["node"]["equal"] is True
    assert edge_of["node"]["position"] == 5_000_000_001
    assert edge_of["node"]["phaseId"] == found
    rest = await edge.ask(AUDITS, phase=found, after=page["pageInfo"]["endCursor"])
    (edge_of,) = rest["data"]["stateAudits"]["edges"]
    assert edge_of["node"]["differences"] == ["exposed.b"]


async def test_a_phase_of_nobody_is_not_found(edge: Edge) -> None:
    answer = await edge.ask(AUDITS, phase="UGhhc2U6MDA=")
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
