"""Verdicts from intervals, and a recommendation from all verdicts."""

from dataclasses import replace

import pytest

from experiments.analysis.results import (
    GuardrailOutcome,
    Outcome,
    Report,
    Valid,
    ValidMethod,
    Verdict,
)
from experiments.analysis.verdicts import judge, shortage
from experiments.design import Direction, MetricKind, MetricRole, UnitKind
from experiments.events.state import Sums
from experiments.statistics.differences import Method
from experiments.statistics.relative import LiftStatus
from tests.experiments.analysis.designs import (
    HUNDRED,
    SIXTY,
    arm,
    arm_state,
    conversions,
    design,
    looked,
    metric,
    paid,
    state,
)


def interval(low: float, high: float) -> Valid:
    """A valid reading with these ends."""
    return Valid(ValidMethod.FIXED_HORIZON, low, high, p_value=0.5, critical=1.96)


@pytest.mark.parametrize(
    ("low", "high", "direction", "effect", "verdict"),
    [
        (0.1, 0.3, Direction.INCREASE, 0.5, Verdict.WIN),
        (0.1, 0.3, Direction.DECREASE, 0.5, Verdict.LOSS),
        (-0.3, -0.1, Direction.INCREASE, 0.5, Verdict.LOSS),
        (-0.3, -0.1, Direction.DECREASE, 0.5, Verdict.WIN),
        (-0.3, 0.3, Direction.INCREASE, 0.5, Verdict.FLAT),
        (-0.5, 0.3, Direction.INCREASE, 0.5, Verdict.NOT_ENOUGH_DATA),
        (-0.3, 0.6, Direction.INCREASE, 0.5, Verdict.NOT_ENOUGH_DATA),
        (-0.3, 0.3, Direction.INCREASE, None, Verdict.NOT_ENOUGH_DATA),
    ],
)
def test_one_interval_has_one_verdict(
    low: float, high: float, direction: Direction, effect: float | None, verdict: str
) -> None:
    assert judge(interval(low, high), direction, effect)[0] is verdict


@pytest.mark.parametrize(
    ("unit", "n", "successes", "reason"),
    [
        (UnitKind.USER, 99, 50, "99 units of the 100"),
        (UnitKind.ACCOUNT, 39, 20, "39 units of the 40"),
        (UnitKind.USER, 400, 9, "9 conversions of 10"),
        (UnitKind.USER, 400, 391, "9 units without one, of 10"),
        (UnitKind.ACCOUNT, 40, 20, None),
        (UnitKind.USER, 100, 10, None),
    ],
)
def test_a_verdict_needs_units_and_events_in_each_arm(
    unit: UnitKind, n: int, successes: int, reason: str | None
) -> None:
    converted = metric("paid")
    found = shortage(
        converted, unit, [arm_state(converted, "sixty", conversions(n, successes))]
    )
    assert found is None if reason is None else reason in (found or "")


def test_a_mean_needs_ten_units_with_a_value() -> None:
    spend = metric("spend", kind=MetricKind.SUM)
    thin = arm_state(spend, "sixty", Sums(n=500, y=9, yy=9), nonzero=9)
    assert "9 units with a value" in (shortage(spend, UnitKind.USER, [thin]) or "")


@pytest.mark.parametrize(
    ("sixty", "outcome", "verdict"),
    [
        (480, Outcome.SHIP, Verdict.WIN),
        (320, Outcome.DONT_SHIP, Verdict.LOSS),
        (400, Outcome.NO_MEANINGFUL_DIFFERENCE, Verdict.FLAT),
        (445, Outcome.INCONCLUSIVE, Verdict.NOT_ENOUGH_DATA),
    ],
)
def test_the_primary_metric_decides(
    sixty: int, outcome: Outcome, verdict: Verdict
) -> None:
    report = looked(*paid((10_000, 400), (10_000, sixty)))
    assert report.recommendation.outcome is outcome
    assert report.verdict is verdict


