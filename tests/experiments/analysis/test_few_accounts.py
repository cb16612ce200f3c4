"""Fewer than forty accounts in an arm are judged by dealing them anew."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.analysis.dealing import DEALS, SEED, accounts_of, dealt, held
from experiments.analysis.documents import effect_document, effect_of_document
from experiments.analysis.effects import Effect
from experiments.analysis.inputs import look_hash
from experiments.analysis.labels import HorizonState, ValidMethod, Verdict
from experiments.analysis.looks import DueLook, waiting_for
from experiments.analysis.results import Comparison
from experiments.analysis.scorecard import report
from experiments.analysis.taken import Kept, Line, Taken
from experiments.analysis.taking import take
from experiments.analysis.units import measure, metrics_by_unit
from experiments.design import (
    MetricDesign,
    MetricKind,
    MetricRole,
    PhaseDesign,
    UnitKind,
)
from experiments.events.state import ArmMetricState, PhaseState, Sums
from experiments.events.study_units import ALONE, UnitValues
from experiments.plan import StoppingRule
from experiments.statistics.clusters import bell_mccaffrey
from experiments.statistics.differences import Method
from experiments.statistics.evidence import two_sided
from experiments.statistics.permutation import permute_accounts
from tests.experiments.analysis.designs import arm_state, design, metric, planned, state

Table = NDArray[np.int64]
PER_MEMBER = metric("reports", kind=MetricKind.RATIO)
REPORTS = metric("reports", kind=MetricKind.COUNT)


def accounts(seed: int, n: int, more: int = 0) -> Table:
    """Reports and members of each account; some have many."""
    draw = np.random.default_rng(seed)
    members = 1 + draw.poisson(draw.gamma(1.5, 4.0, n))
    return np.column_stack([draw.poisson((4 + more) * members), members])


def arm_of(measured: MetricDesign, key: str, rows: Table) -> ArmMetricState:
    y, d = (rows[:, column].astype(object) for column in (0, 1))
    raw = Sums(n=len(rows), y=y.sum(), yy=y @ y)
    if measured.is_ratio:
        raw = replace(raw, d=d.sum(), dd=d @ d, yd=y @ d)
    return arm_state(measured, key, raw, nonzero=int((rows[:, 0] > 0).sum()))


def read(
    control: Table,
    treatment: Table,
    *,
    measured: MetricDesign = PER_MEMBER,
    stopping: StoppingRule = StoppingRule.FIXED_HORIZON,
) -> tuple[PhaseDesign, PhaseState, dict[str, Effect]]:
    """A phase, its state, and what was read of its accounts."""
    phase = design(measured, unit=UnitKind.ACCOUNT, planned_units=60)
    phase = planned(phase, stopping=stopping)
    found = state(
        phase,
        arm_of(measured, "control", control),
        arm_of(measured, "sixty", treatment),
    )
    assert metrics_by_unit(phase, found) == (measured,)
    both = np.concatenate([control, treatment])
    zero = np.zeros(len(both), dtype=np.int64)
    rows = UnitValues(
        arms=("control", "sixty"),
        ids=np.array([f"a{i}" for i in range(len(both))]),
        arm=np.repeat([0, 1], [len(control), len(treatment)]).astype(np.int64),
        exposed_at=zero,
        y=both[:, 0],
        d=both[:, 1] if measured.is_ratio else zero,
        capped_y=both[:, 0],
        x=zero,
        w=zero,
        m=zero,
        accounts=(),
        cluster=np.full(len(both), ALONE, dtype=np.int64),
    )
    return phase, found, measure(phase, measured, rows)


def looked(
    phase: PhaseDesign,
    found: PhaseState,
    effects: dict[str, Effect],
    horizon: HorizonState = HorizonState.AT,
) -> tuple[Comparison, Line]:
    kept = Kept.of(found, {(phase.primary.metric_id, k): e for k, e in effects.items()})
    due = DueLook(1, found.watermark, horizon)
    lines = take(phase, found, kept, (), due=due, at=found.watermark)
    text = report(phase, found, taken=Taken(lines, {1: kept}), waiting_for=None)
    return text.metrics[0].comparisons[0], lines[0]


@pytest.mark.parametrize("measured", [PER_MEMBER, REPORTS], ids=["per member", "each"])
def test_a_clear_effect_among_few_accounts_is_a_verdict(measured: MetricDesign) -> None:
    control, treatment = accounts(1, 24), accounts(2, 28, more=4)
    phase, found, effects = read(control, treatment, measured=measured)
    comparison, _ = looked(phase, found, effects)
    assert comparison.verdict is Verdict.WIN
    assert comparison.valid is not None
    assert comparison.valid.method is ValidMethod.FIXED_HORIZON
    assert comparison.decisive.method is Method.PERMUTATION
    assert comparison.decisive.relative is None
    assert comparison.adjustment is not None
    assert comparison.adjustment.note.startswith("so few accounts")
    effect = effects["sixty"]
    assert effect.accounts is not None
    pair = [accounts_of(each) for each in effect.accounts]
    alone = permute_accounts(
        pair[0], pair[1], confidence=0.95, draws=DEALS, seed=SEED + 1
    )
    assert comparison.valid.p_value == pytest.approx(alone.p_value, abs=0.005)
    assert comparison.valid.low == pytest.approx(alone.low, rel=0.1)
    plain = bell_mccaffrey(pair[0], pair[1], confidence=0.95)
    assert comparison.decisive.absolute == pytest.approx(plain.value)


def test_few_accounts_without_an_effect_conclude_nothing() -> None:
    comparison, _ = looked(*read(accounts(3, 24), accounts(4, 28)))
    assert comparison.verdict is Verdict.NOT_ENOUGH_DATA
    assert comparison.valid is not None
    assert comparison.valid.low < 0 < comparison.valid.high
    assert comparison.valid.p_value > 0.05


def test_swapping_the_arms_swaps_the_sign_alone() -> None:
    control, treatment = accounts(5, 22), accounts(6, 30, more=1)
    there = read(control, treatment)[2]["sixty"].difference(0.95)
    back = read(treatment, control)[2]["sixty"].difference(0.95)
    assert (back.value, back.low, back.high) == (-there.value, -there.high, -there.low)
    assert (back.p_value, back.statistic) == (there.p_value, -there.statistic)


def test_whose_accounts_they_are_does_not_matter() -> None:
    control, treatment = accounts(5, 22), accounts(6, 30, more=1)
    shuffled = np.random.default_rng(1).permutation(treatment)
    assert read(control, treatment)[2] == read(control, shuffled)[2]


def test_what_a_look_keeps_gives_the_same_answer_again() -> None:
    phase, found, effects = read(accounts(1, 12), accounts(2, 14, more=4))
    again = effect_of_document(effect_document(effects["sixty"]))
    assert again == effects["sixty"]
    assert again.difference(0.9) == effects["sixty"].difference(0.9)
    key = (phase.primary.metric_id, "sixty")
    kept = Kept.of(found, {key: again})
    assert again.accounts is not None
    moved = replace(again, accounts=(again.accounts[1], again.accounts[0]))
    other = Kept.of(found, {key: moved})
    assert look_hash(phase, phase.primary, kept, "sixty") != look_hash(
        phase, phase.primary, other, "sixty"
    )


def test_without_the_accounts_themselves_forty_are_needed() -> None:
    phase, found, _ = read(accounts(1, 24), accounts(2, 28, more=4))
    comparison, line = looked(phase, found, {})
    assert comparison.valid is None
    assert comparison.reason == "control has 24 units of the 40 it needs"
    assert line.boundary is None


def test_ten_accounts_in_each_arm_are_the_least() -> None:
    phase, found, effects = read(accounts(1, 9), accounts(2, 28, more=9))
    comparison, _ = looked(phase, found, effects)
    assert comparison.valid is None
    assert comparison.reason == "control has 9 units of the 10 it needs"
    daily = planned(phase)
    assert waiting_for(daily, found) == "control has 9 units of the 10 it needs"


@pytest.mark.parametrize("more", [1, 2, 4, 9])
@pytest.mark.parametrize("horizon", [HorizonState.BEFORE, HorizonState.AT])
def test_at_a_boundary_crossing_and_interval_say_the_same(
    more: int, horizon: HorizonState
) -> None:
    phase, found, effects = read(
        accounts(1, 24),
        accounts(2, 28, more=more),
        stopping=StoppingRule.OBRIEN_FLEMING,
    )
    comparison, line = looked(phase, found, effects, horizon)
    assert line.boundary is not None
    valid = comparison.valid
    if valid is None:
        assert not line.crossed
        return
    assert valid.method is ValidMethod.GROUP_SEQUENTIAL
    assert line.crossed == (not valid.low <= 0.0 <= valid.high)
    assert (comparison.verdict is Verdict.WIN) == line.crossed
    at_boundary = effects["sixty"].difference(two_sided(line.boundary))
    assert (valid.low, valid.high) == (at_boundary.low, at_boundary.high)


def test_before_the_horizon_other_metrics_wait_for_forty_accounts() -> None:
    phase, _, effects = read(accounts(1, 24), accounts(2, 28, more=4))
    paid = replace(PER_MEMBER, role=MetricRole.SECONDARY)
    primary = replace(REPORTS, key="other", metric_id=phase.environment_id)
    both = replace(phase, metrics=(primary, paid), plan=planned(phase).plan)
    found = state(
        both,
        *(arm_of(each, "control", accounts(1, 24)) for each in both.metrics),
        *(arm_of(each, "sixty", accounts(2, 28, more=4)) for each in both.metrics),
    )
    kept = Kept.of(found, {(paid.metric_id, "sixty"): effects["sixty"]})
    for horizon, verdict in (
        (HorizonState.BEFORE, Verdict.NOT_ENOUGH_DATA),
        (HorizonState.AT, Verdict.WIN),
    ):
        due = DueLook(1, found.watermark, horizon)
        lines = take(both, found, kept, (), due=due, at=found.watermark)
        text = report(both, found, taken=Taken(lines, {1: kept}), waiting_for=None)
        assert text.metrics[1].comparisons[0].verdict is verdict


def test_equal_accounts_are_no_difference_and_no_crash() -> None:
    flat = np.column_stack([np.full(12, 3), np.full(12, 1)])
    phase, found, effects = read(flat, flat)
    assert effects == {}
    comparison, _ = looked(phase, found, effects)
    assert comparison.decisive.unavailable is not None


def test_no_interval_is_drawn_where_no_deal_is_that_rare() -> None:
    _, _, effects = read(accounts(1, 12), accounts(2, 14, more=60))
    effect = effects["sixty"]
    assert effect.accounts is not None
    found = dealt(*effect.accounts, confidence=0.95)
    assert found.p_value == 2.0 / DEALS
    assert effect.at(1.0 - 1e-5).unavailable is not None
    assert held(accounts_of(effect.accounts[0])) == effect.accounts[0]
