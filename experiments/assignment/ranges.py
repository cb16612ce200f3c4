"""Slices of [0, 1) that belong to the arms of an experiment."""

from collections.abc import Sequence
from itertools import accumulate

Range = tuple[float, float]


def bucket_ranges(
    arms: int, coverage: float, weights: Sequence[float] | None = None
) -> tuple[Range, ...]:
    """One slice for each arm, so that more coverage never moves a unit between arms.

    Coverage leaves its gap at the end of each arm's slot. Weights that are missing,
    too few or do not sum to one become equal.
    """
    covered = min(max(coverage, 0.0), 1.0)
    shares = weights if weights is not None else ()
    if len(shares) != arms or not 0.99 <= sum(shares) <= 1.01:
        shares = [1 / arms] * arms
    starts = accumulate(shares, initial=0.0)
    return tuple(
        (start, start + covered * share)
        for start, share in zip(starts, shares, strict=False)
    )


def choose(position: float, ranges: Sequence[Range]) -> int | None:
    """The first slice that holds the position, or None in a gap."""
    for index, (low, high) in enumerate(ranges):
        if low <= position < high:
            return index
    return None
