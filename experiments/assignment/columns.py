"""The vectorised twin of bucketing: a whole column of subjects at once.

It gives exactly the numbers of `core.hashing.bucket` and `ranges.choose`, for analysis,
rehearsals and simulations. Encode a column once, then hash it under many seeds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.hashing import MAX_UNIT_TEXT, attribute_text, fnv32a
from experiments.assignment.ranges import Range, choose

Ids = Sequence[str] | NDArray[Any]
Hashes = NDArray[np.uint32]

NO_ARM = -1
MAX_ARMS = 127

_PRIME = np.uint32(0x01000193)
_SLOTS = {1: 1_000, 2: 10_000}
_CHUNK = 65_536
"""Subjects hashed together, so that their states stay in the processor's cache."""
_TAIL = 10_000
"""The last four digits of a number are hashed one by one, those before by table."""


@dataclass(frozen=True, slots=True)
class Block:
    """The subjects whose ids have the same number of code units."""

    rows: NDArray[np.intp]
    """Where each stands in the column; shape (n,)."""
    units: NDArray[np.uint8] | NDArray[np.uint16]
    """The k-th code unit of every id in row k; shape (length, n)."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A column of ids, ready to be hashed under any seed."""

    size: int
    blocks: tuple[Block, ...]
    nobody: NDArray[np.intp]
    """Those whose text identifies nobody, as it is empty or too long."""


def encoded(ids: Ids) -> Encoded:
    """Encode a column: texts, or an array of texts or whole numbers.

    A number is encoded as its text, and zero, which identifies nobody, as no text.

    Raises:
        TypeError: The column holds something else.
    """
    texts = _texts(ids)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    nobody = np.flatnonzero((lengths == 0) | (lengths > MAX_UNIT_TEXT))
    rows = np.arange(len(texts), dtype=np.intp)
    if "".join(texts).isascii():
        return Encoded(len(texts), tuple(_ascii_blocks(texts, lengths, rows)), nobody)
    plain = np.fromiter(map(str.isascii, texts), np.bool_, len(texts))
    narrow, wide = list(compress(texts, plain)), list(compress(texts, ~plain))
    ascii_blocks = _ascii_blocks(narrow, lengths[plain], rows[plain])
    return Encoded(
        len(texts), (*ascii_blocks, *_wide_blocks(wide, rows[~plain])), nobody
    )


