"""The policy as a whole: mechanical metrics, families, futility, old bodies."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from experiments.analysis.labels import Family, HorizonState, Outcome, Verdict
from experiments.analysis.prospects import foresee
from experiments.analysis.results import MetricResult, Report
from experiments.analysis.scorecard import report
from experiments.arms import ArmDesign
from experiments.design import Direction, MetricKind, MetricRole, PhaseDesign, UnitKind
from experiments.events.state import DEPTH, PhaseState, SegmentState, SurvivalState
from experiments.plan import MarginKind
from experiments.treatments import TreatmentKind
from tests.experiments.analysis.designs import (
    START,
    arm,
    arm_state,
    conversions,
    design,
    looked,
    metric,
    planned,
    state,
    taken,
)

AHA = metric("aha", name="aha by day 10")
DONE = metric("flow_completed", name="completion", role=MetricRole.SECONDARY)


def onboarding() -> tuple[PhaseDesign, PhaseState]:
    """1,000 accounts: three steps instead of five."""

    def flow(key: str, name: str, steps: int, *, control: bool) -> ArmDesign:
        payload = {
            "flow": "team-setup",
            "version": 1,
            "steps": [{"key": f"s{i}", "kind": "TOOLTIP"} for i in range(steps)],
        }
        return replace(arm(key, name, control=control), payload=payload)

    phase = design(
        AHA,
        DONE,
        arms=(
            flow("v1", "5 steps", 5, control=True),
            flow("v2", "3 steps", 3, control=False),
        ),
        planned_units=1_000,
        unit=UnitKind.ACCOUNT,
        minimum_effect=0.04,
    )
    phase = planned(replace(phase, treatment=TreatmentKind.ONBOARDING_FLOW))
    return phase, state(
        phase,
        arm_state(AHA, "v1", conversions(498, 149)),
        arm_state(AHA, "v2", conversions(502, 153)),
        arm_state(DONE, "v1", conversions(498, 209)),
        arm_state(DONE, "v2", conversions(502, 306)),
    )


def test_finishing_a_shorter_flow_proves_nothing() -> None:
    text = looked(*onboarding())
    assert text.recommendation.outcome is Outcome.INCONCLUSIVE
    assert text.headline == (
        "3 steps instead of 5: aha by day 10 29.9% -> 30.5% (-5.1 to +6.3 points). "
        "Completion 42% -> 61% (+13 to +25 points) is mechanical: the flows differ in "
        "length. A difference of +0.6 points may be chance. "
        "This does not show which is better."
    )


def test_flows_of_one_length_move_nothing_mechanically() -> None:
    phase, found = onboarding()
    same = tuple(replace(each, payload={"steps": [{}]}) for each in phase.arms)
    assert "mechanical" not in looked(replace(phase, arms=same), found).headline


def secondary(*opened: int) -> tuple[MetricResult, ...]:
    """Secondary metrics with so many of 5,000 instead of 2,500."""
    metrics = [
        metric(f"m{index}", role=MetricRole.SECONDARY) for index in range(len(opened))
    ]
    phase = planned(design(metric("paid"), *metrics))
    found = state(
        phase,
        *(arm_state(phase.primary, key, conversions(5_000, 200)) for key in ARMS),
        *(
            arm_state(each, key, conversions(5_000, units))
            for each, high in zip(metrics, opened, strict=True)
            for key, units in zip(ARMS, (2_500, high), strict=True)
        ),
    )
    return looked(phase, found).metrics[1:]


ARMS = ("control", "sixty")


def test_secondary_metrics_are_one_family() -> None:
    alone = secondary(2_605)[0].comparisons[0]
    among = secondary(2_605, 2_500, 2_500, 2_500)[0].comparisons[0]
    assert alone.verdict is Verdict.WIN
    assert among.verdict is Verdict.NOT_ENOUGH_DATA
    assert among.family is not None
    assert (among.family.family, among.family.size) == (Family.SECONDARY, 4)
    assert among.valid == alone.valid
    assert "among 4 secondary comparisons" in among.reason


def test_a_hopeless_test_is_advised_to_stop_and_a_hopeful_one_is_not() -> None:
    phase = planned(design())

    def seen(paying: int) -> PhaseState:
        found = state(
            phase,
            arm_state(phase.primary, "control", conversions(6_000, 240)),
            arm_state(phase.primary, "sixty", conversions(6_000, paying)),
        )
        return replace(found, watermark=START + timedelta(days=34))

    hopeless = foresee(phase, seen(235), taken(phase, seen(235), horizons=EARLY))
    hopeful = foresee(phase, seen(290), taken(phase, seen(290), horizons=EARLY))
    assert hopeless is not None
    assert hopeful is not None
    assert hopeless.futile
    assert hopeless.text == "Going on will hardly change this: stop to save 18 days."
    assert not hopeful.futile
    assert hopeful.predictive_power > 0.1


EARLY = (HorizonState.BEFORE,)


def test_a_relative_margin_is_a_share_of_the_control() -> None:
    def outcome(margin: float) -> bool:
        kept = replace(
            metric("kept", role=MetricRole.GUARDRAIL),
            margin=margin,
            margin_kind=MarginKind.RELATIVE,
        )
        phase = planned(design(metric("paid"), kept))
        found = state(
            phase,
            *(arm_state(phase.primary, key, conversions(5_000, 200)) for key in ARMS),
            *(arm_state(kept, key, conversions(5_000, 2_500)) for key in ARMS),
        )
        reading = looked(phase, found).metrics[1].comparisons[0].margin
        assert reading is not None
        assert reading.bound == pytest.approx(-0.0324, abs=5e-4)
        return reading.passed

    assert outcome(0.04)
    assert not outcome(0.03)


def test_curves_and_funnels_are_read_at_their_look() -> None:
    trial = metric("upgraded", kind=MetricKind.TIME_TO_EVENT, role=MetricRole.SECONDARY)
    steps = metric("started", kind=MetricKind.FUNNEL, role=MetricRole.SECONDARY)
    steps = replace(steps, later_steps=(steps.numerator,))
    phase = planned(design(metric("paid"), trial, steps))
    found = state(
        phase,
        *(
            arm_state(each, key, conversions(1_000, 300))
            for each in phase.metrics
            for key in ARMS
        ),
    )
    survival = tuple(
        SurvivalState(key, trial.metric_id, (1_000, 900, 800), (100, 100, events))
        for key, events in zip(ARMS, (50, 200), strict=True)
    )
    depths = tuple(
        SegmentState(
            key, steps.metric_id, DEPTH, str(depth), conversions(n, 0), None, 0
        )
        for key in ARMS
        for depth, n in ((0, 400), (1, 400), (2, 200))
    )
    found = replace(found, survival=survival, segments=depths)
    text = looked(phase, found)
    (curves,) = text.metrics[1].survival
    assert [point.share for point in curves.control] == pytest.approx([0.9, 0.8, 0.75])
    assert curves.log_rank_p_value is not None
    assert curves.log_rank_p_value < 0.001
    assert curves.restricted_mean is not None
    first, second = text.metrics[2].funnel
    assert (first.control.mean, second.control.mean) == (0.6, 0.2)
    assert second.control_onward == pytest.approx(1 / 3)
    early = report(
        phase, found, taken=taken(phase, found, horizons=EARLY), waiting_for="more"
    )
    assert early.metrics[1].survival[0].log_rank_p_value is None


def test_a_body_from_before_there_were_boundaries_still_reads() -> None:
    phase, found = onboarding()
    body = msgspec.to_builtins(looked(replace(phase, plan=None), found))
    for name in ("impact", "futility", "alarms", "horizon", "next_cut", "warnings"):
        del body[name]
    for look in body["looks"]:
        del look["horizon"], look["arms"]
    for each in body["metrics"]:
        for name in ("segments", "survival", "funnel", "quantile", "notes"):
            del each[name]
        for comparison in each["comparisons"]:
            for name in set(comparison) - OLD:
                del comparison[name]
    read = msgspec.convert(body, Report)
    assert read.alarms == ()
    assert read.metrics[0].comparisons[0].adjusted is None


OLD = {"arm", "verdict", "reason", "raw", "capped", "valid", "guardrail"}


@pytest.mark.parametrize(
    ("horizon", "complaining", "outcome"),
    [
        (HorizonState.BEFORE, 500, Outcome.KEEP_RUNNING),
        (HorizonState.BEFORE, 300, Outcome.SHIP),
        (HorizonState.AT, 500, Outcome.SHIP),
        (HorizonState.AT, 580, Outcome.DONT_SHIP),
    ],
)
def test_a_win_waits_for_its_guardrails_until_the_horizon(
    horizon: HorizonState, complaining: int, outcome: Outcome
) -> None:
    complaints = metric(
        "complained", role=MetricRole.GUARDRAIL, direction=Direction.DECREASE
    )
    phase = planned(design(metric("paid"), complaints, planned_units=20_000))
    counts = {"paid": (400, 560), "complained": (500, complaining)}
    found = state(
        phase,
        *(
            arm_state(each, key, conversions(5_000, units))
            for each in phase.metrics
            for key, units in zip(ARMS, counts[each.key], strict=True)
        ),
    )
    looks = taken(phase, found, horizons=(horizon,))
    waiting = "more units are awaited" if horizon is HorizonState.BEFORE else None
    text = report(phase, found, taken=looks, waiting_for=waiting)
    assert text.metrics[0].comparisons[0].verdict is Verdict.WIN
    assert text.recommendation.outcome is outcome
    if outcome is Outcome.KEEP_RUNNING:
        assert text.headline.endswith(
            "Complained could be up by up to 20%. Keep it running: complained is not "
            "shown to be safe yet and more units are awaited."
        )
