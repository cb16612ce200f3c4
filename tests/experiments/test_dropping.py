"""Taking an arm out of a phase under way."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.problems import Problem, StaleVersion
from experiments import queries, service
from experiments.assignment.evaluator import Cause, decide
from experiments.drafts import VariantSpec
from experiments.errors import DesignFrozen, DesignInvalid, ReasonMissing
from experiments.freezing import design_of
from experiments.lifecycle import DecisionOutcome, PauseMode
from experiments.models import Experiment, Phase
from experiments.service.loading import load
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

THREE = (
    VariantSpec("long", "Long", 0.4, is_control=True, payload={"value": 9}),
    VariantSpec("short", "Short", 0.3, is_control=False, payload={"value": 3}),
    VariantSpec("none", "None", 0.3, is_control=False, payload={"value": 0}),
)
IDS = [{"id": f"user-{n}"} for n in range(2_000)]


async def running(session: AsyncSession, company: Company) -> Experiment:
    """A started experiment of three arms."""
    experiment = await company.draft(session, variants=THREE)
    await service.start(
        session, step(company, experiment), environment_id=company.environment_id
    )
    await session.refresh(experiment)
    return experiment


async def drop(
    session: AsyncSession,
    company: Company,
    experiment: Experiment,
    *,
    variant: str = "short",
    reason: str = "Support is flooded.",
    behind: int = 0,
) -> Phase:
    """Take a variant out, on a version that may be behind."""
    return await service.drop_arm(
        session,
        replace(
            step(company, experiment), expected_version=experiment.version - behind
        ),
        environment_id=company.environment_id,
        variant=variant,
        reason=reason,
    )


async def served(session: AsyncSession, company: Company) -> list[tuple[str, Cause]]:
    """What each of many ids gets, and why."""
    phase = (await load(session, company.environment_id)).phases["short-form"]
    found = [decide(phase, attributes) for attributes in IDS]
    return [(each.variant.key, each.cause) for each in found]


async def test_only_its_own_units_move(sessions: Sessions, company: Company) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        before = await served(session, company)
        phase = await drop(session, company, experiment)
        after = await served(session, company)
    moved = {n for n in range(len(IDS)) if before[n] != after[n]}
    assert moved == {n for n in range(len(IDS)) if before[n][0] == "short"}
    assert {after[n] for n in moved} == {("long", Cause.ARM_DROPPED)}
    assert len(moved) > 400
    design = design_of(phase)
    assert [arm.key for arm in design.in_play] == ["long", "none"]
    assert [arm.key for arm in design.arms] == ["long", "short", "none"]


async def test_it_is_written_down_once_with_who_and_why(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        phase = await drop(session, company, experiment)
        found = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "experiment.drop_variant")
            .order_by("id")
        )
        (row,) = found.all()
        await session.refresh(experiment)
        parts = (
            await service.generate_memo(
                session,
                project_id=company.project_id,
                experiment_id=experiment.id,
                actor=company.actor,
            )
        ).parts
    assert row.after is not None
    assert (row.reason, row.after["dropped"]) == ("Support is flooded.", "short")
    assert row.after["left"] == ["long", "none"]
    assert row.after["version"] == experiment.version == 3
    (gone,) = phase.dropped
    assert gone["by"] == company.actor.name
    at = datetime.fromisoformat(gone["at"])
    said = (
        f"Short was dropped on {at.day} {at:%b %Y, %H:%M} UTC by {gone['by']}: "
        "Support is flooded."
    )
    assert said in parts["deviations"]


async def test_a_preview_says_it_and_does_nothing(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        before = await served(session, company)
        preview = await service.preview_drop(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
            variant="short",
            reason="Support is flooded.",
        )
        assert await served(session, company) == before
        await session.refresh(experiment)
    assert preview.left == ("long", "none")
    assert preview.share == pytest.approx(0.3)
    assert experiment.version == 2


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"variant": "long"}, DesignInvalid, "control"),
        ({"variant": "tiny"}, DesignInvalid, "long, short, none"),
        ({"reason": " "}, ReasonMissing, "why|reason|Say"),
        ({"behind": 1}, StaleVersion, "version|changed"),
    ],
)
async def test_what_cannot_be_dropped_is_refused(
    sessions: Sessions,
    company: Company,
    changes: dict[str, Any],
    error: type[Problem],
    said: str,
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        with pytest.raises(error, match=said):
            await drop(session, company, experiment, **changes)


async def test_the_last_variant_is_not_dropped_but_stopped(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        await drop(session, company, experiment)
        await session.refresh(experiment)
        with pytest.raises(DesignInvalid, match="dropped already"):
            await drop(session, company, experiment)
        with pytest.raises(DesignInvalid, match="stop the experiment"):
            await drop(session, company, experiment, variant="none")


async def test_a_draft_and_one_that_is_over_have_nothing_to_drop(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        draft = await company.draft(session, key="draft", variants=THREE)
        with pytest.raises(DesignFrozen):
            await drop(session, company, draft)
        experiment = await running(session, company)
        await service.stop(session, step(company, experiment), reason="Done.")
        await session.refresh(experiment)
        with pytest.raises(DesignFrozen):
            await drop(session, company, experiment)


async def test_one_that_is_paused_drops_it_and_resumes_without(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        for take in (
            lambda row: service.pause(
                session,
                step(company, row),
                mode=PauseMode.PAUSE_SERVING,
                reason="Errors",
            ),
            lambda row: drop(session, company, row),
            lambda row: service.resume(session, step(company, row)),
        ):
            await take(experiment)
            await session.refresh(experiment)
        found = await served(session, company)
    assert {key for key, _ in found} == {"long", "none"}


async def test_what_was_dropped_is_not_shipped(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        await drop(session, company, experiment)
        await session.refresh(experiment)
        await service.stop(session, step(company, experiment), reason="Done.")
        await session.refresh(experiment)
        with pytest.raises(DesignInvalid, match="short was dropped"):
            await service.decide(
                session,
                step(company, experiment),
                outcome=DecisionOutcome.SHIP,
                variant_key="short",
                note="All the same.",
            )


async def test_a_new_phase_has_all_arms_again(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)
        await drop(session, company, experiment)
        await session.refresh(experiment)
        phase = await service.start_new_phase(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
            reason="Try again.",
        )
        assert design_of(phase).dropped == ()
        found = await served(session, company)
    assert {key for key, _ in found} == {"long", "short", "none"}


async def test_of_two_who_drop_at_once_one_does(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session, session.begin():
        experiment = await running(session, company)

    async def attempt(variant: str) -> None:
        async with sessions() as session, session.begin():
            await drop(session, company, experiment, variant=variant)

    done = await asyncio.gather(
        attempt("short"), attempt("none"), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in done) == ["NoneType", "StaleVersion"]
    async with sessions() as session:
        phase = await queries.current_phase(session, experiment.id)
        assert len(phase.dropped) == 1
