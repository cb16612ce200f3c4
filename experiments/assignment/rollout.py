"""Which parts of [0, 1) a shipped variant reaches, and which are held back from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.assignment.ranges import Range, bucket_ranges

_TINY = 1e-9
"""Below this a width is what rounding left over; a bucket is 1/10,000 wide."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """The parts of a shipped phase; none overlaps another."""

    held_back: Range
    """Keeps the control; it was the control's before. Empty without a holdback."""
    kept: Range
    """What had the variant while it was tested, as far as it is reached again."""
    added: tuple[Range, ...]
    """Everyone else whom the rollout has reached, in order."""


def rolled_out(
    weights: Sequence[float],
    coverage: float,
    *,
    control: int,
    shipped: int,
    holdback: float,
    share: float,
) -> Rollout:
    """The parts that a rollout to a share of all units serves.

    Who had the variant while it was tested comes first, then the others in the order
    of [0, 1): a larger share only ever adds. The holdback lies at the start of the
    control's own bucket, so that nobody who was treated is held back; at a share of 1
    everyone but those held back is reached.

    Raises:
        ValueError: The share is not in [0, 1], or the holdback is not within the
            control's bucket.
    """
    slots = bucket_ranges(len(weights), 1.0, weights)
    low, high = slots[control]
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"{share} is no share.")
    if not 0.0 <= holdback <= high - low + _TINY:
        raise ValueError(f"{holdback} is not within the control's {high - low:g}.")
    held_back = (low, min(low + holdback, high))
    covered = bucket_ranges(len(weights), coverage, weights)[shipped]
    order = [covered, *_between([held_back, covered])]
    kept, *added = order if share == 1.0 else _first(order, share)
    return Rollout(held_back, kept, tuple(part for part in added if _width(part)))


def _between(parts: Iterable[Range]) -> list[Range]:
    """What the parts leave of [0, 1), in order."""
    gaps, start = [], 0.0
    for low, high in sorted(part for part in parts if _width(part)):
        gaps.append((start, low))
        start = high
    gaps.append((start, 1.0))
    return [gap for gap in gaps if _width(gap)]


def _first(parts: Sequence[Range], share: float) -> list[Range]:
    """As much of the parts, in order, as a share of the whole; never none."""
    taken: list[Range] = []
    left = share
    for low, high in parts:
        end = high if left >= high - low - _TINY else low + left
        taken.append((low, end))
        left -= end - low
        if left <= _TINY:
            break
    return taken


def _width(part: Range) -> float:
    low, high = part
    return high - low if high - low > _TINY else 0.0
