"""Time-ordered identifiers (UUID version 7, RFC 9562)."""

import secrets
import threading
import time
from collections.abc import Callable
from uuid import UUID

_SEQUENCE_BITS = 12


class Ids:
    """Ids in ascending order, from a clock and a source of random bits."""

    def __init__(
        self, milliseconds: Callable[[], int], random_bits: Callable[[int], int]
    ) -> None:
        """`milliseconds` since 1970; `random_bits(n)` is below 2 to the power of n."""
        self._milliseconds = milliseconds
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._last = (0, 0)

    def next(self) -> UUID:
        """An id greater than every one before it."""
        with self._lock:
            milliseconds = self._milliseconds()
            sequence = self._random_bits(_SEQUENCE_BITS - 1)
            if milliseconds <= self._last[0]:
                milliseconds, sequence = self._last[0], self._last[1] + 1
                if sequence >= 1 << _SEQUENCE_BITS:
                    milliseconds, sequence = milliseconds + 1, 0
            self._last = (milliseconds, sequence)
            noise = self._random_bits(62)
        value = (milliseconds & ((1 << 48) - 1)) << 80
        value |= 0x7 << 76 | sequence << 64
        return UUID(int=value | 0b10 << 62 | noise)


source = Ids(lambda: time.time_ns() // 1_000_000, secrets.randbits)
"""Where this process's ids come from."""


def new_id() -> UUID:
    """A UUIDv7, greater than every one that this process made before."""
    return source.next()
