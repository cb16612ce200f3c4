"""The slots of a layer: which parts of [0, 1) are taken, and which are free."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from experiments.assignment.ranges import Range
from experiments.errors import DesignInvalid

SLOTS = 10_000
"""As many as there are buckets: a finer slot would hold nobody."""

MAX_PARTS = 20

_Steps = tuple[int, int]


def checked(
    ranges: Sequence[Sequence[float]], *, path: tuple[str, ...] = ()
) -> tuple[Range, ...]:
    """The ranges in order, as whole slots.

    Raises:
        DesignInvalid: One is no part of [0, 1), two overlap, or there are too many.
    """
    if not 0 < len(ranges) <= MAX_PARTS:
        raise DesignInvalid(f"Name 1 to {MAX_PARTS} ranges.", path=path)
    parts = []
    for index, pair in enumerate(ranges):
        if len(pair) != 2 or not all(_is_whole(edge) for edge in pair):
            raise DesignInvalid(
                "A range is a start and an end in [0, 1], in steps of 1/10,000.",
                path=(*path, str(index)),
            )
        start, end = round(pair[0] * SLOTS), round(pair[1] * SLOTS)
        if start >= end:
            raise DesignInvalid(
                "A range ends after it starts.", path=(*path, str(index))
            )
        parts.append((start, end))
    parts.sort()
    for one, other in pairwise(parts):
        if other[0] < one[1]:
            raise DesignInvalid("Two of the ranges overlap.", path=path)
    return _shown(parts)


def overlap(one: Iterable[Sequence[float]], other: Iterable[Sequence[float]]) -> bool:
    """Whether a unit could be in both."""
    others = _steps(other)
    return any(
        start < end_other and start_other < end
        for start, end in _steps(one)
        for start_other, end_other in others
    )


def free(taken: Iterable[Sequence[float]]) -> tuple[Range, ...]:
    """The parts that nobody has, in order."""
    parts, reached = [], 0
    for start, end in sorted(_steps(taken)):
        if start > reached:
            parts.append((reached, start))
        reached = max(reached, end)
    if reached < SLOTS:
        parts.append((reached, SLOTS))
    return _shown(parts)


def first_fit(available: Iterable[Range], share: float) -> Range | None:
    """The start of the first part in which a share fits in one piece."""
    size = round(share * SLOTS)
    for start, end in _steps(available):
        if end - start >= size:
            return start / SLOTS, (start + size) / SLOTS
    return None


def check_share(share: float, *, path: tuple[str, ...] = ()) -> None:
    """Refuse a share that is no whole number of slots.

    Raises:
        DesignInvalid: It is not above 0 and up to 1, in steps of 1/10,000.
    """
    if not _is_whole(share) or share == 0:
        raise DesignInvalid(
            "A share is above 0 and up to 1, in steps of 1/10,000.", path=path
        )


def _is_whole(edge: float) -> bool:
    return 0 <= edge <= 1 and round(edge * SLOTS) / SLOTS == edge


def _steps(ranges: Iterable[Sequence[float]]) -> list[_Steps]:
    return [(round(start * SLOTS), round(end * SLOTS)) for start, end in ranges]


def _shown(parts: Iterable[_Steps]) -> tuple[Range, ...]:
    return tuple((start / SLOTS, end / SLOTS) for start, end in parts)
