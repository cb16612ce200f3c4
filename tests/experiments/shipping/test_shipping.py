"""Shipping by a preview's token, step by step, and taking it back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.problems import IllegalTransition, StaleVersion
from experiments import queries, service
from experiments.assignment.definitions import PhaseDefinition, Serving
from experiments.assignment.evaluator import Cause, Decision, decide
from experiments.errors import DesignInvalid, LiveReference, ReasonMissing
from experiments.freezing import design_of
from experiments.lifecycle import DecisionOutcome, ExperimentStatus
from experiments.models import Phase, PhaseKind
from experiments.service.loading import load
from experiments.service.shipping import ShipPlan
from experiments.shipping.errors import (
    PreviewChanged,
    PreviewExpired,
    PreviewUsed,
    ShipRefused,
)
from experiments.shipping.models import (
    Basis,
    DecisionRecord,
    Remeasurement,
    ShipPreview,
)
from tests.experiments.company import Company, step
from tests.experiments.shipping.concluded import (
    Clock,
    as_it_is,
    decided,
    previewed,
    report,
    ship,
    stopped,
)

pytestmark = pytest.mark.stores

PLAN = ShipPlan("short", holdback=0.05)
AT_ONCE = ShipPlan("short", holdback=0.05, steps=())
IDS = [f"user-{n}" for n in range(10_000)]


async def served(session: AsyncSession, company: Company) -> PhaseDefinition:
    snapshot = await load(session, company.environment_id)
    return snapshot.phases["short-form"].definition


async def given(
    session: AsyncSession, company: Company, ids: Sequence[str] = IDS
) -> list[Decision]:
    snapshot = await load(session, company.environment_id)
    phase = snapshot.phases["short-form"]
    return [decide(phase, {"id": each}) for each in ids]


async def actions(session: AsyncSession) -> list[str]:
    found = await session.exec(select(AuditRow.action).order_by(AuditRow.id))  # type: ignore[arg-type]
    return list(found.all())


async def test_a_preview_counts_and_says_what_the_holdback_will_see(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        shown, token = await previewed(session, company, row, PLAN)
        kept = (await session.exec(select(ShipPreview))).one()
    assert [(each.variant, each.exposed) for each in shown.exposed] == [
        ("long", 500),
        ("short", 500),
    ]
    assert (shown.held_back_units, shown.would_change) == (50, 450)
    assert shown.steps == (0.1, 0.5, 1.0)
    # 1,000 units in 10 days; of the 30 days the last 7 have not closed.
    assert shown.sight.control_units == 115
    assert shown.sight.treatment_units == 1_150
    assert shown.sight.minimum_effect == pytest.approx(0.0548, abs=1e-4)
    assert shown.measurement is Basis.CANNOT_MEASURE
    assert any("too small to see" in warning for warning in shown.warnings)
    assert token not in str(kept.model_dump())


async def test_an_effect_that_is_large_enough_can_be_measured(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report(effect=0.1))
        row = await service.decide(
            session,
            step(company, row),
            outcome=DecisionOutcome.SHIP,
            note="It works.",
            variant_key="short",
        )
        held, _ = await previewed(session, company, row, PLAN)
        nobody, _ = await previewed(session, company, row, ShipPlan("short"))
    assert held.measurement is Basis.HOLDBACK
    assert nobody.measurement is Basis.OBSERVATIONAL
    assert nobody.would_change == 500


@pytest.mark.parametrize(
    "plan",
    [
        ShipPlan("short", holdback=0.51),
        ShipPlan("short", holdback=-0.1),
        ShipPlan("short", holdback=float("nan")),
        ShipPlan("short", ramp_to=0.0),
        ShipPlan("short", steps=(0.5, 0.1)),
        ShipPlan("short", hold_hours=-1),
    ],
)
async def test_a_plan_that_breaks_a_rule_is_refused(
    sessions: Sessions, company: Company, clock: Clock, plan: ShipPlan
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        with pytest.raises(DesignInvalid):
            await previewed(session, company, row, plan)


async def test_only_what_was_decided_on_is_shipped(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await stopped(session, company, clock, report())
        with pytest.raises(IllegalTransition):
            await previewed(session, company, row, PLAN)
        row = await service.decide(
            session,
            step(company, row),
            outcome=DecisionOutcome.INCONCLUSIVE,
            note="Who knows.",
        )
        with pytest.raises(ShipRefused):
            await previewed(session, company, row, PLAN)


async def test_another_variant_than_the_decided_one_is_not_shipped(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        with pytest.raises(ShipRefused, match="short"):
            await previewed(session, company, row, ShipPlan("long"))


async def test_a_token_stands_for_its_plan_its_version_and_a_quarter_of_an_hour(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        _, token = await previewed(session, company, row, PLAN)

        async def attempt(said: str, plan: ShipPlan, expected: int) -> None:
            await service.ship(
                session,
                replace(step(company, row), expected_version=expected),
                environment_id=company.environment_id,
                token=said,
                plan=plan,
            )

        with pytest.raises(PreviewChanged):
            await attempt("guessed", PLAN, row.version)
        with pytest.raises(PreviewChanged, match="another plan"):
            await attempt(token, ShipPlan("short", holdback=0.1), row.version)
        clock.move(minutes=15)
        with pytest.raises(PreviewExpired):
            await attempt(token, PLAN, row.version)
        clock.move(minutes=-1)
        row.version += 1
        session.add(row)
        await session.flush()
        with pytest.raises(PreviewChanged, match="changed since"):
            await attempt(token, PLAN, row.version)
        with pytest.raises(StaleVersion):
            await attempt(token, PLAN, row.version - 1)


async def test_a_token_is_used_once(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        _, token = await previewed(session, company, row, PLAN)
        here: dict[str, Any] = {
            "environment_id": company.environment_id,
            "token": token,
            "plan": PLAN,
        }
        await service.ship(session, step(company, row), **here)
        row = await as_it_is(session, row)
        with pytest.raises(PreviewUsed):
            await service.ship(session, step(company, row), **here)


async def test_the_first_step_begins_at_once_and_the_rest_wait(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        before = await given(session, company)
        shipment = await ship(session, company, row, PLAN)
        row = await as_it_is(session, row)
        decisions = await given(session, company)
    assert {d.cause for d in before} == {Cause.STOPPED}
    assert row.status is ExperimentStatus.SHIPPING
    assert (shipment.share, shipment.next_at) == (0.1, clock.at.replace(day=12))
    reached = sum(d.variant.key == "short" for d in decisions)
    assert abs(reached - 1_000) <= 120
    assert not any(d.in_experiment for d in decisions)


async def test_after_the_last_step_five_in_a_hundred_still_have_the_control(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        shipment = await ship(session, company, row, PLAN)
        for share in (0.5, 1.0):
            row = await as_it_is(session, row)
            await service.advance_rollout(session, step(company, row))
            assert shipment.share == share
        row = await as_it_is(session, row)
        decisions = await given(session, company)
        due = (await session.exec(select(Remeasurement.day))).all()
    assert row.status is ExperimentStatus.SHIPPED
    held = [d for d in decisions if d.variant.key == "long"]
    # The seed is another each time, so the bound is four standard errors.
    assert abs(len(held) - 500) <= 87
    assert {(d.cause, d.in_experiment) for d in held} == {(Cause.HOLDBACK, True)}
    assert sorted(due) == [14, 30, 90]
    assert shipment.completed_at == clock.at


async def test_the_holdback_is_compared_in_a_phase_that_nobody_takes_for_the_test(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        shipment = await ship(session, company, row, AT_ONCE)
        current = await queries.current_phase(session, row.id)
        holdback = await session.get_one(Phase, shipment.holdback_phase_id)
        listed = await queries.phases_of(
            session,
            environment_id=company.environment_id,
            experiment_ids=[row.id],
        )
        waiting = await queries.unpublished_phases(session, limit=10)
        definition = await served(session, company)
    design = design_of(holdback)
    assert (holdback.kind, holdback.number) == (PhaseKind.HOLDBACK, 2)
    assert (current.kind, current.id) == (PhaseKind.RANDOMISED, shipment.phase_id)
    assert [phase.id for phase in listed[row.id]] == [current.id]
    assert holdback.id in {phase.id for phase in waiting}
    assert [(a.key, round(a.weight, 4)) for a in design.arms] == [
        ("long", 0.0909),
        ("short", 0.9091),
    ]
    assert (definition.phase_id, definition.serving) == (current.id, Serving.SPLIT)


async def test_a_rollout_that_is_held_stays_until_somebody_advances_it(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        shipment = await ship(session, company, row, PLAN)
        row = await as_it_is(session, row)
        with pytest.raises(ReasonMissing):
            await service.hold_rollout(session, step(company, row), reason=" ")
        await service.hold_rollout(session, step(company, row), reason="Tickets.")
        clock.move(days=9)
        assert not await service.advance_if_due(session, row.id)
        assert (shipment.share, shipment.held_reason) == (0.1, "Tickets.")
        row = await as_it_is(session, row)
        await service.advance_rollout(session, step(company, row))
        assert (shipment.share, shipment.held_reason) == (0.5, None)
        said = await actions(session)
    assert said[-2:] == ["rollout.hold", "rollout.advance"]


async def test_a_roll_back_gives_everyone_the_control_at_once(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        shipment = await ship(session, company, row, AT_ONCE)
        row = await as_it_is(session, row)
        with pytest.raises(ReasonMissing):
            await service.roll_back(session, step(company, row), reason="")
        row = await service.roll_back(session, step(company, row), reason="It hurts.")
        decisions = await given(session, company)
        holdback = await session.get_one(Phase, shipment.holdback_phase_id)
        outcomes = (await session.exec(select(DecisionRecord.outcome))).all()
        said = await actions(session)
    assert {(d.variant.key, d.cause) for d in decisions} == {("long", Cause.STOPPED)}
    assert (row.status, row.decision) == ("DECIDED", "ROLL_BACK")
    assert shipment.rolled_back_reason == "It hurts."
    assert holdback.ended_at == clock.at
    assert sorted(outcomes) == ["ROLL_BACK", "SHIP"]
    assert "experiment.roll_back" in said


async def test_a_rollout_on_its_way_is_rolled_back_too_and_goes_no_further(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        await ship(session, company, row, PLAN)
        row = await as_it_is(session, row)
        await service.roll_back(session, step(company, row), reason="It hurts.")
        clock.move(days=2)
        assert not await service.advance_if_due(session, row.id)
        row = await as_it_is(session, row)
        with pytest.raises(ShipRefused):
            await previewed(session, company, row, PLAN)


async def test_what_is_shipped_is_put_away_once_no_code_asks_for_it(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        await ship(session, company, row, AT_ONCE)
        row = await as_it_is(session, row)
        with pytest.raises(LiveReference):
            await service.archive(session, step(company, row))
        row = await service.archive(session, step(company, row), references_gone=True)
        assert not (await load(session, company.environment_id)).phases
    assert row.status is ExperimentStatus.ARCHIVED


async def test_the_results_stay_those_of_the_test(
    sessions: Sessions, company: Company, clock: Clock
) -> None:
    async with sessions.begin() as session:
        row = await decided(session, company, clock)
        shipment = await ship(session, company, row, AT_ONCE)
        published = await queries.published_phases(session, after=None, limit=10)
        holdback = await session.get_one(Phase, shipment.holdback_phase_id)
        holdback.published_at = clock.at
        session.add(holdback)
        await session.flush()
        again = await queries.published_phases(session, after=None, limit=10)
    assert published == again
