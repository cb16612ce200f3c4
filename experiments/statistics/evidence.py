"""One comparison read three ways, and which of them counts at this look."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from scipy.special import ndtr, ndtri

from experiments.statistics.always_valid import ConfidenceSequence
from experiments.statistics.checks import positive
from experiments.statistics.differences import Difference
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.stagewise import Stagewise

LARGEST = 37.0
"""A standard normal beyond this has no tail that a number can hold."""

SMALLEST = 1e-300


class ValidMethod(StrEnum):
    """Which rule makes a reading valid at its look."""

    FIXED_HORIZON = "FIXED_HORIZON"
    HOLM = "HOLM"
    GROUP_SEQUENTIAL = "GROUP_SEQUENTIAL"
    ALWAYS_VALID = "ALWAYS_VALID"


class Readable(Protocol):
    """A difference that was estimated, to be read at any confidence."""

    def difference(self, confidence: float, /) -> Difference:
        """The interval and the test at a confidence.

        Raises:
            StatisticsError: It cannot be read at this confidence.
        """
        ...


@dataclass(frozen=True, slots=True)
class LookReading:
    """An interval and a p-value under one rule.

    Attributes:
        value: The estimate.
        low: Lower end of the interval.
        high: Upper end of the interval.
        p_value: In (0, 1].
        critical: Critical value of the statistic at this look, for Fieller's interval;
            above 0.
        crossed: Whether the statistic reached it.
    """

    value: float
    low: float
    high: float
    p_value: float
    critical: float
    crossed: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """The readings of one comparison at one look, and which of them counts.

    Attributes:
        fixed: The fixed-horizon reading: true if this were the only look. Under HOLM it
            is drawn at the level at which the hypothesis was judged.
        group_sequential: The reading under the boundary; None without one, or where the
            look may not reject.
        always_valid: The reading that needs no plan; None where none was asked for.
        stopped: The estimate after the boundary's stop; None before.
        valid: Which of them holds at this look.
        level: Two-sided error rate that the valid interval keeps, in (0, 1); over all
            looks where there are several.
        family_p_value: The p-value among hypotheses that share the error rate, in
            (0, 1]; None for one that stands alone.

    Raises:
        InvalidArgument: The reading that is to hold is missing.
    """

    fixed: Difference
    group_sequential: LookReading | None
    always_valid: ConfidenceSequence | None
    stopped: Stagewise | None
    valid: ValidMethod
    level: float
    family_p_value: float | None = None

    def __post_init__(self) -> None:
        """Refuse a name without its reading."""
        wanted = {
            ValidMethod.GROUP_SEQUENTIAL: self.group_sequential,
            ValidMethod.ALWAYS_VALID: self.always_valid,
        }
        if wanted.get(self.valid, self.fixed) is None:
            raise InvalidArgument("valid", f"there is no {self.valid.value} reading")

    @property
    def reading(self) -> LookReading:
        """The reading that counts for the verdict."""
        found = self._of_method()
        if self.family_p_value is None:
            return found
        return replace(found, p_value=self.family_p_value)

    @property
    def estimate(self) -> LookReading:
        """What to expect of the change: after a stop the median-unbiased estimate.

        The stop itself made the plain one too large.
        """
        if self.stopped is None:
            return self.reading
        return replace(
            self.reading,
            value=self.stopped.value,
            low=self.stopped.low,
            high=self.stopped.high,
            p_value=self.stopped.p_value,
        )

    def _of_method(self) -> LookReading:
        if self.valid is ValidMethod.ALWAYS_VALID and self.always_valid is not None:
            found = self.always_valid
            outside = not found.low <= 0.0 <= found.high
            return LookReading(
                value=found.value,
                low=found.low,
                high=found.high,
                p_value=found.p_value,
                critical=found.critical,
                crossed=outside,
            )
        if self.valid is ValidMethod.GROUP_SEQUENTIAL and self.group_sequential:
            return self.group_sequential
        return _plain(self.fixed, self.fixed.p_value)


def read_at_boundary(
    effect: Readable, *, critical: float, p_value: float
) -> LookReading:
    """Read an estimate at a look's boundary: the repeated interval.

    Its ends are those of the interval whose test has the boundary as its critical
    value, so that it excludes 0 exactly where the boundary is crossed.

    Args:
        effect: The estimate.
        critical: The boundary at this look, as a standard normal statistic, above 0.
        p_value: The repeated p-value; see `repeated_p_value`.

    Raises:
        StatisticsError: It cannot be read so far out.
        InvalidArgument: `critical` is not above 0 and finite.

    Reference:
        C. Jennison, B. W. Turnbull (1989), "Interim analyses: the repeated confidence
        interval approach", Journal of the Royal Statistical Society B 51.
    """
    return _plain(effect.difference(two_sided(critical)), p_value)


def two_sided(critical: float) -> float:
    """The confidence whose normal critical value this is.

    Raises:
        InvalidArgument: It is not above 0 and finite.

    Example:
        >>> round(two_sided(1.959964), 6)
        0.95
    """
    return 1.0 - 2.0 * float(ndtr(-positive("critical", critical)))


def normal_score(found: Difference) -> float:
    """The standard normal statistic that is as rare as this difference.

    Whatever the test's own tails are, its boundary is drawn in these.

    Args:
        found: A difference, read at any confidence.

    Returns:
        The score, with the difference's sign, of at most 37: beyond it a standard
        normal has no tail that a number can hold.

    Reference:
        C. Jennison, B. W. Turnbull (2000), "Group sequential methods", section 4.4: the
        significance level approach to Student's t.
    """
    if found.p_value < SMALLEST:
        return math.copysign(LARGEST, found.value)
    size = -float(ndtri(found.p_value / 2.0))
    return math.copysign(min(max(size, 0.0), LARGEST), found.value)


def _plain(found: Difference, p_value: float) -> LookReading:
    return LookReading(
        value=found.value,
        low=found.low,
        high=found.high,
        p_value=p_value,
        critical=found.critical,
        crossed=abs(found.statistic) >= found.critical,
    )
