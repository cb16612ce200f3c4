"""Start, pause, resume, stop, decide and archive, on the stores."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.clock import now
from core.database import AsyncSession, Sessions
from core.ids import new_id
from core.problems import Problem, StaleVersion
from experiments import queries, service
from experiments.design import design_hash
from experiments.drafts import Changes, HypothesisSpec, VariantSpec
from experiments.errors import (
    ChecklistIncomplete,
    DesignFrozen,
    DesignInvalid,
    MetricUnknown,
    NotAnImport,
    PhaseUnknown,
    ReasonMissing,
)
from experiments.freezing import design_of
from experiments.lifecycle import ExperimentStatus, PauseMode
from experiments.models import Experiment, Phase
from experiments.service.loading import load
from tests.experiments.company import REVENUE, Company, step

pytestmark = pytest.mark.stores


async def started(
    session: AsyncSession, company: Company, key: str = "short-form", **changes: Any
) -> tuple[Experiment, Phase]:
    experiment = await company.draft(session, key, **changes)
    phase = await service.start(
        session,
        step(company, experiment),
        environment_id=company.environment_id,
    )
    return experiment, phase


async def test_a_start_freezes_the_design_and_hashes_it(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment, phase = await started(session, company)
    async with sessions() as session:
        stored = await queries.phase_by_id(
            session, environment_id=company.environment_id, phase_id=phase.id
        )
        row = await queries.experiment_by_id(
            session, project_id=company.project_id, experiment_id=experiment.id
        )
    design = design_of(stored)
    assert (row.status, row.version) == (ExperimentStatus.RUNNING, 2)
    assert design_hash(design) == stored.design_hash
    assert design.primary.key == "paid"
    assert design.control.key == "long"
    assert design.planned_units == 1_000
    assert (stored.number, len(stored.seed), stored.published_at) == (1, 16, None)


async def test_editing_a_metric_leaves_the_frozen_design_alone(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        _, phase = await started(session, company)
        metrics = await queries.metrics_by_keys(
            session, project_id=company.project_id, keys=["revenue"]
        )
        await service.update_metric(
            session,
            project_id=company.project_id,
            metric_id=metrics["revenue"].id,
            expected_version=1,
            actor=company.actor,
            spec=replace(REVENUE, window_days=90),
        )
    assert design_of(phase).metrics[1].window_days == 7


async def test_of_two_starts_at_once_one_wins(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)

    async def start_once() -> Phase | Problem:
        try:
            async with sessions.begin() as session:
                return await service.start(
                    session,
                    step(company, experiment),
                    environment_id=company.environment_id,
                )
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(*(start_once() for _ in range(5)))
    refused = [each for each in outcomes if isinstance(each, Problem)]
    assert len(refused) == 4
    assert all(isinstance(each, StaleVersion) for each in refused)
    async with sessions() as session:
        phases = await queries.phases_of(
            session,
            environment_id=company.environment_id,
            experiment_ids=[experiment.id],
        )
        audited = await session.exec(
            select(AuditRow).where(AuditRow.action == "experiment.start").order_by("id")
        )
        assert len(phases[experiment.id]) == 1
        assert len(audited.all()) == 1


@pytest.mark.parametrize(
    ("changes", "item"),
    [
        ({"hypothesis": HypothesisSpec()}, "HYPOTHESIS_STATEMENT"),
        ({"hypothesis": HypothesisSpec("It helps.", "paid")}, "HYPOTHESIS_MDE"),
        ({"hypothesis": HypothesisSpec("It helps.")}, "HYPOTHESIS_METRIC"),
        ({"measures": ()}, "PRIMARY_METRIC"),
        ({"variants": ()}, "VARIANTS"),
        (
            {
                "variants": (
                    VariantSpec("a", "A", 0.5, True, {"value": 1}),
                    VariantSpec("b", "B", 0.4, False, {"value": 2}),
                )
            },
            "WEIGHTS",
        ),
        (
            {
                "variants": (
                    VariantSpec("a", "A", 0.5, True, {"value": 1}),
                    VariantSpec("b", "B", 0.5, True, {"value": 2}),
                )
            },
            "CONTROL",
        ),
        ({"planned_units": None}, "PLANNED_UNITS"),
    ],
)
async def test_a_start_is_refused_with_what_is_left_to_do(
    sessions: Sessions, company: Company, changes: dict[str, Any], item: str
) -> None:
    async with sessions() as session:
        with pytest.raises(ChecklistIncomplete) as refused:
            await started(session, company, **changes)
    assert item in refused.value.items
    assert refused.value.code == "CHECKLIST_INCOMPLETE"


async def test_a_started_design_is_frozen_but_for_name_and_more_coverage(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment, phase = await started(session, company, coverage=0.2)
        for changes in (
            Changes(planned_units=5),
            Changes(targeting={"plan": "free"}),
            Changes(variants=()),
            Changes(coverage=0.1),
        ):
            with pytest.raises(DesignFrozen):
                await service.update(
                    session, step(company, experiment), changes=changes
                )
        raised = await service.update(
            session,
            step(company, experiment),
            changes=Changes(name="New", coverage=0.8),
        )
        phase = await queries.current_phase(session, experiment.id)
    assert (raised.name, raised.coverage, raised.status) == ("New", 0.8, "RUNNING")
    assert (phase.coverage, phase.version) == (0.8, 2)
    assert design_hash(design_of(phase)) == phase.design_hash


async def test_a_pause_leaves_a_gap_that_resuming_closes(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment, _ = await started(session, company)
        with pytest.raises(ReasonMissing):
            await service.pause(
                session,
                step(company, experiment),
                mode=PauseMode.PAUSE_SERVING,
                reason=" ",
            )
        paused = await service.pause(
            session,
            step(company, experiment),
            mode=PauseMode.PAUSE_ENROLMENT,
            reason="A bug.",
        )
        phase = await queries.current_phase(session, experiment.id)
        assert paused.status is ExperimentStatus.PAUSED
        assert design_of(phase).gaps[0][1] is None
        await service.resume(session, step(company, paused))
        phase = await queries.current_phase(session, experiment.id)
    ((begun, ended),) = design_of(phase).gaps
    assert ended is not None
    assert begun <= ended
    assert phase.version == 3


async def test_a_stop_ends_the_phase_and_needs_no_winner(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment, _ = await started(session, company)
        paused = await service.pause(
            session,
            step(company, experiment),
            mode=PauseMode.PAUSE_SERVING,
            reason="A bug.",
        )
        stopped = await service.stop(session, step(company, paused), reason="Enough.")
        phase = await queries.current_phase(session, experiment.id)
    assert stopped.status is ExperimentStatus.STOPPED
    assert stopped.decision is None
    assert phase.ended_at is not None
    assert design_of(phase).gaps[0][1] == phase.ended_at


async def test_an_archived_key_stays_reserved(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        archived = await service.archive(session, step(company, experiment))
        assert archived.status is ExperimentStatus.ARCHIVED
        with pytest.raises(Problem, match="short-form") as refused:
            await company.draft(session)
    assert refused.value.code == "KEY_RESERVED"


async def test_an_import_starts_when_it_was_first_exposed_and_ends_finished(
    sessions: Sessions, company: Company
) -> None:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        with pytest.raises(DesignInvalid):
            await service.start(
                session,
                step(company, experiment),
                environment_id=company.environment_id,
                imported_since=await now(session) + timedelta(days=1),
            )
        phase = await service.start(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
            imported_since=since,
        )
        before = phase.design_hash
        done: dict[str, Any] = {
            "environment_id": company.environment_id,
            "phase_id": phase.id,
            "units": 90_189,
            "actor": company.actor,
        }
        assert (await load(session, company.environment_id)).phases == {}
        await service.finish_import(session, **done)
        again = await service.finish_import(session, **done)
        with pytest.raises(DesignFrozen, match="90,189"):
            await service.finish_import(session, **{**done, "units": 90_188})
        row = await queries.experiment_by_id(
            session, project_id=company.project_id, experiment_id=experiment.id
        )
    assert (again.finished_import, again.planned_units) == (True, 90_189)
    assert (again.started_at, again.version) == (since, 2)
    assert again.design_hash != before
    assert design_hash(design_of(again)) == again.design_hash
    assert (row.status, row.planned_units) == (ExperimentStatus.STOPPED, 90_189)


async def test_what_runs_here_is_not_finished_as_an_import(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        _, phase = await started(session, company)
        with pytest.raises(NotAnImport):
            await service.finish_import(
                session,
                environment_id=company.environment_id,
                phase_id=phase.id,
                units=1,
                actor=company.actor,
            )


async def test_a_cap_is_read_from_an_import_once(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        metrics = await queries.metrics_by_keys(
            session, project_id=company.project_id, keys=["revenue", "paid"]
        )
        revenue, paid = metrics["revenue"].id, metrics["paid"].id
        await service.update_metric(
            session,
            project_id=company.project_id,
            metric_id=revenue,
            expected_version=1,
            actor=company.actor,
            spec=replace(REVENUE, cap_quantile=0.999),
        )
        with pytest.raises(ChecklistIncomplete, match="CAP_UNRESOLVED"):
            await started(session, company, key="live")
        experiment = await company.draft(session)
        phase = await service.start(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
            imported_since=datetime(2020, 1, 1, tzinfo=UTC),
        )
        where: dict[str, Any] = {
            "environment_id": company.environment_id,
            "phase_id": phase.id,
            "actor": company.actor,
        }
        before = phase.design_hash
        for _ in range(2):
            capped = await service.fix_cap(
                session, metric_id=revenue, cap=4_900, **where
            )
        with pytest.raises(DesignFrozen):
            await service.fix_cap(session, metric_id=revenue, cap=5_000, **where)
        for unknown in (paid, new_id()):
            with pytest.raises(MetricUnknown):
                await service.fix_cap(session, metric_id=unknown, cap=1, **where)
        elsewhere = {**where, "environment_id": new_id()}
        with pytest.raises(PhaseUnknown):
            await service.fix_cap(session, metric_id=revenue, cap=1, **elsewhere)
    assert design_of(capped).metrics[1].cap == 4_900
    assert capped.design_hash != before
    assert capped.version == 2


async def test_a_stamp_is_only_for_the_version_that_was_sent(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment, phase = await started(session, company)
    async with sessions.begin() as session:
        (waiting,) = await queries.unpublished_phases(session, limit=10)
        sent, at = waiting.version, await now(session)
    async with sessions.begin() as session:
        row = await queries.experiment_by_id(
            session, project_id=company.project_id, experiment_id=experiment.id
        )
        await service.stop(session, step(company, row), reason="Enough.")
    async with sessions.begin() as session:
        await service.mark_published(session, phase_id=phase.id, version=sent, at=at)
        (waiting,) = await queries.unpublished_phases(session, limit=10)
        assert waiting.version == sent + 1
        await service.mark_published(
            session, phase_id=phase.id, version=waiting.version, at=at
        )
    async with sessions() as session:
        assert list(await queries.unpublished_phases(session, limit=10)) == []
