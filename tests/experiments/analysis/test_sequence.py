"""Daily looks against a boundary: what is spent, what decides, what comes after."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from experiments.analysis.labels import (
    GuardrailOutcome,
    HorizonState,
    Outcome,
    ValidMethod,
    Verdict,
)
from experiments.analysis.looks import due_look, waiting_for
from experiments.analysis.results import Report
from experiments.analysis.scorecard import report
from experiments.analysis.sequence import Point, judge_arms
from experiments.analysis.taken import Taken
from experiments.design import MetricRole, PhaseDesign
from experiments.events.state import PhaseState
from experiments.plan import AnalysisPlan, StoppingRule
from experiments.statistics.boundaries import boundary
from experiments.statistics.spending import Spending
from experiments.statistics.stagewise import stagewise
from tests.experiments.analysis.designs import (
    HUNDRED,
    MONTH_LATER,
    SIXTY,
    arm,
    arm_state,
    conversions,
    design,
    metric,
    planned,
    state,
    taken,
)

BEFORE, AT, AFTER = HorizonState.BEFORE, HorizonState.AT, HorizonState.AFTER
PHASE = planned(design(planned_units=20_000))
KEPT = metric("kept", role=MetricRole.GUARDRAIL)
OPENED = metric("opened", role=MetricRole.SECONDARY)


def seen(*paying: int, units: int, phase: PhaseDesign = PHASE) -> PhaseState:
    """So many units in each arm, and how many pay in each."""
    arms = [each.key for each in phase.arms]
    return state(
        phase,
        *(
            arm_state(phase.primary, key, conversions(units, paid))
            for key, paid in zip(arms, paying, strict=True)
        ),
    )


def told(
    looks: Taken,
    found: PhaseState,
    phase: PhaseDesign = PHASE,
    waiting: str | None = "",
) -> Report:
    """The report after these looks."""
    return report(phase, found, taken=looks, waiting_for=waiting)


def test_the_boundary_is_the_spending_functions_at_the_matured_units() -> None:
    """Later units vary more: the looks agree as sums of units do, see `_summed`."""
    states = [seen(80, 90, units=2_000), seen(1_500, 1_520, units=5_000)]
    lines = taken(PHASE, *states, horizons=(BEFORE, BEFORE)).lines
    expected = boundary(
        [0.2, 0.5],
        spending=Spending.OBRIEN_FLEMING,
        alpha=0.05,
        information=[line.fraction**2 / (line.information or 0.0) for line in lines],
    )
    assert [line.boundary for line in lines] == pytest.approx(list(expected.critical))
    assert lines[-1].spent == pytest.approx(expected.spent)


@pytest.mark.parametrize("stopping", [StoppingRule.OBRIEN_FLEMING, StoppingRule.POCOCK])
def test_looks_that_could_not_be_read_leave_their_share_to_the_first_that_can(
    stopping: StoppingRule,
) -> None:
    plan = AnalysisPlan(stopping=stopping)
    unread = [Point(0.1, None, None), Point(0.2, None, None)]
    read = [Point(0.2, 1.0, 100.0), Point(0.4, 2.0, 210.0)]
    for upto in (1, 2):
        late = judge_arms(plan, {"b": [*unread, *read[:upto]]})["b"]
        alone = judge_arms(plan, {"b": read[:upto]})["b"]
        assert late.boundary == pytest.approx(alone.boundary, rel=1e-8)
        assert late.spent == pytest.approx(alone.spent, rel=1e-7)
    assert judge_arms(plan, {"b": unread})["b"].spent < 1e-9


def test_a_pocock_plan_is_easier_early() -> None:
    first = seen(80, 90, units=2_000)
    level = planned(design(), stopping=StoppingRule.POCOCK)
    (pocock,) = taken(level, first, horizons=(BEFORE,)).lines
    (usual,) = taken(PHASE, first, horizons=(BEFORE,)).lines
    assert pocock.boundary is not None
    assert usual.boundary is not None
    assert pocock.boundary < 2.7
    assert usual.boundary > 4.0


def test_no_alpha_is_spent_where_no_unit_has_matured_since() -> None:
    same = seen(80, 90, units=2_000)
    lines = taken(PHASE, same, same, horizons=(BEFORE, BEFORE)).lines
    assert lines[1].boundary is None
    assert lines[1].spent == lines[0].spent


def test_before_the_boundary_is_crossed_one_keeps_running() -> None:
    found = seen(80, 100, units=2_000)
    looks = taken(PHASE, found, horizons=(BEFORE,))
    text = told(
        looks, found, waiting="4,000 of 20,000 planned users have been observed"
    )
    assert text.recommendation.outcome is Outcome.KEEP_RUNNING
    (comparison,) = text.metrics[0].comparisons
    assert comparison.valid is not None
    assert comparison.valid.method is ValidMethod.GROUP_SEQUENTIAL
    assert comparison.raw.low is not None
    assert comparison.valid.low < comparison.raw.low
    assert text.headline.startswith("60 reports instead of 100: too early to say.")


def test_a_fixed_reading_that_looks_significant_early_concludes_nothing() -> None:
    found = seen(80, 115, units=2_000)
    (comparison,) = (
        told(taken(PHASE, found, horizons=(BEFORE,)), found).metrics[0].comparisons
    )
    assert comparison.raw.p_value is not None
    assert comparison.raw.p_value < 0.05
    assert comparison.verdict is Verdict.NOT_ENOUGH_DATA


def test_a_crossing_decides_and_later_looks_do_not_take_it_back() -> None:
    states = [seen(200, 330, units=5_000), seen(300, 390, units=7_500)]
    looks = taken(PHASE, *states, horizons=(BEFORE, BEFORE))
    first, second = (told(looks, each) for each in states)
    (comparison,) = second.metrics[0].comparisons
    assert second.recommendation.outcome is Outcome.SHIP
    assert comparison.look == 1
    assert comparison.raw.treatment.mean == pytest.approx(0.066)
    assert first.metrics[0] == second.metrics[0]


def test_after_an_early_stop_the_estimate_is_drawn_towards_no_effect() -> None:
    found = seen(200, 330, units=5_000)
    text = told(taken(PHASE, found, horizons=(BEFORE,)), found)
    (comparison,) = text.metrics[0].comparisons
    corrected = comparison.unbiased
    assert corrected is not None
    assert comparison.raw.absolute is not None
    assert 0.0 < corrected.low < corrected.value <= comparison.raw.absolute + 1e-12
    assert corrected.value < corrected.high
    assert "The boundary was crossed at look 1" in text.headline


def test_the_corrected_estimate_weighs_looks_by_what_each_estimate_knew() -> None:
    """Later units vary more: how sums correlate does not say how an effect shows."""
    level = planned(design(), stopping=StoppingRule.POCOCK)
    states = [seen(80, 100, units=2_000), seen(1_500, 1_720, units=5_000)]
    looks = taken(level, *states, horizons=(BEFORE, BEFORE))
    first, stop = looks.lines
    (comparison,) = told(looks, states[-1], phase=level).metrics[0].comparisons
    assert stop.crossed
    assert not first.crossed
    assert stop.statistic is not None
    assert stop.estimate is not None
    known = [line.information or 0.0 for line in looks.lines]
    plan = boundary(
        [first.fraction, stop.fraction],
        spending=Spending.POCOCK,
        alpha=0.05,
        information=[first.fraction**2 / known[0], stop.fraction**2 / known[1]],
    )
    expected = stagewise(
        plan,
        look=2,
        statistic=stop.statistic,
        standard_error=stop.estimate / stop.statistic,
        confidence=0.95,
        pulls=[math.sqrt(each) for each in known],
    )
    assert comparison.unbiased is not None
    assert comparison.unbiased.value == pytest.approx(expected.value, rel=1e-8)
    assert comparison.unbiased.low == pytest.approx(expected.low, rel=1e-8)


@settings(deadline=None, max_examples=25)
@given(some.lists(some.integers(0, 120), min_size=1, max_size=3))
def test_the_corrected_estimate_is_inside_its_interval(more: list[int]) -> None:
    units, control, treatment = 0, 0, 0
    states = []
    for extra in more:
        units, control, treatment = units + 2_000, control + 80, treatment + 80 + extra
        states.append(seen(control, treatment, units=units))
    looks = taken(PHASE, *states, horizons=(BEFORE,) * len(states))
    (comparison,) = told(looks, states[-1]).metrics[0].comparisons
    if comparison.unbiased is not None:
        assert comparison.verdict in {Verdict.WIN, Verdict.LOSS}
        assert comparison.unbiased.low <= comparison.unbiased.value
        assert comparison.unbiased.value <= comparison.unbiased.high
        assert comparison.unbiased.low > 0.0


def test_looks_after_the_horizon_decide_nothing() -> None:
    states = [seen(400, 445, units=10_000), seen(480, 700, units=12_000)]
    looks = taken(PHASE, *states, horizons=(AT, AFTER))
    before, after = (told(looks, each, waiting=None) for each in states)
    assert after.recommendation == before.recommendation
    assert after.recommendation.outcome is Outcome.INCONCLUSIVE
    assert after.horizon is AFTER
    (comparison,) = after.metrics[0].comparisons
    assert comparison.look == 1
    assert comparison.always_valid is not None
    assert comparison.always_valid.low > 0.0
    assert looks.lines[1].boundary is None


def test_the_horizons_look_spends_all_that_is_left() -> None:
    states = [seen(200, 210, units=5_000), seen(440, 450, units=11_000)]
    lines = taken(PHASE, *states, horizons=(BEFORE, AT)).lines
    assert lines[-1].spent == pytest.approx(0.05, abs=1e-6)


def test_who_ends_a_phase_early_is_not_handed_the_rest_of_alpha() -> None:
    states = [seen(80, 90, units=2_000), seen(200, 215, units=5_000)]
    states[0] = replace(states[0], watermark=MONTH_LATER - timedelta(days=5))
    lines = taken(PHASE, *states, horizons=(BEFORE, BEFORE)).lines
    over = replace(PHASE, ended_at=MONTH_LATER - timedelta(days=1))
    due = due_look(over, states[-1], lines[:1], cut=None)
    assert due is not None
    assert due.horizon is BEFORE
    assert lines[-1].spent < 0.01
    assert waiting_for(over, states[-1], lines) is None
    assert due_look(over, states[-1], lines, cut=None) is None


def test_a_look_is_taken_only_of_a_state_that_stands_at_its_cut() -> None:
    found = seen(80, 90, units=2_000)
    cut = found.watermark
    assert due_look(PHASE, found, (), cut=cut) is not None
    assert due_look(PHASE, found, (), cut=None) is None
    assert due_look(PHASE, found, (), cut=cut - timedelta(hours=1)) is None


def test_the_first_look_waits_for_the_minimum_sample() -> None:
    few = seen(4, 5, units=90)
    assert due_look(PHASE, few, (), cut=few.watermark) is None
    assert "90 units of the 100" in (waiting_for(PHASE, few) or "")


def test_a_second_look_on_one_day_is_not_taken() -> None:
    found = seen(80, 90, units=2_000)
    lines = taken(PHASE, found, horizons=(BEFORE,)).lines
    later = replace(found, watermark=found.watermark + timedelta(hours=3))
    assert due_look(PHASE, later, lines, cut=later.watermark) is None
    tomorrow = replace(found, watermark=found.watermark + timedelta(days=1))
    assert due_look(PHASE, tomorrow, lines, cut=tomorrow.watermark) is not None


def test_a_hidden_look_changes_nothing_but_what_is_shown() -> None:
    hidden = replace(PHASE, plan=replace(PHASE.plan or AnalysisPlan(), interim=False))
    found = seen(80, 100, units=2_000)
    shown = taken(PHASE, found, horizons=(BEFORE,))
    kept = taken(hidden, found, horizons=(BEFORE,))
    for one, other in zip(shown.lines, kept.lines, strict=True):
        assert replace(one, inputs_hash="") == replace(other, inputs_hash="")
    text = told(kept, found, hidden)
    (comparison,) = text.metrics[0].comparisons
    assert comparison.raw.absolute is None
    assert comparison.valid is None
    assert comparison.raw.treatment.n == 2_000
    assert "points" not in text.headline
    assert [look.arms for look in text.looks] == [()]
    assert text.futility is None


def test_swapping_the_arms_turns_every_sign() -> None:
    states = [seen(80, 100, units=2_000), seen(200, 330, units=5_000)]
    swapped = [seen(100, 80, units=2_000), seen(330, 200, units=5_000)]
    looks = taken(PHASE, *states, horizons=(BEFORE, BEFORE))
    turned = taken(PHASE, *swapped, horizons=(BEFORE, BEFORE))
    for one, other in zip(looks.lines, turned.lines, strict=True):
        assert one.statistic == pytest.approx(-(other.statistic or 0.0))
        assert one.boundary == pytest.approx(other.boundary)
    win, loss = told(looks, states[-1]), told(turned, swapped[-1])
    assert (win.verdict, loss.verdict) == (Verdict.WIN, Verdict.LOSS)
    ups = [c.unbiased for c in win.metrics[0].comparisons]
    downs = [c.unbiased for c in loss.metrics[0].comparisons]
    assert ups[0] is not None
    assert downs[0] is not None
    assert ups[0].value == pytest.approx(-downs[0].value)


def test_several_arms_share_the_error_rate_and_a_rejected_one_passes_its_on() -> None:
    arms = (HUNDRED, SIXTY, arm("forty", "40 reports"))
    phase = planned(design(arms=arms, planned_units=30_000))
    found = seen(400, 490, 459, units=10_000, phase=phase)
    lines = taken(phase, found).lines
    assert {line.arm: line.level for line in lines} == {
        "sixty": pytest.approx(0.025),
        "forty": pytest.approx(0.05),
    }
    early = seen(200, 230, 240, units=5_000, phase=phase)
    lines = taken(phase, early, horizons=(BEFORE,)).lines
    assert [line.level for line in lines] == [pytest.approx(0.025)] * 2


def guarded(
    kept: int, opened: int, *, units: int = 5_000
) -> tuple[PhaseDesign, PhaseState]:
    """A primary metric without an effect, a guardrail and a secondary one."""
    margin = replace(KEPT, margin=0.02)
    phase = planned(design(metric("paid"), margin, OPENED))
    half = units // 2
    return phase, state(
        phase,
        arm_state(phase.primary, "control", conversions(units, 200)),
        arm_state(phase.primary, "sixty", conversions(units, 205)),
        arm_state(margin, "control", conversions(units, half)),
        arm_state(margin, "sixty", conversions(units, kept)),
        arm_state(OPENED, "control", conversions(units, half)),
        arm_state(OPENED, "sixty", conversions(units, opened)),
    )


def test_other_metrics_hold_at_any_time_before_the_horizon_and_once_at_it() -> None:
    phase, found = guarded(2_500, 2_500)
    early = told(taken(phase, found, horizons=(BEFORE,)), found, phase)
    late = told(taken(phase, found, horizons=(AT,)), found, phase)
    for result, method in (
        (early, ValidMethod.ALWAYS_VALID),
        (late, ValidMethod.FIXED_HORIZON),
    ):
        for each in result.metrics[1:]:
            assert each.comparisons[0].valid is not None
            assert each.comparisons[0].valid.method is method


def test_a_margin_is_harder_to_show_before_the_horizon() -> None:
    phase, found = guarded(2_500, 2_500)
    early = told(taken(phase, found, horizons=(BEFORE,)), found, phase)
    late = told(taken(phase, found, horizons=(AT,)), found, phase)
    first = early.metrics[1].comparisons[0]
    second = late.metrics[1].comparisons[0]
    assert first.margin is not None
    assert second.margin is not None
    assert second.margin.passed
    assert not first.margin.passed
    assert first.guardrail is GuardrailOutcome.UNRESOLVED
    assert second.guardrail is GuardrailOutcome.SAFE


def test_a_harm_beyond_doubt_rings_before_any_look() -> None:
    phase, found = guarded(2_150, 2_500)
    text = told(Taken(), found, phase, waiting="a whole week")
    (comparison,) = text.metrics[1].comparisons
    assert comparison.harm is not None
    assert comparison.harm.rang
    assert comparison.raw.absolute is None
    calm = told(Taken(), guarded(2_450, 2_500)[1], phase, waiting="a whole week")
    assert calm.metrics[1].comparisons[0].harm is not None
    assert not calm.metrics[1].comparisons[0].harm.rang
