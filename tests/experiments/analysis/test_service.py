"""Publishing: one look, one snapshot per inputs, and a reviewer's acceptance."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlmodel import col, delete, func, select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.problems import Invalid, NotFound
from core.tenancy import Governance
from experiments.analysis import queries, service
from experiments.analysis.errors import AlreadyAcknowledged, NothingToAcknowledge
from experiments.analysis.handoff import mark_distilled, take_undistilled
from experiments.analysis.models import CurrentSnapshot, Look, Snapshot
from experiments.analysis.results import Outcome, Verdict
from experiments.design import design_hash
from experiments.governance.models import Launch
from experiments.lifecycle import ExperimentStatus
from experiments.models import Experiment
from tests.conftest import Tenant
from tests.experiments.analysis.designs import (
    MONTH_LATER,
    arm_state,
    conversions,
    design,
    ended,
    paid,
    state,
)
from tests.experiments.analysis.stored import NOW, prepared, publish

pytestmark = pytest.mark.stores


def scope(tenant: Tenant) -> tuple[UUID, UUID]:
    """The tenant's project and environment."""
    return tenant.project_id, tenant.environment_id


async def count(sessions: Sessions, table: type[Look] | type[Snapshot]) -> int:
    """Rows in a table."""
    async with sessions() as session:
        return (await session.exec(select(func.count()).select_from(table))).one()


