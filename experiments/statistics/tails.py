"""P-values far out in a tail, where ordinary numbers end at zero."""

import math
import sys
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import betaln, log_ndtr


@dataclass(frozen=True, slots=True)
class Tail:
    """A p-value and its natural logarithm.

    Attributes:
        p_value: In (0, 1]; 2.2e-308 stands for anything smaller.
        log_p_value: Its logarithm, right however small p is.
    """

    SAFE: ClassVar[float] = 1e-290

    p_value: float
    log_p_value: float

    @classmethod
    def of(cls, p_value: float) -> "Tail":
        """Wrap a p-value that is large enough to be written as a number."""
        bounded = cls.floored(p_value)
        return cls(p_value=bounded, log_p_value=math.log(bounded))

    @staticmethod
    def floored(p_value: float) -> float:
        """Return `p_value`, kept within (0, 1]."""
        return min(max(p_value, sys.float_info.min), 1.0)

    @classmethod
    def of_log(cls, log_p_value: float) -> "Tail":
        """Wrap the logarithm of a p-value."""
        bounded = min(log_p_value, 0.0)
        return cls(p_value=cls.floored(math.exp(bounded)), log_p_value=bounded)


def normal_tail(statistic: float) -> Tail:
    """Two-sided p-value of a standard normal statistic.

    Example:
        >>> round(normal_tail(-1.959964).p_value, 6)
        0.05
        >>> round(normal_tail(100.0).log_p_value, 1)
        -5004.8
    """
    return Tail.of_log(math.log(2.0) + float(log_ndtr(-abs(statistic))))


def log_student_tail(statistic: float, degrees: float) -> float:
    """Logarithm of the upper tail of Student's t, for a statistic far above 0.

    Args:
        statistic: Above about 2; nearer to zero the fraction converges slowly.
        degrees: Degrees of freedom, above 0.

    Returns:
        log P(T > statistic).

    Reference:
        NIST Digital Library of Mathematical Functions, 8.17.22: the continued fraction
        of the incomplete beta function, evaluated by W. J. Lentz's method.
    """
    a, b = degrees / 2.0, 0.5
    log_ratio = 2.0 * math.log(statistic) - math.log(degrees)
    log_sum = float(np.logaddexp(0.0, log_ratio))
    fraction = _continued_fraction(a, b, math.exp(-log_sum))
    return (
        math.log(0.5)
        - a * log_sum
        + b * (log_ratio - log_sum)
        - math.log(a)
        - float(betaln(a, b))
        - math.log(fraction)
    )


def _continued_fraction(a: float, b: float, x: float) -> float:
    value, upper, lower = 1.0, 1.0, 0.0
    for step in range(1, 100_000):
        m = step // 2
        if step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        lower = 1.0 / (1.0 + term * lower)
        upper = 1.0 + term / upper
        change = upper * lower
        value *= change
        if abs(change - 1.0) < 1e-15:
            break
    return value
