"""Effects by level: one pass, one family, and what may be read of few units."""

from dataclasses import replace

import pytest

from experiments.analysis.labels import Family, HorizonState, Registration, ValidMethod
from experiments.analysis.many import read_many
from experiments.analysis.readings import read
from experiments.analysis.segments import segment_results
from experiments.design import MetricDesign, MetricKind, MetricRole, PhaseDesign
from experiments.events.state import PhaseState, SegmentState, Sums
from experiments.plan import Dimension
from experiments.statistics.differences import Method
from tests.experiments.analysis.designs import (
    arm_state,
    conversions,
    design,
    metric,
    planned,
    state,
    taken,
)

PAID = metric("paid")
SPEND = metric("spend", kind=MetricKind.SUM, role=MetricRole.SECONDARY)
PLAN = Dimension("country", "country", ("FR", "DE"))

LEVELS = {
    "FR": ((4_000, 160), (4_000, 260)),
    "DE": ((4_000, 160), (4_000, 150)),
    "other": ((60, 20), (60, 30)),
}


def level(
    measured: MetricDesign, arm: str, name: str, sums: Sums, dimension: str = "country"
) -> SegmentState:
    """One level of one dimension."""
    return SegmentState(
        arm=arm,
        metric_id=measured.metric_id,
        dimension=dimension,
        level=name,
        raw=sums,
        capped=None,
        nonzero=min(sums.n, sums.y),
    )


def by_country() -> tuple[PhaseDesign, PhaseState]:
    """Paid conversion in three levels; in one of them few units."""
    phase = planned(design(PAID), dimensions=(PLAN,))
    segments = tuple(
        level(PAID, arm, name, conversions(*counts))
        for name, pair in LEVELS.items()
        for arm, counts in zip(("control", "sixty"), pair, strict=True)
    )
    found = state(
        phase,
        arm_state(PAID, "control", conversions(8_060, 340)),
        arm_state(PAID, "sixty", conversions(8_060, 440)),
    )
    return phase, replace(found, segments=segments)


def test_every_level_is_read_and_the_effects_are_compared_with_each_other() -> None:
    phase, found = by_country()
    (result,) = segment_results(phase, taken(phase, found))[PAID.metric_id]
    assert [each.level for each in result.levels] == ["FR", "DE", "other"]
    assert result.registration is Registration.REGISTERED
    assert result.heterogeneity is not None
    assert result.heterogeneity.degrees == 1
    assert result.heterogeneity.p_value < 0.01


def test_levels_share_one_family_and_few_units_are_left_out() -> None:
    phase, found = by_country()
    (result,) = segment_results(phase, taken(phase, found))[PAID.metric_id]
    france, germany, other = result.levels
    assert france.adjusted is not None
    assert germany.adjusted is not None
    assert france.adjusted.family is Family.SEGMENT
    assert france.adjusted.size == 2
    assert france.reading.p_value is not None
    assert france.adjusted.p_value == pytest.approx(2 * france.reading.p_value)
    assert france.adjusted.rejected
    assert not germany.adjusted.rejected
    assert other.adjusted is None
    assert "60 units of the 100" in (other.unavailable or "")


def test_before_the_horizon_levels_hold_at_every_look() -> None:
    phase, found = by_country()
    early = taken(phase, found, horizons=(HorizonState.BEFORE,))
    (result,) = segment_results(phase, early)[PAID.metric_id]
    france = result.levels[0]
    assert france.valid is not None
    assert france.valid.method is ValidMethod.ALWAYS_VALID
    assert france.reading.low is not None
    assert france.valid.low < france.reading.low


def test_other_metrics_are_explored() -> None:
    phase, found = by_country()
    both = replace(phase, metrics=(PAID, SPEND))
    sums = Sums(n=500, y=500 * 10**6, yy=900 * 10**12)
    segments = tuple(level(SPEND, arm, "FR", sums) for arm in ("control", "sixty"))
    found = replace(
        found,
        metrics=(
            *found.metrics,
            arm_state(SPEND, "control", sums),
            arm_state(SPEND, "sixty", sums),
        ),
        segments=(*found.segments, *segments),
    )
    (result,) = segment_results(both, taken(both, found))[SPEND.metric_id]
    assert result.registration is Registration.EXPLORATORY
    assert result.levels[0].adjusted is None
    assert result.heterogeneity is None


def test_many_comparisons_are_each_what_one_would_be() -> None:
    value = metric("value", kind=MetricKind.MEAN)
    pair = Sums(
        n=400, y=900 * 10**6, yy=4_000 * 10**12, d=800, dd=1_900, yd=2_100 * 10**6
    )
    more = replace(pair, y=950 * 10**6)
    pairs = [
        (PAID, conversions(400, 60), conversions(420, 90)),
        (value, pair, more),
        (SPEND, Sums(300, 10**9, 10**16), Sums(310, 2 * 10**9, 2 * 10**16)),
        (PAID, conversions(400, 3), conversions(420, 9)),
        (SPEND, Sums(), Sums(1, 5, 25)),
        (PAID, conversions(0, 0), conversions(420, 9)),
    ]
    for found, (measured, control, treatment) in zip(
        read_many(pairs, confidence=0.95), pairs, strict=True
    ):
        alone = read(measured, control, treatment, confidence=0.95)
        assert found.method is alone.method
        assert (found.unavailable is None) == (alone.unavailable is None)
        if found.low is not None:
            assert found.low == pytest.approx(alone.low, rel=1e-9, abs=1e-9)
            assert found.p_value == pytest.approx(alone.p_value, rel=1e-6)
    assert read_many(pairs, confidence=0.95)[3].method is Method.SCORE