def slots(column: Encoded | Ids, seed: str, version: int) -> NDArray[np.uint16]:
    """Where each subject falls, in whole steps: 1/1,000 (version 1), 1/10,000 (2).

    Returns:
        Shape (n,); `core.hashing.bucket` is a slot divided by the number of steps.

    Raises:
        ValueError: The version of the hash is unknown.
    """
    if version not in _SLOTS:
        raise ValueError(f"There is no version {version} of the hash.")
    known = column if isinstance(column, Encoded) else encoded(column)
    answer = np.empty(known.size, np.uint16)
    for block in known.blocks:
        for start in range(0, len(block.rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            hashed = _hashed(block.units[:, part], seed, version)
            answer[block.rows[part]] = _remainder(hashed, _SLOTS[version])
    return answer


def buckets(column: Encoded | Ids, seed: str, version: int) -> NDArray[np.float64]:
    """Where each subject falls in [0, 1); shape (n,)."""
    return slots(column, seed, version) / _SLOTS[version]


def arms(
    column: Encoded | Ids, seed: str, version: int, ranges: Sequence[Range]
) -> NDArray[np.int8]:
    """The index of each subject's arm, or -1: in a gap, or identified by nothing.

    Raises:
        ValueError: The version of the hash is unknown, or there are over 127 ranges.
    """
    if len(ranges) > MAX_ARMS:
        raise ValueError(f"At most {MAX_ARMS} ranges can be told apart.")
    known = column if isinstance(column, Encoded) else encoded(column)
    arm_of_slot = _arm_of_slot(tuple((low, high) for low, high in ranges), version)
    answer = arm_of_slot[slots(known, seed, version)]
    answer[known.nobody] = NO_ARM
    return answer


def _texts(ids: Ids) -> Sequence[str]:
    if not isinstance(ids, np.ndarray):
        return ids
    listed: list[Any] = ids.tolist()
    if ids.dtype.kind in "iu":
        return [attribute_text(value) or "" for value in listed]
    if not all(isinstance(value, str) for value in listed):
        raise TypeError("A column holds texts or whole numbers.")
    return listed


def _ascii_blocks(
    texts: Sequence[str], lengths: NDArray[np.int64], rows: NDArray[np.intp]
) -> Iterator[Block]:
    units = np.frombuffer("".join(texts).encode(), np.uint8)
    return _blocks(units, lengths, rows)


def _wide_blocks(texts: Sequence[str], rows: NDArray[np.intp]) -> Iterator[Block]:
    encodings = [text.encode("utf-16-le", "surrogatepass") for text in texts]
    units = np.frombuffer(b"".join(encodings), "<u2")
    lengths = np.fromiter(map(len, encodings), np.int64, len(texts)) // 2
    return _blocks(units, lengths, rows)


def _blocks(
    units: NDArray[Any], lengths: NDArray[np.int64], rows: NDArray[np.intp]
) -> Iterator[Block]:
    starts = np.cumsum(lengths) - lengths
    for found in _by_value(lengths):
        length = int(lengths[found[0]])
        yield Block(rows[found], _matrix(units, starts[found], length))


def _by_value(lengths: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    """Indices of equal values together; short integers are sorted in linear time."""
    if len(lengths) == 0:
        return []
    fits = lengths.max() <= np.iinfo(np.uint16).max
    order = np.argsort(lengths.astype(np.uint16) if fits else lengths, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)


def _matrix(
    units: NDArray[Any], starts: NDArray[np.int64], length: int
) -> NDArray[Any]:
    """The `length` units from each start on, turned so that a row is a place.

    Seen as one item of `length` units, an id is copied at once.
    """
    if length == 0:
        return np.empty((0, len(starts)), units.dtype)
    items = np.ndarray(
        len(units) - length + 1,
        f"V{length * units.itemsize}",
        np.ascontiguousarray(units),
        strides=units.strides,
    )
    copied = items[starts].view(units.dtype).reshape(-1, length)
    return np.ascontiguousarray(copied.T)


def _hashed(units: NDArray[Any], seed: str, version: int) -> Hashes:
    """The hash whose remainder is the slot."""
    if version == 1:
        state = _continued(np.full(units.shape[1], fnv32a(""), np.uint32), units)
        trailer = np.frombuffer(seed.encode("utf-16-le", "surrogatepass"), "<u2")
        for unit in trailer.astype(np.uint32):
            state ^= unit
            state *= _PRIME
        return state
    inner = _continued(np.full(units.shape[1], fnv32a(seed), np.uint32), units)
    return _hashed_decimals(inner)


def _continued(state: Hashes, units: NDArray[Any]) -> Hashes:
    for column in units:
        np.bitwise_xor(state, column, out=state)
        np.multiply(state, _PRIME, out=state)
    return state


def _hashed_decimals(numbers: Hashes) -> Hashes:
    """The hash of each number's decimal text."""
    leading = numbers // np.uint32(_TAIL)
    state = _states_of_numbers()[leading]
    digits = _four_digits()[numbers - leading * np.uint32(_TAIL)]
    state = _continued(state, digits.view(np.uint8).reshape(-1, 4).T)
    for short in np.flatnonzero(leading == 0):
        state[short] = fnv32a(str(numbers[short]))
    return state


def _remainder(numbers: Hashes, divisor: int) -> Hashes:
    """Division by a scalar is vectorised in numpy, the remainder is not."""
    return numbers - numbers // np.uint32(divisor) * np.uint32(divisor)


@lru_cache(maxsize=1)
def _states_of_numbers() -> Hashes:
    """The hash of the text of every number that can stand before four digits."""
    numbers = np.arange((1 << 32) // _TAIL + 1, dtype=np.uint32)
    states = np.full(len(numbers), fnv32a(""), np.uint32)
    low = 1
    while low < len(numbers):
        same_length = numbers[low : low * 10]
        digits = _remainder(same_length, 10) + np.uint32(ord("0"))
        states[low : low * 10] = (states[same_length // 10] ^ digits) * _PRIME
        low *= 10
    return states


@lru_cache(maxsize=1)
def _four_digits() -> NDArray[np.uint32]:
    """The four characters of each number below 10,000, as the bytes of one integer."""
    text = "".join(f"{number:04}" for number in range(_TAIL))
    return np.frombuffer(text.encode(), np.uint32)


@lru_cache(maxsize=256)
def _arm_of_slot(ranges: tuple[Range, ...], version: int) -> NDArray[np.int8]:
    steps = _SLOTS.get(version, 1)
    chosen = (choose(slot / steps, ranges) for slot in range(steps))
    return np.array([NO_ARM if arm is None else arm for arm in chosen], np.int8)
