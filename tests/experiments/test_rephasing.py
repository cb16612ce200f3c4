"""More coverage within a phase, and a new phase for anything else."""

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.ids import new_id
from core.problems import IllegalTransition, Problem, StaleVersion
from experiments import queries, service
from experiments.assignment.evaluator import Cause, decide
from experiments.assignment.seeds import phase_seed
from experiments.design import UnitKind, design_hash
from experiments.drafts import Changes
from experiments.errors import (
    CoverageOnlyRises,
    DesignFrozen,
    DesignInvalid,
    ReasonMissing,
)
from experiments.freezing import design_of
from experiments.lifecycle import ExperimentStatus, PauseMode
from experiments.models import Experiment, Phase
from experiments.service import WeightSpec
from experiments.service.loading import load
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

UNEVEN = (WeightSpec("long", 0.9), WeightSpec("short", 0.1))


async def running(
    session: AsyncSession, company: Company, **changes: Any
) -> Experiment:
    """A started experiment."""
    experiment = await company.draft(session, **changes)
    await service.start(
        session, step(company, experiment), environment_id=company.environment_id
    )
    await session.refresh(experiment)
    return experiment


async def again(
    session: AsyncSession, company: Company, experiment: Experiment, **changes: Any
) -> Phase:
    """A new phase in production."""
    parts: dict[str, Any] = {"reason": "The split was too careful."} | changes
    return await service.start_new_phase(
        session,
        step(company, experiment),
        environment_id=company.environment_id,
        **parts,
    )


async def variants(
    session: AsyncSession, company: Company, users: range
) -> dict[str, str]:
    """Who is in, and with which variant."""
    phase = (await load(session, company.environment_id)).phases["short-form"]
    decisions = {f"u{n}": decide(phase, {"id": f"u{n}"}) for n in users}
    return {u: d.variant.key for u, d in decisions.items() if d.in_experiment}


async def phases(session: AsyncSession, experiment: Experiment) -> list[Phase]:
    """In order."""
    found = await session.exec(
        select(Phase)
        .where(Phase.experiment_id == experiment.id)
        .order_by(Phase.number)  # type: ignore[arg-type]
        .execution_options(populate_existing=True)
    )
    return list(found.all())


async def test_more_coverage_moves_nobody_and_keeps_the_phase(
    sessions: Sessions, company: Company
) -> None:
    users = range(2_000)
    async with sessions.begin() as session:
        experiment = await running(session, company, coverage=0.2)
        before = await variants(session, company, users)
        (phase,) = await phases(session, experiment)
        seed, hashed = phase.seed, phase.design_hash
        raised = await service.raise_coverage(
            session, step(company, experiment), coverage=0.7
        )
        after = await variants(session, company, users)
        (phase,) = await phases(session, experiment)
        audited = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "experiment.raise_coverage")
            .order_by("id")
        )
        row = audited.one()
    assert before.items() <= after.items()
    assert len(after) > 2 * len(before)
    assert (phase.seed, phase.design_hash, phase.coverage) == (seed, hashed, 0.7)
    assert (raised.coverage, raised.version, raised.status) == (0.7, 3, "RUNNING")
    assert row.before == {"coverage": 0.2, "version": 2}
    assert row.after == {"coverage": 0.7, "version": 3, "phase": 1}


@pytest.mark.parametrize("coverage", [0.1, 0.2])
async def test_coverage_only_rises(
    sessions: Sessions, company: Company, coverage: float
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company, coverage=0.2)
        with pytest.raises(CoverageOnlyRises) as refused:
            await service.raise_coverage(
                session, step(company, experiment), coverage=coverage
            )
    assert refused.value.code == "COVERAGE_ONLY_RISES"


