"""What travels through Redis: JSON that names a task, never pickled objects."""

import json
from typing import Any

QUEUE_NAME = "hone:wake"
WAKE = "wake"


def serialise(message: dict[str, Any]) -> bytes:
    """Encode arq's message. Anything that is not plain data (a result) is its text."""
    return json.dumps(message, default=str).encode()


def deserialise(message: bytes) -> dict[str, Any]:
    """Decode arq's message."""
    decoded: dict[str, Any] = json.loads(message)
    return decoded