async def test_the_same_inputs_are_one_snapshot(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    first = await publish(sessions, tenant.project_id, experiment, plan, found)
    later = replace(found, position=9, watermark=found.watermark + timedelta(days=1))
    again = await publish(sessions, tenant.project_id, experiment, plan, later)
    assert again.id == first.id
    assert await count(sessions, Snapshot) == 1
    assert await count(sessions, Look) == 1
    async with sessions() as session:
        current = await session.get_one(CurrentSnapshot, plan.phase_id)
    assert current.watermark == later.watermark


async def test_a_look_keeps_every_column_that_it_was_read_with(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (12_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions() as session:
        (look,) = await queries.looks_of(session, plan.phase_id)
    assert (look.metric_key, look.arm, look.number) == ("paid", "sixty", 1)
    assert look.information == pytest.approx(1.1)
    assert look.alpha_spent == 0.05
    assert look.boundary == pytest.approx(1.96, abs=1e-3)
    assert look.statistic == pytest.approx(0.0, abs=1e-12)
    assert look.design_hash == design_hash(plan)
    assert look.state["treatment"]["raw"]["n"] == "12000"
    assert look.cut == look.watermark == found.watermark
    assert look.at == NOW


async def test_before_the_look_there_is_no_effect_and_no_look(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, found)
    assert snapshot.verdict is Verdict.NOT_ENOUGH_DATA
    assert snapshot.recommendation is Outcome.KEEP_RUNNING
    (comparison,) = queries.read_report(snapshot).metrics[0].comparisons
    assert comparison.valid is None
    assert comparison.raw.absolute is None
    assert comparison.raw.treatment.mean is None
    assert comparison.raw.treatment.n == 400
    assert await count(sessions, Look) == 0


async def test_what_arrives_after_the_look_moves_counts_but_no_effect(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    first = await publish(sessions, tenant.project_id, experiment, plan, found)
    _, more = paid((11_000, 900), (11_000, 480))
    second = await publish(sessions, tenant.project_id, experiment, plan, more)
    assert second.id != first.id
    before, after = queries.read_report(first), queries.read_report(second)
    assert after.metrics == before.metrics
    assert after.health.matured == 22_000
    assert await count(sessions, Look) == 1


async def test_a_recomputation_equals_what_was_published_byte_for_byte(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    first = await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions.begin() as session:
        for table in (CurrentSnapshot, Snapshot, Look):
            await session.exec(delete(table))
    second = await publish(sessions, tenant.project_id, experiment, plan, found)
    assert second.id != first.id
    assert second.inputs_hash == first.inputs_hash
    assert json.dumps(second.body, sort_keys=True) == json.dumps(
        first.body, sort_keys=True
    )


async def test_inputs_that_come_back_bring_their_snapshot_back(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    first = await publish(sessions, tenant.project_id, experiment, plan, found)
    _, more = paid((401, 40), (400, 10))
    second = await publish(sessions, tenant.project_id, experiment, plan, more)
    await publish(sessions, tenant.project_id, experiment, plan, found)
    assert second.number == 2
    async with sessions() as session:
        current = await queries.current_of_phase(session, plan.phase_id)
    assert current is not None
    assert current.id == first.id


async def test_an_older_state_does_not_replace_what_is_shown(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    newer = replace(found, position=20)
    shown = await publish(sessions, tenant.project_id, experiment, plan, newer)
    _, old = paid((399, 40), (400, 10))
    await publish(
        sessions, tenant.project_id, experiment, plan, replace(old, position=10)
    )
    async with sessions() as session:
        current = await queries.current_of_phase(session, plan.phase_id)
    assert current is not None
    assert current.id == shown.id


async def test_a_state_with_an_older_watermark_does_not_replace_what_is_shown(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    shown = await publish(sessions, tenant.project_id, experiment, plan, found)
    _, fewer = paid((390, 40), (400, 10))
    older = replace(fewer, watermark=found.watermark - timedelta(hours=1))
    await publish(sessions, tenant.project_id, experiment, plan, older)
    async with sessions() as session:
        current = await queries.current_of_phase(session, plan.phase_id)
    assert current is not None
    assert current.id == shown.id


async def test_workers_that_race_publish_one_snapshot_and_one_look(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    published = await asyncio.gather(
        *(
            publish(sessions, tenant.project_id, experiment, plan, found)
            for _ in range(4)
        )
    )
    assert len({snapshot.id for snapshot in published}) == 1
    assert await count(sessions, Look) == 1


async def test_a_body_reads_back_as_it_was_written(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    written = await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions() as session:
        stored = await queries.published_by_ids(
            session, environment_id=tenant.environment_id, snapshot_ids=[written.id]
        )
    read = stored[written.id]
    assert read.report == queries.read_report(written)
    assert read.report.headline == written.headline


async def test_an_invalid_result_hides_its_effect_until_a_reviewer_accepts_it(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (12_000, 600))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, found)
    assert snapshot.recommendation is Outcome.INVALID
    async with sessions() as session:
        hidden = await _shown(session, tenant, experiment)
    assert hidden.hides_effect
    assert hidden.report.metrics[0].comparisons[0].raw.absolute is None
    async with sessions.begin() as session:
        await service.acknowledge(
            session,
            project_id=tenant.project_id,
            snapshot_id=snapshot.id,
            actor=tenant.actor,
            reason="A bot filter removed units from one arm.",
        )
    async with sessions() as session:
        accepted = await _shown(session, tenant, experiment)
        row = (
            await session.exec(
                select(AuditRow).where(col(AuditRow.subject_id) == snapshot.id)
            )
        ).one()
    assert not accepted.hides_effect
    assert accepted.is_invalid
    assert accepted.report.metrics[0].comparisons[0].raw.absolute == pytest.approx(0.01)
    assert accepted.report.verdict is Verdict.INVALID
    assert accepted.report.recommendation.outcome is Outcome.INVALID
    assert row.reason == "A bot filter removed units from one arm."


async def _shown(
    session: AsyncSession, tenant: Tenant, experiment: UUID
) -> queries.Published:
    found = await queries.current_by_experiments(
        session, environment_id=tenant.environment_id, experiment_ids=[experiment]
    )
    return found[experiment]


async def test_only_invalid_results_can_be_accepted_and_only_once(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    fine = await publish(sessions, tenant.project_id, experiment, plan, found)
    _, broken = paid((10_000, 400), (12_000, 600))
    bad = await publish(sessions, tenant.project_id, experiment, plan, broken)

    async def accept(snapshot_id: UUID, reason: str) -> None:
        async with sessions.begin() as session:
            await service.acknowledge(
                session,
                project_id=tenant.project_id,
                snapshot_id=snapshot_id,
                actor=tenant.actor,
                reason=reason,
            )

    with pytest.raises(NothingToAcknowledge):
        await accept(fine.id, "because")
    with pytest.raises(Invalid):
        await accept(bad.id, "  ")
    with pytest.raises(NotFound):
        await accept(plan.phase_id, "because")
    await accept(bad.id, "because")
    with pytest.raises(AlreadyAcknowledged):
        await accept(bad.id, "because")


async def test_an_experiment_that_was_declared_invalid_shows_its_counts_alone(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions() as session:
        before = await _shown(session, tenant, experiment)
    assert before.report.verdict is Verdict.WIN
    async with sessions.begin() as session:
        row = await session.get_one(Experiment, experiment)
        row.status = ExperimentStatus.INVALIDATED
    async with sessions() as session:
        after = await _shown(session, tenant, experiment)
    assert after.hides_effect
    assert after.report.verdict is Verdict.INVALID
    assert after.report.recommendation.outcome is Outcome.INVALID
    assert "declared invalid" in after.report.headline
    comparison = after.report.metrics[0].comparisons[0]
    assert comparison.raw.control.n == 10_000
    assert comparison.raw.absolute is None
    assert comparison.valid is None


async def test_what_nobody_reviewed_is_said_with_the_results(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((10_000, 400), (10_000, 480))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions.begin() as session:
        session.add(
            Launch(
                phase_id=plan.phase_id,
                experiment_id=experiment,
                governance=Governance.SOLO,
                reviewed=False,
                approvals=0,
            )
        )
    async with sessions() as session:
        shown = await _shown(session, tenant, experiment)
    assert shown.report.not_reviewed == (
        "Nobody reviewed the design before it started.",
    )


async def test_another_environments_snapshot_is_not_found(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions() as session:
        assert not await queries.published_by_ids(
            session, environment_id=plan.phase_id, snapshot_ids=[snapshot.id]
        )
        assert not await queries.current_by_experiments(
            session, environment_id=plan.phase_id, experiment_ids=[experiment]
        )


async def test_snapshots_are_handed_on_once(sessions: Sessions, tenant: Tenant) -> None:
    plan, found = paid((400, 40), (400, 10))
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, found)
    async with sessions.begin() as session:
        taken = await take_undistilled(session, limit=10)
        assert [row.id for row in taken] == [snapshot.id]
        await mark_distilled(session, [row.id for row in taken])
    async with sessions.begin() as session:
        assert not await take_undistilled(session, limit=10)


async def test_a_phase_that_ended_early_is_still_read_once(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan, found = paid((3_000, 120), (3_000, 300))
    experiment, plan = await prepared(sessions, *scope(tenant), ended(plan))
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, found)
    assert snapshot.recommendation is Outcome.SHIP
    assert "It stopped at 6,000 of 20,000 planned users." in snapshot.headline


async def test_a_phase_with_units_still_maturing_waits(
    sessions: Sessions, tenant: Tenant
) -> None:
    plan = ended(design())
    found = state(
        plan,
        arm_state(plan.primary, "control", conversions(3_000, 120), maturing=1),
        arm_state(plan.primary, "sixty", conversions(3_000, 300)),
        watermark=MONTH_LATER,
    )
    experiment, plan = await prepared(sessions, *scope(tenant), plan)
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, found)
    assert snapshot.recommendation is Outcome.KEEP_RUNNING
