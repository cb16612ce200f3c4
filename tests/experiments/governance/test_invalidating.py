"""An experiment that nothing is concluded from any more."""

import pytest
from sqlmodel import select

from core.database import Sessions
from core.problems import IllegalTransition, Problem
from experiments import queries, service
from experiments.assignment.definitions import Serving
from experiments.errors import DesignInvalid, ReasonMissing
from experiments.governance import queries as governance
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment, Phase
from experiments.service.loading import load
from experiments.service.shipping import ShipPlan
from experiments.shipping.models import Shipment
from tests.experiments.company import Company, step
from tests.experiments.governance.people import BOB, started
from tests.experiments.shipping.concluded import Clock, as_it_is, decided, ship

pytestmark = pytest.mark.stores


@pytest.fixture
def clock() -> Clock:
    """One that is moved by hand."""
    return Clock()


async def test_a_live_one_ends_and_keeps_its_phase(
    sessions: Sessions, company: Company
) -> None:
    row, phase = await started(sessions, company)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, row.id)
        with pytest.raises(ReasonMissing):
            await service.invalidate(session, step(company, row, BOB), reason=" ")
        row = await service.invalidate(
            session, step(company, row, BOB), reason="A bot."
        )
        kept = await queries.current_phase(session, row.id)
        said = (await governance.invalidations(session, [row.id]))[row.id]
    assert row.status is ExperimentStatus.INVALIDATED
    assert (kept.id, kept.ended_at is None) == (phase.id, False)
    assert (said.reason, said.actor_name) == ("A bot.", "bob")
    assert said.source is ExperimentStatus.RUNNING


async def test_one_that_was_stopped_is_invalidated_once_and_then_put_away(
    sessions: Sessions, company: Company
) -> None:
    row, _ = await started(sessions, company)
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, row.id)
        row = await service.stop(session, step(company, row), reason="Enough.")
        row = await service.invalidate(
            session, step(company, row, BOB), reason="A bot."
        )
        with pytest.raises(IllegalTransition):
            await service.invalidate(session, step(company, row, BOB), reason="Again.")
        row = await service.archive(session, step(company, row))
    assert row.status is ExperimentStatus.ARCHIVED


async def test_a_draft_has_nothing_to_invalidate(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        row = await company.draft(session)
        with pytest.raises(IllegalTransition):
            await service.invalidate(session, step(company, row, BOB), reason="No.")


@pytest.mark.parametrize(
    ("reason", "refusal"), [(" \n", ReasonMissing), ("x" * 4_001, DesignInvalid)]
)
async def test_a_reason_is_given_and_not_endless(
    sessions: Sessions, company: Company, reason: str, refusal: type[Problem]
) -> None:
    row, _ = await started(sessions, company)
    async with sessions() as session:
        with pytest.raises(refusal):
            await service.invalidate(session, step(company, row, BOB), reason=reason)


async def test_what_was_shipped_is_taken_back(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    plan = ShipPlan("short", holdback=0.05, steps=())
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        await ship(session, company, row, plan)
        row = await as_it_is(session, row)
        row = await service.invalidate(
            session, step(company, row, BOB), reason="A bot."
        )
        shipment = (await session.exec(select(Shipment))).one()
        served = (await load(session, company.environment_id)).phases["short-form"]
        holdback = await session.get_one(Phase, shipment.holdback_phase_id)
    assert row.status is ExperimentStatus.INVALIDATED
    assert holdback.ended_at is not None
    assert (shipment.rolled_back_reason, shipment.next_at) == ("A bot.", None)
    assert served.definition.shipped is None
    assert served.definition.serving is Serving.STOPPED
