"""The token that stands for a preview: random, kept as its hash, for one plan."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta

VALID_FOR = timedelta(minutes=15)


def new_token() -> str:
    """One that nobody can guess."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def inputs_hash(
    variant: str, holdback: float, steps: Sequence[float], hold_hours: int
) -> str:
    """What a preview was asked for."""
    asked = json.dumps([variant, float(holdback), list(map(float, steps)), hold_hours])
    return hashlib.sha256(asked.encode()).hexdigest()
