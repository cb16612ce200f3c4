"""Time-ordered identifiers (UUID version 7, RFC 9562)."""

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = (0, 0)


def new_id() -> UUID:
    """A UUIDv7, greater than every one that this process made before."""
    global _last  # noqa: PLW0603 - the order holds across callers
    with _lock:
        milliseconds = time.time_ns() // 1_000_000
        sequence = secrets.randbits(11)
        if milliseconds <= _last[0]:
            milliseconds, sequence = _last[0], _last[1] + 1
            if sequence >= 1 << 12:
                milliseconds, sequence = milliseconds + 1, 0
        _last = (milliseconds, sequence)
    value = (milliseconds & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | sequence << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    return UUID(int=value)
