"""Slots of a layer, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.eligibility.slots import (
    SLOTS,
    check_share,
    checked,
    first_fit,
    free,
    overlap,
)
from experiments.errors import DesignInvalid

EDGES = st.lists(st.integers(0, SLOTS), min_size=2, max_size=12, unique=True)


def parts(edges: list[int]) -> list[tuple[float, float]]:
    """Ranges that do not touch each other's inside, from sorted edges."""
    ordered = sorted(edges)[: len(edges) // 2 * 2]
    pairs = zip(ordered[::2], ordered[1::2], strict=True)
    return [(start / SLOTS, end / SLOTS) for start, end in pairs]


def test_ranges_come_back_in_order() -> None:
    assert checked([[0.5, 0.75], [0, 0.25]]) == ((0.0, 0.25), (0.5, 0.75))


@pytest.mark.parametrize(
    ("ranges", "path"),
    [
        ([], ()),
        ([[0, 0.01]] * 21, ()),
        ([[0, 0.5], [0.4, 1]], ()),
        ([[0.5, 0.5]], ("0",)),
        ([[0.5, 0.2]], ("0",)),
        ([[0, 1.1]], ("0",)),
        ([[-0.1, 1]], ("0",)),
        ([[0, 0.5, 1]], ("0",)),
        ([[0, 0.00005]], ("0",)),
        ([[0, float("nan")]], ("0",)),
        ([[0, float("inf")]], ("0",)),
    ],
)
def test_what_is_no_part_of_a_layer_is_refused(
    ranges: list[list[float]], path: tuple[str, ...]
) -> None:
    with pytest.raises(DesignInvalid) as refused:
        checked(ranges)
    assert refused.value.path == path


@pytest.mark.parametrize("share", [0, -0.1, 1.1, 0.00001, float("nan")])
def test_a_share_is_a_whole_number_of_slots(share: float) -> None:
    with pytest.raises(DesignInvalid):
        check_share(share)


def test_neighbours_do_not_overlap() -> None:
    assert not overlap([(0.0, 0.25)], [(0.25, 0.5)])
    assert overlap([(0.0, 0.25)], [(0.2499, 0.5)])


def test_the_first_part_that_is_large_enough_is_taken() -> None:
    available = free([(0.1, 0.3), (0.35, 0.5)])
    assert available == ((0.0, 0.1), (0.3, 0.35), (0.5, 1.0))
    assert first_fit(available, 0.1) == (0.0, 0.1)
    assert first_fit(available, 0.2) == (0.5, 0.7)
    assert first_fit(available, 0.6) is None


@given(EDGES)
def test_what_is_free_and_what_is_taken_make_the_whole(edges: list[int]) -> None:
    taken = parts(edges)
    left = free(taken)
    assert not overlap(left, taken)
    size = sum(round(end * SLOTS) - round(start * SLOTS) for start, end in taken)
    size += sum(round(end * SLOTS) - round(start * SLOTS) for start, end in left)
    assert size == SLOTS


@given(EDGES, st.integers(1, SLOTS))
def test_a_part_that_fits_is_free(edges: list[int], size: int) -> None:
    taken = parts(edges)
    found = first_fit(free(taken), size / SLOTS)
    if found is not None:
        assert checked([found]) == (found,)
        assert not overlap([found], taken)
        assert round(found[1] * SLOTS) - round(found[0] * SLOTS) == size
