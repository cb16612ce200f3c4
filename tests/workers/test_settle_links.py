"""Links are settled once, however many workers do it and wherever one of them stops."""

import asyncio
from datetime import timedelta

import pytest
from sqlmodel import select

from core.links import IdentityLink, Link, learn, mark_settled, unsettled
from experiments import service
from experiments.events.log import EXPOSURE, NewEvent
from experiments.freezing import design_of
from experiments.keeping import Split
from experiments.models import DefinitionsVersion, Phase, StickyAssignment
from experiments.service.change import Intent
from experiments.service.linking import settle
from tests.conftest import Tenant
from tests.experiments.company import Company
from workers.context import TaskContext
from workers.tasks import settle_links

pytestmark = pytest.mark.stores

VISITORS = 24
WORKERS = 4


@pytest.fixture
async def split(context: TaskContext, tenant: Tenant) -> Split:
    """A running experiment in which every visitor has met `short` and signed up."""
    company = Company(tenant.project_id, tenant.environment_id, tenant.actor)
    async with context.database.sessions.begin() as session:
        await company.metrics(session)
        draft = await company.draft(session)
        phase = await service.start(
            session,
            Intent.on(draft, tenant.actor),
            environment_id=tenant.environment_id,
        )
        split = Split.of(design_of(phase))
        since = phase.started_at + timedelta(seconds=1)
        links = [Link(f"v{n}", f"u{n}", since) for n in range(VISITORS)]
        await learn(session, tenant.environment_id, links)
    await context.log.append(
        tenant.environment_id,
        [
            NewEvent(
                id=link.anonymous_id,
                name=EXPOSURE,
                anonymous_id=link.anonymous_id,
                experiment_key="short-form",
                variant_key="short",
                occurred_at=since,
            )
            for link in links
        ],
    )
    return split


def _expected(split: Split) -> set[tuple[str, str]]:
    ids = [f"{kind}{number}" for kind in "uv" for number in range(VISITORS)]
    return {(text, "short") for text in ids if split.variant(text) != "short"}


async def _kept(context: TaskContext) -> set[tuple[str, str]]:
    async with context.database.readers() as session:
        rows = (await session.exec(select(StickyAssignment).order_by("id"))).all()
    kept = [(row.subject_id, row.variant_key) for row in rows if row.variant_key]
    assert len(set(kept)) == len(kept)
    return set(kept)


async def _version(context: TaskContext) -> int:
    async with context.database.readers() as session:
        return (await session.exec(select(DefinitionsVersion.links))).one()


async def test_many_workers_settle_each_link_to_the_same_rows(
    context: TaskContext, split: Split
) -> None:
    done = await asyncio.gather(*(settle_links.run(context) for _ in range(WORKERS)))
    assert sum(done) == VISITORS
    assert await settle_links.run(context) == 0
    assert await _kept(context) == _expected(split)
    async with context.database.readers() as session:
        (phase,) = (await session.exec(select(Phase).order_by("id"))).all()
        rows = (await session.exec(select(StickyAssignment).order_by("id"))).all()
    assert {row.phase_id for row in rows} == {phase.id}


async def test_a_worker_that_stops_before_the_stamp_has_harmed_nothing(
    context: TaskContext, split: Split
) -> None:
    async with context.database.readers() as session:
        links = await unsettled(session, limit=VISITORS)
    await settle(context.database, context.log, links)
    version = await _version(context)
    assert await settle_links.run(context) == VISITORS
    assert await _kept(context) == _expected(split)
    assert await _version(context) == version


async def test_a_link_that_moves_meanwhile_is_not_stamped(
    context: TaskContext, split: Split, tenant: Tenant
) -> None:
    async with context.database.readers() as session:
        (link, *_) = await unsettled(session, limit=VISITORS)
    earlier = Link(link.anonymous_id, "somebody", link.linked_at - timedelta(hours=1))
    await settle(context.database, context.log, [link])
    async with context.database.sessions.begin() as session:
        await learn(session, tenant.environment_id, [earlier])
        assert await mark_settled(session, [link]) == 0
    await settle_links.run(context)
    async with context.database.readers() as session:
        rows = (await session.exec(select(IdentityLink.user_id))).all()
    assert "somebody" in rows
    kept = {text for text, _ in await _kept(context)}
    assert link.user_id not in kept
