"""Daily looks and alarms as rows: what is stored reads back as it was read."""

import json
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from sqlmodel import select

from core.database import Sessions
from experiments.analysis import memory, queries, service
from experiments.analysis.models import HarmAlarm, Snapshot
from experiments.analysis.results import Outcome
from experiments.design import MetricRole, PhaseDesign
from experiments.events.state import PhaseState, SegmentState
from experiments.models import Phase
from experiments.plan import Dimension, HarmAction
from tests.conftest import Tenant
from tests.experiments.analysis.designs import (
    arm_state,
    conversions,
    design,
    metric,
    planned,
    state,
)
from tests.experiments.analysis.stored import NOW, prepared, publish

pytestmark = pytest.mark.stores

KEPT = replace(
    metric("kept", role=MetricRole.GUARDRAIL), harm_action=HarmAction.PAUSE_ENROLMENT
)
PHASE = planned(
    design(metric("paid"), KEPT), dimensions=(Dimension("country", "country", ("FR",)),)
)


def seen(kept: int, *, paying: int = 215) -> PhaseState:
    """A quarter of the planned units; so many of sixty's 2,500 are kept."""
    found = state(
        PHASE,
        arm_state(PHASE.primary, "control", conversions(2_500, 200)),
        arm_state(PHASE.primary, "sixty", conversions(2_500, paying)),
        arm_state(KEPT, "control", conversions(2_500, 1_250)),
        arm_state(KEPT, "sixty", conversions(2_500, kept)),
    )
    segments = tuple(
        SegmentState(
            arm,
            PHASE.primary.metric_id,
            "country",
            "FR",
            conversions(900, 80),
            None,
            80,
        )
        for arm in ("control", "sixty")
    )
    return replace(found, segments=segments)


async def look(
    sessions: Sessions, tenant: Tenant, plan: PhaseDesign, found: PhaseState
) -> Snapshot:
    """A refresh at a cut."""
    async with sessions.begin() as session:
        phase = await session.get_one(Phase, plan.phase_id)
        return await service.analyse(
            session,
            design=plan,
            state=replace(found, phase_id=plan.phase_id),
            experiment_id=phase.experiment_id,
            project_id=tenant.project_id,
            now=NOW,
            cut=found.watermark,
        )


async def test_a_look_reads_back_to_the_same_body(
    sessions: Sessions, tenant: Tenant
) -> None:
    scope = (tenant.project_id, tenant.environment_id)
    experiment, plan = await prepared(sessions, *scope, PHASE)
    first = await look(sessions, tenant, plan, seen(1_240))
    memory._effects.clear()
    later = replace(seen(1_240), watermark=first.watermark + timedelta(hours=2))
    moved = replace(later, exposed={"control": 2_501, "sixty": 2_500})
    second = await publish(sessions, tenant.project_id, experiment, plan, moved)
    assert second.id != first.id
    one, other = (queries.read_report(each) for each in (first, second))
    assert msgspec.to_builtins(one.metrics) == msgspec.to_builtins(other.metrics)
    assert one.metrics[0].segments[0].levels[0].reading.control.n == 900
    assert one.looks == other.looks
    assert one.looks[0].arms[0].boundary is not None


async def test_an_alarm_rings_once_and_stays(
    sessions: Sessions, tenant: Tenant
) -> None:
    scope = (tenant.project_id, tenant.environment_id)
    experiment, plan = await prepared(sessions, *scope, PHASE)
    calm = await publish(sessions, tenant.project_id, experiment, plan, seen(1_240))
    assert queries.read_report(calm).alarms == ()
    harmed = await publish(sessions, tenant.project_id, experiment, plan, seen(1_000))
    (alarm,) = queries.read_report(harmed).alarms
    assert (alarm.metric_key, alarm.arm) == ("kept", "sixty")
    assert alarm.action is HarmAction.PAUSE_ENROLMENT
    assert alarm.bound < 0.0
    assert harmed.recommendation is Outcome.DONT_SHIP
    assert "Kept got worse with 60 reports" in harmed.headline
    healed = await publish(sessions, tenant.project_id, experiment, plan, seen(1_245))
    assert queries.read_report(healed).alarms == (alarm,)
    async with sessions() as session:
        (row,) = (await session.exec(select(HarmAlarm).order_by("id"))).all()
    assert row.state["treatment"]["raw"]["y"] == "1000"
    assert json.dumps(harmed.body["alarms"][0]["action"]) == '"PAUSE_ENROLMENT"'


async def test_a_phase_without_any_unit_ends_without_an_effect(
    sessions: Sessions, tenant: Tenant
) -> None:
    scope = (tenant.project_id, tenant.environment_id)
    over = replace(PHASE, ended_at=seen(0).watermark - timedelta(days=1))
    experiment, plan = await prepared(sessions, *scope, over)
    nothing = replace(seen(0), metrics=(), segments=(), exposed={})
    snapshot = await publish(sessions, tenant.project_id, experiment, plan, nothing)
    report = queries.read_report(snapshot)
    assert report.recommendation.outcome is Outcome.INCONCLUSIVE
    assert report.looks[0].alpha_spent == pytest.approx(0.0, abs=1e-9)
    assert report.metrics[0].comparisons[0].valid is None
