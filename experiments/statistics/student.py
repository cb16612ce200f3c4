"""Student's t for many analyses at once, as exact as one at a time."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri, stdtr, stdtrit

from experiments.statistics.differences import student_tail
from experiments.statistics.tails import Tail

Floats = NDArray[np.float64]

MANY = 1000.0
"""Degrees of freedom from which the expansions reach the last digits."""

_LOG_2 = float(np.log(2.0))


def critical_values(degrees: Floats, alpha: Floats) -> Floats:
    """The statistics at which the two-sided p equals `alpha`.

    Args:
        degrees: (k,) float64, degrees of freedom, above 0.
        alpha: (k,) float64, in (0, 1).

    Reference:
        M. Abramowitz, I. A. Stegun (1964), "Handbook of Mathematical Functions",
        26.7.5, where there are many degrees of freedom.
    """
    z = -ndtri(alpha / 2.0)
    z2 = z * z
    first = z * (z2 + 1.0) / 4.0
    second = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0
    third = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0
    fourth = z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0)
    fourth /= 92160.0
    series = first + (second + (third + fourth / degrees) / degrees) / degrees
    found: Floats = z + series / degrees
    few = np.flatnonzero(degrees < np.maximum(MANY, 300.0 * z2))
    if few.size:
        found[few] = -stdtrit(degrees[few], alpha[few] / 2.0)
    return found


def two_sided(statistic: Floats, degrees: Floats) -> tuple[Floats, Floats]:
    """Two-sided p-values and their natural logarithms, from the tails themselves.

    Args:
        statistic: (k,) float64, t statistics.
        degrees: (k,) float64, degrees of freedom, above 0.

    Returns:
        p in (0, 1], (k,), and its logarithm, (k,), right however small p is.

    Reference:
        G. W. Hill (1970), "Algorithm 395: Student's t-distribution", Communications of
        the ACM 13, where there are many degrees of freedom.
    """
    size = np.abs(statistic)
    share = size * size / degrees
    a = degrees - 0.5
    b = 48.0 * a * a
    z2 = a * np.log1p(share)
    turn = (((-0.4 * z2 - 3.3) * z2 - 24.0) * z2 - 85.5) / (0.8 * z2 * z2 + 100.0 + b)
    z = np.sqrt(z2) * ((turn + z2 + 3.0) / b + 1.0)
    log_p = np.minimum(_LOG_2 + log_ndtr(-z), 0.0)
    p = np.maximum(np.exp(log_p), Tail.floored(0.0))
    few = np.flatnonzero((degrees < MANY) | (share > 1.0 / 15.0))
    if few.size:
        direct = np.minimum(2.0 * stdtr(degrees[few], -size[few]), 1.0)
        safe = direct > Tail.SAFE
        p[few] = direct
        log_p[few] = np.log(np.where(safe, direct, 1.0))
        for row in few[~safe]:
            tail = student_tail(float(size[row]), float(degrees[row]))
            p[row], log_p[row] = tail.p_value, tail.log_p_value
    return p, log_p