def test_before_the_look_nothing_is_concluded() -> None:
    phase, found = paid((10_000, 400), (10_000, 900))
    report = looked(phase, found, waiting_for="a whole week")
    (comparison,) = report.metrics[0].comparisons
    assert report.recommendation.outcome is Outcome.KEEP_RUNNING
    assert report.recommendation.reasons == ("a whole week",)
    assert comparison.verdict is Verdict.NOT_ENOUGH_DATA
    assert comparison.valid is None
    assert comparison.raw.p_value is None


@pytest.mark.parametrize("waiting_for", [None, "a whole week"])
def test_a_broken_split_is_invalid_before_and_after_the_look(
    waiting_for: str | None,
) -> None:
    phase, found = paid((10_000, 400), (12_000, 900))
    report = looked(phase, found, waiting_for=waiting_for)
    assert report.verdict is Verdict.INVALID
    assert report.recommendation.outcome is Outcome.INVALID
    assert {c.verdict for m in report.metrics for c in m.comparisons} == {
        Verdict.INVALID
    }


@pytest.mark.parametrize(
    ("sixty", "outcome"),
    [
        (4_700, GuardrailOutcome.HARMED),
        (5_000, GuardrailOutcome.UNRESOLVED),
        (5_300, GuardrailOutcome.SAFE),
    ],
)
def test_a_guardrail_without_a_margin_is_safe_only_by_a_gain(
    sixty: int, outcome: GuardrailOutcome
) -> None:
    kept = metric("kept", role=MetricRole.GUARDRAIL)
    phase = design(metric("paid"), kept)
    found = state(
        phase,
        arm_state(phase.primary, "control", conversions(10_000, 400)),
        arm_state(phase.primary, "sixty", conversions(10_000, 480)),
        arm_state(kept, "control", conversions(10_000, 5_000)),
        arm_state(kept, "sixty", conversions(10_000, sixty)),
    )
    report = looked(phase, found)
    assert report.metrics[1].comparisons[0].guardrail is outcome
    blocked = outcome is GuardrailOutcome.HARMED
    expected = Outcome.DONT_SHIP if blocked else Outcome.SHIP
    assert report.recommendation.outcome is expected


ARMS = (HUNDRED, SIXTY, arm("forty", "40 reports"))


def three(sixty: int, forty: int) -> Report:
    """What comes of two treatment arms beside a control of 400."""
    phase = design(arms=ARMS)
    found = state(
        phase,
        arm_state(phase.primary, "control", conversions(10_000, 400)),
        arm_state(phase.primary, "sixty", conversions(10_000, sixty)),
        arm_state(phase.primary, "forty", conversions(10_000, forty)),
    )
    return looked(phase, found)


def test_several_arms_share_one_error_rate() -> None:
    alone = looked(*paid((10_000, 400), (10_000, 459))).metrics[0].comparisons[0]
    together = three(459, 405).metrics[0].comparisons[0]
    assert alone.verdict is Verdict.WIN
    assert together.verdict is Verdict.NOT_ENOUGH_DATA
    assert alone.valid is not None
    assert together.valid is not None
    assert together.valid.method is ValidMethod.HOLM
    assert together.valid.p_value == pytest.approx(2 * alone.valid.p_value)
    assert together.valid.low < 0 < alone.valid.low
    assert together.raw.p_value == alone.raw.p_value


def test_the_best_winner_is_the_one_to_ship() -> None:
    recommendation = three(500, 520).recommendation
    assert (recommendation.outcome, recommendation.arm) == (Outcome.SHIP, "forty")


@pytest.mark.parametrize(
    ("sixty", "forty", "outcome"),
    [
        (300, 310, Outcome.DONT_SHIP),
        (300, 400, Outcome.NO_MEANINGFUL_DIFFERENCE),
        (300, 450, Outcome.INCONCLUSIVE),
    ],
)
def test_without_a_winner_every_arm_has_a_say(
    sixty: int, forty: int, outcome: Outcome
) -> None:
    assert three(sixty, forty).recommendation.outcome is outcome


