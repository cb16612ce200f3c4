"""Differences as they were estimated, to be read at any confidence."""

from dataclasses import dataclass

from experiments.analysis.dealing import Held, dealt
from experiments.analysis.estimates import ArmEstimate, Reading, Relative
from experiments.design import MetricDesign
from experiments.events.state import Sums
from experiments.statistics import means, moments, proportions, ratios
from experiments.statistics.adjustment import Adjusted
from experiments.statistics.differences import (
    Difference,
    Method,
    normal_difference,
    student_difference,
)
from experiments.statistics.errors import StatisticsError
from experiments.statistics.evidence import normal_score
from experiments.statistics.proportions import Proportion
from experiments.statistics.relative import Lift, LiftStatus, fieller
from experiments.statistics.samples import Estimate, PairSample, Sample

USUAL = 0.95
"""Coverage at which an effect is estimated before it is read at another."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A difference with all that its interval needs, whatever the confidence."""

    method: Method
    value: float
    standard_error: float
    degrees: float | None
    control: Estimate
    treatment: Estimate
    covariance: float = 0.0
    counts: tuple[Proportion, Proportion] | None = None
    """Where the score test is read, whose interval is not so many standard errors."""
    accounts: tuple[Held, Held] | None = None
    """Where so few accounts are compared that they are dealt anew."""

    @property
    def n(self) -> int:
        """Units of both arms."""
        return self.control.n + self.treatment.n

    def difference(self, confidence: float) -> Difference:
        """The interval and the test.

        Raises:
            StatisticsError: It cannot be read at this confidence.
        """
        if self.counts is not None:
            return proportions.compare(*self.counts, confidence=confidence)
        if self.accounts is not None:
            return dealt(*self.accounts, confidence=confidence)
        if self.degrees is None:
            return normal_difference(
                self.value,
                self.standard_error,
                confidence=confidence,
                method=self.method,
            )
        return student_difference(
            self.value,
            self.standard_error,
            degrees=self.degrees,
            confidence=confidence,
            method=self.method,
        )

    def at(self, confidence: float) -> Reading:
        """The reading at a confidence; it says so where there is none."""
        arms = (shown(self.control), shown(self.treatment))
        try:
            found = self.difference(confidence)
        except StatisticsError as error:
            return Reading(*arms, unavailable=error.reason)
        return Reading(
            *arms,
            method=found.method,
            absolute=found.value,
            low=found.low,
            high=found.high,
            p_value=found.p_value,
            log_p_value=found.log_p_value,
            statistic=found.statistic,
            critical=found.critical,
            relative=self.relative(found.critical),
            standard_error=found.standard_error,
        )

    def relative(self, critical: float) -> Relative | None:
        """The lift at a critical value; None where there is no such value.

        Few conversions and few accounts are not compared by so many standard errors.
        """
        if self.counts is not None or self.accounts is not None:
            return None
        try:
            lift: Lift = fieller(
                self.control,
                self.treatment,
                critical=critical,
                covariance=self.covariance,
            )
        except StatisticsError:
            return Relative(LiftStatus.BASELINE_TOO_NOISY)
        return Relative(lift.status, lift.value, lift.low, lift.high)

    def score(self) -> float:
        """The statistic as a standard normal one has it, whatever its own tails."""
        return normal_score(self.difference(USUAL))


def effect_of(metric: MetricDesign, control: Sums, treatment: Sums) -> Effect:
    """The unadjusted difference of two arms.

    Raises:
        StatisticsError: They cannot be compared.
    """
    counts = None
    if metric.is_binary:
        pair = (Proportion(control.n, control.y), Proportion(treatment.n, treatment.y))
        found = proportions.compare(*pair, confidence=USUAL)
        counts = pair if found.method is Method.SCORE else None
    elif metric.is_ratio:
        found = ratios.delta(
            pair_of(metric, control), pair_of(metric, treatment), confidence=USUAL
        )
    else:
        found = means.welch(
            sample_of(metric, control), sample_of(metric, treatment), confidence=USUAL
        )
    return Effect(
        method=found.method,
        value=found.value,
        standard_error=found.standard_error,
        degrees=found.degrees,
        control=estimate_of(metric, control),
        treatment=estimate_of(metric, treatment),
        counts=counts,
    )


def effect_from(adjusted: Adjusted) -> Effect:
    """An adjusted difference."""
    found = adjusted.difference
    return Effect(
        method=found.method,
        value=found.value,
        standard_error=found.standard_error,
        degrees=found.degrees,
        control=adjusted.control,
        treatment=adjusted.treatment,
        covariance=adjusted.covariance,
    )


def arm_estimate(metric: MetricDesign, sums: Sums) -> ArmEstimate:
    """One arm alone, as far as it can be estimated."""
    try:
        return shown(estimate_of(metric, sums))
    except StatisticsError:
        return ArmEstimate(sums.n)


def shown(estimate: Estimate) -> ArmEstimate:
    """An estimate as a report holds it."""
    return ArmEstimate(estimate.n, estimate.value, estimate.standard_error)


def estimate_of(metric: MetricDesign, sums: Sums) -> Estimate:
    """One arm's mean or ratio.

    Raises:
        StatisticsError: It has too few units, or a denominator too near zero.
    """
    if metric.is_ratio:
        return ratios.ratio(pair_of(metric, sums))
    return sample_of(metric, sums).estimate()


def sample_of(metric: MetricDesign, sums: Sums) -> Sample:
    """The moments of a metric that is no ratio."""
    return moments.sample(n=sums.n, total=sums.y, squares=sums.yy, steps=steps(metric))


def pair_of(metric: MetricDesign, sums: Sums) -> PairSample:
    """The moments of a ratio's two parts."""
    return moments.pair_sample(
        n=sums.n,
        numerator=sums.y,
        numerator_squares=sums.yy,
        denominator=sums.d,
        denominator_squares=sums.dd,
        products=sums.yd,
        numerator_steps=metric.numerator_steps,
        denominator_steps=metric.denominator_steps,
    )


def steps(metric: MetricDesign) -> int:
    """Steps in one unit of the value."""
    return 1 if metric.is_binary else metric.numerator_steps
