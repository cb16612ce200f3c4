"""Whether two numbers agree, and if not, which known difference explains it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EQUAL = "equal"
UNEXPLAINED = "UNEXPLAINED"


@dataclass(frozen=True, slots=True)
class Seen:
    """One comparison of one case."""

    method: str
    peer: str
    group: str
    """`EQUAL`, the class of the difference, or `UNEXPLAINED`."""


def judge(
    method: str,
    peer: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    *explained: tuple[str, Sequence[float]],
    tolerance: float = 1e-8,
) -> Seen:
    """Compare; an explanation is ours computed in their way, and must be equal."""
    if _close(ours, theirs, tolerance):
        return Seen(method, peer, EQUAL)
    for name, theirs_again in explained:
        if _close(theirs_again, theirs, tolerance):
            return Seen(method, peer, name)
    return Seen(method, peer, UNEXPLAINED)


def _close(ours: Sequence[float], theirs: Sequence[float], tolerance: float) -> bool:
    return bool(np.allclose(ours, theirs, rtol=tolerance, atol=1e-13))