def test_an_arm_that_cannot_be_read_is_not_a_winner() -> None:
    phase = design(metric("spend", kind=MetricKind.SUM), arms=ARMS)
    flat = Sums(n=200, y=0, yy=0)
    found = state(
        phase,
        *(arm_state(phase.primary, key, flat) for key in ("control", "sixty", "forty")),
    )
    report = looked(phase, found)
    assert report.recommendation.outcome is Outcome.INCONCLUSIVE
    comparison = report.metrics[0].comparisons[0]
    assert comparison.raw.unavailable == "no unit differs from another in either arm"
    assert comparison.valid is None


def test_few_conversions_are_read_by_the_score_test_without_a_lift() -> None:
    phase, found = paid((400, 3), (400, 9))
    (comparison,) = looked(phase, found).metrics[0].comparisons
    assert comparison.raw.method is Method.SCORE
    assert comparison.raw.relative is None
    assert comparison.verdict is Verdict.NOT_ENOUGH_DATA


def test_a_ratio_is_read_by_the_delta_method() -> None:
    value = metric("value", kind=MetricKind.MEAN, unit="EUR")
    phase = design(value)
    rows = [(3, 2), (8, 4), (5, 2), (9, 6)] * 50

    def sums(extra: int) -> Sums:
        pairs = [(y + extra, d) for y, d in rows]
        return Sums(
            n=len(pairs),
            y=sum(y for y, _ in pairs),
            yy=sum(y * y for y, _ in pairs),
            d=sum(d for _, d in pairs),
            dd=sum(d * d for _, d in pairs),
            yd=sum(y * d for y, d in pairs),
        )

    found = state(
        phase,
        arm_state(value, "control", sums(0)),
        arm_state(value, "sixty", sums(1)),
    )
    (comparison,) = looked(phase, found).metrics[0].comparisons
    assert comparison.raw.method is Method.DELTA
    assert comparison.raw.control.mean == pytest.approx(25 / 14)
    assert comparison.raw.treatment.mean == pytest.approx(29 / 14)
    assert comparison.raw.relative is not None
    assert comparison.raw.relative.status is LiftStatus.BOUNDED


def test_the_capped_reading_decides_and_the_raw_one_stays_beside_it() -> None:
    spend = metric("spend", kind=MetricKind.SUM, cap=50 * 10**6)
    phase = design(spend)

    def sums(values: list[int]) -> Sums:
        steps = [v * 10**6 for v in values]
        return Sums(n=len(steps), y=sum(steps), yy=sum(v * v for v in steps))

    whale = [10_000_000]
    control, sixty = [20, 30] * 100, [25, 35] * 99 + [25]
    found = state(
        phase,
        arm_state(
            spend,
            "control",
            sums([*control[:-1], *whale]),
            capped=sums([*control[:-1], 50]),
        ),
        arm_state(spend, "sixty", sums([*sixty, 35]), capped=sums([*sixty, 35])),
    )
    (comparison,) = looked(phase, found).metrics[0].comparisons
    assert comparison.raw.absolute is not None
    assert comparison.raw.absolute < 0
    assert comparison.decisive.absolute is not None
    assert comparison.decisive.absolute > 0
    assert comparison.verdict is Verdict.WIN
    assert looked(phase, found).metrics[0].cap == 50.0


def test_a_metric_without_any_unit_yet_does_not_stop_the_others() -> None:
    spend = metric("spend", kind=MetricKind.SUM, role=MetricRole.SECONDARY, cap=9)
    phase, found = paid((10_000, 400), (10_000, 480))
    phase = replace(phase, metrics=(*phase.metrics, spend))
    report = looked(phase, found)
    assert report.recommendation.outcome is Outcome.SHIP
    (comparison,) = report.metrics[1].comparisons
    assert comparison.capped is not None
    assert comparison.capped.unavailable == "there are no units yet"