async def test_coverage_is_a_share_of_what_is_live(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        draft = await company.draft(session, "draft", coverage=0.1)
        with pytest.raises(DesignFrozen):
            await service.raise_coverage(session, step(company, draft), coverage=1)
        experiment = await running(session, company, coverage=0.2)
        for coverage in (1.1, float("nan")):
            with pytest.raises(DesignInvalid):
                await service.raise_coverage(
                    session, step(company, experiment), coverage=coverage
                )


async def test_another_split_points_to_a_new_phase(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)
        with pytest.raises(DesignFrozen, match="startNewPhase"):
            await service.update(
                session, step(company, experiment), changes=Changes(variants=())
            )
        with pytest.raises(CoverageOnlyRises, match="startNewPhase"):
            await service.update(
                session, step(company, experiment), changes=Changes(coverage=0.1)
            )


async def test_a_new_phase_randomises_anew_and_the_old_one_keeps_its_split(
    sessions: Sessions, company: Company
) -> None:
    users = range(1_000)
    async with sessions.begin() as session:
        experiment = await running(session, company)
        before = await variants(session, company, users)
        await again(session, company, experiment, coverage=0.5, weights=UNEVEN)
        old, new = await phases(session, experiment)
        after = await variants(session, company, users)
        row = await queries.experiment_by_id(
            session, project_id=company.project_id, experiment_id=experiment.id
        )
        await session.refresh(row)
        audited = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "experiment.new_phase")
            .order_by("id")
        )
        written = audited.one()
    assert (row.status, row.version, row.coverage) == (ExperimentStatus.RUNNING, 3, 0.5)
    assert (old.number, new.number, new.coverage) == (1, 2, 0.5)
    assert old.ended_at == new.started_at
    assert new.ended_at is None
    assert [arm.weight for arm in design_of(old).arms] == [0.5, 0.5]
    assert [arm.weight for arm in design_of(new).arms] == [0.9, 0.1]
    assert new.seed == phase_seed(company.project_id, "short-form", 2) != old.seed
    assert new.design_hash != old.design_hash
    for phase in (old, new):
        assert design_hash(design_of(phase)) == phase.design_hash
    assert (old.published_at, new.published_at) == (None, None)
    assert len(before) == 1_000
    assert 400 < len(after) < 600
    assert sum(key == "short" for key in after.values()) < 100
    assert written.after is not None
    assert (written.after["phase"], written.reason) == (2, "The split was too careful.")


async def test_coverage_may_fall_in_a_new_phase(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)
        await again(session, company, experiment, coverage=0)
        phase = (await load(session, company.environment_id)).phases["short-form"]
        assert decide(phase, {"id": "u1"}).cause is Cause.OUTSIDE_COVERAGE


async def test_a_new_phase_freezes_the_holdouts_of_its_own_start(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)
        await service.create_holdout(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="global",
            name="",
            unit=UnitKind.USER,
            share=0.05,
        )
        await again(session, company, experiment)
        old, new = await phases(session, experiment)
    assert old.eligibility["holdouts"] == []
    assert [each["key"] for each in new.eligibility["holdouts"]] == ["global"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"weights": UNEVEN[:1]}, DesignInvalid),
        ({"weights": UNEVEN[:1] * 2}, DesignInvalid),
        (
            {"weights": [WeightSpec("long", 0.5), WeightSpec("short", 0.4)]},
            DesignInvalid,
        ),
        (
            {"weights": [WeightSpec("long", 1.5), WeightSpec("short", -0.5)]},
            DesignInvalid,
        ),
        ({"weights": [WeightSpec("long", 0.5), WeightSpec("x", 0.5)]}, DesignInvalid),
        ({"coverage": 2}, DesignInvalid),
        ({"reason": " "}, ReasonMissing),
    ],
)
async def test_a_new_phase_that_breaks_a_rule_is_refused(
    sessions: Sessions,
    company: Company,
    changes: dict[str, Any],
    error: type[Problem],
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)
    with pytest.raises(error):
        async with sessions.begin() as session:
            await again(session, company, experiment, **changes)
    async with sessions() as session:
        (phase,) = await phases(session, experiment)
    assert phase.ended_at is None


async def test_only_what_runs_here_has_a_new_phase(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)
        with pytest.raises(DesignFrozen):
            await service.start_new_phase(
                session,
                step(company, experiment),
                environment_id=new_id(),
                reason="There.",
            )
        paused = await service.pause(
            session,
            step(company, experiment),
            mode=PauseMode.PAUSE_SERVING,
            reason="A bug.",
        )
        with pytest.raises(IllegalTransition):
            await again(session, company, paused)


async def test_of_many_new_phases_at_once_one_begins(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)

    async def once() -> Phase | Problem:
        try:
            async with sessions.begin() as session:
                return await again(session, company, experiment, weights=UNEVEN)
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(*(once() for _ in range(4)))
    assert sum(isinstance(each, StaleVersion) for each in outcomes) == 3
    async with sessions() as session:
        assert len(await phases(session, experiment)) == 2


async def test_a_stop_after_a_new_phase_ends_the_new_one(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(session, company)
        await again(session, company, experiment)
        await session.refresh(experiment)
        first_end = (await phases(session, experiment))[0].ended_at
        await service.stop(session, step(company, experiment), reason="Enough.")
        old, new = await phases(session, experiment)
    assert old.ended_at == first_end
    assert new.ended_at is not None
