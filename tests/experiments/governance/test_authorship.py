"""Whoever edits a part of a design is no second pair of eyes on it."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import col, select

from core.audit import Actor
from core.database import AsyncSession, Sessions
from core.ids import new_id
from core.tenancy import Governance
from experiments import queries, service
from experiments.eligibility.queries import MAX_USES
from experiments.governance.approval import identity
from experiments.governance.errors import NotApproved, SelfApproval
from experiments.governance.models import ReviewVerdict
from experiments.governance.queries import authors_of
from experiments.models import Experiment, Metric, Segment
from experiments.service import SegmentSpec
from tests.experiments.company import CONVERSION, Company, step
from tests.experiments.governance.conftest import Govern
from tests.experiments.governance.people import BOB, CAROL

pytestmark = pytest.mark.stores

YES: dict[str, Any] = {"verdict": ReviewVerdict.APPROVE}


async def edit_metric(session: AsyncSession, company: Company, actor: Actor) -> None:
    """Let conversions count for twice as long."""
    found = await session.exec(
        select(Metric).where(Metric.key == "paid").order_by("id")
    )
    metric = found.one()
    await service.update_metric(
        session,
        project_id=company.project_id,
        metric_id=metric.id,
        expected_version=metric.version,
        actor=actor,
        spec=replace(CONVERSION, window_days=14),
    )


async def submitted(
    session: AsyncSession, company: Company, **changes: Any
) -> Experiment:
    """A draft of ada's that waits for others."""
    row = await company.draft(session, **changes)
    return await service.submit(session, step(company, row))


async def approve(
    session: AsyncSession, company: Company, row: Experiment, who: Actor
) -> Experiment:
    """Somebody agrees to it as it is now."""
    await session.refresh(row)
    return await service.assess(session, step(company, row, who), **YES)


async def test_who_edited_a_metric_of_the_design_does_not_approve_it(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await submitted(session, company)
        await edit_metric(session, company, BOB)
        with pytest.raises(SelfApproval):
            await approve(session, company, row, BOB)
        row = await approve(session, company, row, CAROL)
    assert row.status == "APPROVED"


async def test_who_approved_and_then_edits_a_metric_lets_nothing_start(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        row = await approve(session, company, await submitted(session, company), BOB)
        await edit_metric(session, company, BOB)
        with pytest.raises(NotApproved):
            await service.start(
                session, step(company, row), environment_id=company.environment_id
            )


async def test_a_metric_from_before_the_design_stands_in_nobodys_way(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        await edit_metric(session, company, BOB)
        row = await approve(session, company, await submitted(session, company), BOB)
    assert row.status == "APPROVED"


async def test_a_metric_of_another_design_does_not_count(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        draft = await company.draft(session)
        measures = (await queries.draft_of(session, draft)).measures
        await service.define_metric(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="other",
            spec=CONVERSION,
        )
        row = await service.submit(session, step(company, draft))
        found = await session.exec(
            select(Metric).where(col(Metric.key) == "other").order_by("id")
        )
        other = found.one()
        assert other.id not in {each.metric.id for each in measures}
        await service.update_metric(
            session,
            project_id=company.project_id,
            metric_id=other.id,
            expected_version=1,
            actor=BOB,
            spec=replace(CONVERSION, window_days=14),
        )
        row = await approve(session, company, row, BOB)
    assert row.status == "APPROVED"


@pytest.mark.parametrize("named", ["inner", "outer"])
async def test_who_edited_a_segment_that_it_is_for_does_not_either(
    sessions: Sessions, company: Company, govern: Govern, named: str
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        specs = {
            "inner": SegmentSpec(attribute="plan", listed=["free"]),
            "outer": SegmentSpec(condition={"$savedGroup": {"id": "inner"}}),
        }
        for key, spec in specs.items():
            await service.create_segment(
                session,
                project_id=company.project_id,
                actor=company.actor,
                key=key,
                name="",
                spec=spec,
            )
        row = await submitted(
            session, company, targeting={"$savedGroup": {"id": named}}
        )
        found = await session.exec(
            select(Segment).where(Segment.key == "inner").order_by("id")
        )
        await service.update_segment(
            session,
            project_id=company.project_id,
            segment_id=found.one().id,
            expected_version=1,
            actor=BOB,
            spec=SegmentSpec(attribute="plan", listed=["free", "pro"]),
        )
        with pytest.raises(SelfApproval):
            await approve(session, company, row, BOB)
        row = await approve(session, company, row, CAROL)
    assert row.status == "APPROVED"


async def test_whoever_edits_a_segment_of_many_designs_has_a_hand_in_each(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        segment = await service.create_segment(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="free",
            name="",
            spec=SegmentSpec(attribute="plan", listed=["free"]),
        )
        targeting = {"$savedGroup": {"id": "free"}}
        row = await company.draft(session, targeting=targeting)
        facts = row.model_dump(exclude={"id", "key"})
        many = [
            Experiment(**facts, id=new_id(), key=f"many-{place:03}")
            for place in range(MAX_USES)
        ]
        session.add_all(many)
        await session.flush()
        await service.update_segment(
            session,
            project_id=company.project_id,
            segment_id=segment.id,
            expected_version=1,
            actor=BOB,
            spec=SegmentSpec(attribute="plan", listed=["free", "pro"]),
        )
        found = await authors_of(session, [row, *many])
    assert all(identity(BOB) in authors for authors in found.values())


async def test_a_new_name_for_a_segment_is_no_hand_in_the_design(
    sessions: Sessions, company: Company, govern: Govern
) -> None:
    await govern(Governance.TEAM)
    async with sessions.begin() as session:
        segment = await service.create_segment(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="free",
            name="",
            spec=SegmentSpec(attribute="plan", listed=["free"]),
        )
        row = await submitted(
            session, company, targeting={"$savedGroup": {"id": "free"}}
        )
        await service.update_segment(
            session,
            project_id=company.project_id,
            segment_id=segment.id,
            expected_version=1,
            actor=BOB,
            name="Free plan",
        )
        row = await approve(session, company, row, BOB)
    assert row.status == "APPROVED"
