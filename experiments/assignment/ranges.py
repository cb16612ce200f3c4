"""Slices of [0, 1) that belong to the arms of an experiment."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from core.hashing import POSITIONS

Range = tuple[float, float]

MAX_SLICES = 255


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


@lru_cache(maxsize=1_024)
def table(ranges: tuple[Range, ...]) -> bytes:
    """`choose` for every position of a hash of version 2; a gap is the last index + 1.

    The floats are compared here, so that the answers are the same ones.

    Raises:
        ValueError: There are more slices than a byte can tell apart.
    """
    if len(ranges) > MAX_SLICES:
        raise ValueError(f"A table has at most {MAX_SLICES} slices.")
    places = bytearray([len(ranges)]) * POSITIONS
    # Backwards, so that the first of two slices that overlap is the one that stays.
    for index in reversed(range(len(ranges))):
        low, high = (_first_from(bound) for bound in ranges[index])
        if low < high:
            places[low:high] = bytes([index]) * (high - low)
    return bytes(places)


@lru_cache(maxsize=1_024)
def membership(ranges: tuple[Range, ...]) -> bytes:
    """For every position 1 if one of any number of slices holds it, else 0."""
    places = bytearray(POSITIONS)
    for bounds in ranges:
        low, high = (_first_from(bound) for bound in bounds)
        if low < high:
            places[low:high] = b"\x01" * (high - low)
    return bytes(places)


def _first_from(bound: float) -> int:
    return bisect_left(range(POSITIONS), bound, key=lambda place: place / POSITIONS)
