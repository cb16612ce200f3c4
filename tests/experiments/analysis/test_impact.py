"""What shipping would bring over everyone, by hand."""

from dataclasses import replace

import pytest

from experiments.analysis.impact import (
    Reach,
    impacts,
    participating,
    trigger_rate,
)
from experiments.analysis.results import Unbiased
from experiments.analysis.scorecard import report
from experiments.design import MetricKind
from tests.experiments.analysis.designs import (
    arm_state,
    conversions,
    design,
    looked,
    metric,
    paid,
    state,
    taken,
)

WIN = paid((10_000, 400), (10_000, 480))
REACH = Reach(
    1, {"control": 10_000, "sixty": 10_000}, seen=50_000, monthly=30_000, days=30
)


def test_an_effect_is_diluted_by_those_who_never_meet_it() -> None:
    (found,) = impacts(WIN[0], looked(*WIN).metrics[0], REACH)
    assert found.trigger_rate == 0.4
    assert found.diluted_effect == pytest.approx(0.008 * 0.4)
    assert found.units_per_month == pytest.approx(12_000)
    assert found.per_month == pytest.approx(0.008 * 12_000)
    assert (found.note, found.unbiased) == ("", False)


def test_the_interval_is_that_of_the_reading_that_counts() -> None:
    primary = looked(*WIN).metrics[0]
    valid = primary.comparisons[0].valid
    assert valid is not None
    (found,) = impacts(WIN[0], primary, REACH)
    assert (found.low, found.high) == pytest.approx(
        (valid.low * 12_000, valid.high * 12_000)
    )


def test_after_an_early_stop_the_corrected_effect_counts() -> None:
    primary = looked(*WIN).metrics[0]
    stopped = replace(
        primary.comparisons[0], unbiased=Unbiased(2, 0.006, 0.001, 0.011, 0.02)
    )
    (found,) = impacts(WIN[0], replace(primary, comparisons=(stopped,)), REACH)
    assert found.unbiased
    assert (found.per_month, found.low, found.high) == pytest.approx((72, 12, 132))


def test_those_who_could_not_take_part_count_as_if_they_had() -> None:
    half = replace(
        WIN[0],
        coverage=0.5,
        eligibility={
            "layer": {"key": "l", "seed": "s", "ranges": [[0.0, 0.5], [0.6, 0.9]]},
            "holdouts": [{"key": "h", "seed": "s", "share": 0.1}],
        },
    )
    assert participating(half) == pytest.approx(0.5 * 0.8 * 0.9)
    assert trigger_rate(half, replace(REACH, seen=100_000)) == pytest.approx(0.2 / 0.36)
    assert trigger_rate(half, REACH) == 1.0


def test_a_short_log_says_how_much_of_the_month_it_knows() -> None:
    (found,) = impacts(WIN[0], looked(*WIN).metrics[0], replace(REACH, days=9))
    assert found.note == "the log knows 9 days of the month before the look"


def test_where_nobody_was_counted_nothing_is_said() -> None:
    primary = looked(*WIN).metrics[0]
    (unknown,) = impacts(WIN[0], primary, None)
    (imported,) = impacts(replace(WIN[0], imported=True), primary, REACH)
    (nobody,) = impacts(WIN[0], primary, replace(REACH, seen=0))
    assert unknown.per_month is imported.per_month is nobody.trigger_rate is None
    assert unknown.note
    assert imported.note


def test_a_ratio_has_no_total_over_units() -> None:
    ratio = replace(metric("price", kind=MetricKind.CADENCE), weeks=2)
    phase = design(ratio)
    found = state(
        phase,
        arm_state(ratio, "control", conversions(10_000, 400)),
        arm_state(ratio, "sixty", conversions(10_000, 480)),
    )
    (impact,) = impacts(phase, looked(phase, found).metrics[0], REACH)
    assert impact.trigger_rate == 0.4
    assert impact.per_month is None
    assert "do not add up" in impact.note


def test_before_a_look_there_is_no_impact() -> None:
    early = looked(*WIN, waiting_for="more units")
    assert impacts(WIN[0], early.metrics[0], REACH) == ()


def test_a_report_has_its_impact() -> None:
    found = report(*WIN, taken=taken(*WIN), waiting_for=None, reach=REACH)
    assert [each.arm for each in found.impact] == ["sixty"]
    assert found.health.arms[0].trigger_rate == 0.4
