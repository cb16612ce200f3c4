"""Which of three readings counts at a look."""

import math
from dataclasses import dataclass, replace

import pytest
from scipy import stats

from experiments.statistics.always_valid import asymptotic_sequence
from experiments.statistics.boundaries import boundary
from experiments.statistics.differences import (
    Difference,
    Method,
    normal_difference,
    student_difference,
)
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.evidence import (
    LARGEST,
    Evidence,
    LookReading,
    ValidMethod,
    normal_score,
    read_at_boundary,
    two_sided,
)
from experiments.statistics.repeated import repeated_p_value
from experiments.statistics.spending import Spending
from experiments.statistics.stagewise import Stagewise, stagewise

OBF = Spending.OBRIEN_FLEMING
TAKEN = boundary([0.5], spending=OBF, alpha=0.05)
CRITICAL = TAKEN.critical[-1] or math.inf


@dataclass(frozen=True, slots=True)
class Estimated:
    """An estimate with Student's tails, or with normal ones."""

    value: float
    standard_error: float = 0.1
    degrees: float | None = 1998.0

    def difference(self, confidence: float, /) -> Difference:
        if self.degrees is None:
            return normal_difference(
                self.value,
                self.standard_error,
                confidence=confidence,
                method=Method.NORMAL,
            )
        return student_difference(
            self.value,
            self.standard_error,
            degrees=self.degrees,
            confidence=confidence,
            method=Method.WELCH,
        )


def at_boundary(effect: Estimated) -> LookReading:
    """The reading, with the p-value that the same boundary gives."""
    p_value = repeated_p_value(
        normal_score(effect.difference(0.95)), TAKEN, spending=OBF, alpha=0.05
    )
    return read_at_boundary(effect, critical=CRITICAL, p_value=p_value)


def evidence(
    effect: Estimated, method: ValidMethod, *, stopped: Stagewise | None = None
) -> Evidence:
    always = asymptotic_sequence(
        effect.value, effect.standard_error, n=2000, planned=4000, alpha=0.05
    )
    fixed = effect.difference(0.95)
    return Evidence(fixed, at_boundary(effect), always, stopped, method, level=0.05)


EFFECT = Estimated(0.21)
FIXED = EFFECT.difference(0.95)


def test_each_method_counts_its_own_reading() -> None:
    found = {method: evidence(EFFECT, method).reading for method in ValidMethod}
    assert found[ValidMethod.FIXED_HORIZON].p_value == FIXED.p_value
    assert found[ValidMethod.HOLM] == found[ValidMethod.FIXED_HORIZON]
    assert found[ValidMethod.GROUP_SEQUENTIAL] == at_boundary(EFFECT)
    always = evidence(EFFECT, ValidMethod.ALWAYS_VALID).always_valid
    assert always is not None
    assert found[ValidMethod.ALWAYS_VALID].critical == always.critical


def test_an_early_look_is_wider_than_a_fixed_one() -> None:
    assert FIXED.p_value < 0.05
    reading = at_boundary(EFFECT)
    assert not reading.crossed
    assert reading.low < 0.0 < FIXED.low
    assert reading.p_value > 0.05
    at_its_own = replace(FIXED, p_value=2 * stats.t.sf(reading.critical, 1998.0))
    assert normal_score(at_its_own) == pytest.approx(CRITICAL, abs=1e-9)


@pytest.mark.parametrize("method", ValidMethod)
def test_interval_p_and_crossing_say_the_same(method: ValidMethod) -> None:
    for value in (0.0, 0.15, 0.21, 0.28, 0.35, 0.6, -0.6):
        reading = evidence(Estimated(value), method).reading
        outside = not reading.low <= 0.0 <= reading.high
        assert outside == reading.crossed == (reading.p_value <= 0.05)


def test_one_of_several_hypotheses_has_the_p_value_of_its_family() -> None:
    alone = evidence(EFFECT, ValidMethod.HOLM)
    shared = replace(alone, family_p_value=0.07)
    assert shared.reading == replace(alone.reading, p_value=0.07)
    assert shared.estimate == shared.reading


def test_after_a_stop_the_estimate_is_the_unbiased_one() -> None:
    plan = boundary([0.5, 1.0], spending=OBF, alpha=0.05)
    stop = stagewise(plan, look=2, statistic=3.0, standard_error=0.1, confidence=0.95)
    found = evidence(Estimated(0.35), ValidMethod.GROUP_SEQUENTIAL, stopped=stop)
    assert found.reading == at_boundary(Estimated(0.35))
    assert (found.estimate.value, found.estimate.low) == (stop.value, stop.low)
    assert (found.estimate.high, found.estimate.p_value) == (stop.high, stop.p_value)
    assert found.estimate.crossed


@pytest.mark.parametrize("statistic", [-3.0, 0.5, 2.5, 9.0])
def test_a_score_is_as_rare_as_its_statistic(statistic: float) -> None:
    for degrees in (3.0, 40.0, 1e7):
        found = Estimated(statistic, 1.0, degrees).difference(0.95)
        assert stats.norm.sf(normal_score(found)) == pytest.approx(
            stats.t.sf(statistic, degrees), rel=1e-9
        )
    plain = Estimated(statistic, 1.0, None).difference(0.95)
    assert normal_score(plain) == pytest.approx(statistic, rel=1e-12)


def test_a_score_ends_where_the_normal_tail_does() -> None:
    for value in (50.0, -50.0):
        found = Estimated(value, 1.0, None).difference(0.95)
        assert normal_score(found) == math.copysign(LARGEST, value)
    assert normal_score(Estimated(0.0).difference(0.95)) == 0.0


def test_few_degrees_of_freedom_widen_the_interval() -> None:
    few, many = (at_boundary(Estimated(0.3, 0.1, each)) for each in (20.0, None))
    assert few.critical > many.critical == pytest.approx(CRITICAL)
    assert few.p_value > many.p_value


@pytest.mark.parametrize("critical", [0.0, -1.0, math.nan, math.inf])
def test_an_impossible_boundary_is_refused(critical: float) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_at_boundary(EFFECT, critical=critical, p_value=0.5)
    assert caught.value.argument == "critical"


def test_a_confidence_is_that_of_its_critical_value() -> None:
    for confidence in (0.5, 0.95, 0.999):
        critical = float(stats.norm.isf((1 - confidence) / 2))
        assert two_sided(critical) == pytest.approx(confidence, rel=1e-12)


@pytest.mark.parametrize(
    "method", [ValidMethod.GROUP_SEQUENTIAL, ValidMethod.ALWAYS_VALID]
)
def test_a_method_without_its_reading_is_refused(method: ValidMethod) -> None:
    with pytest.raises(InvalidArgument, match=method.value):
        Evidence(FIXED, None, None, None, method, level=0.05)
