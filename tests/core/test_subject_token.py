"""Tokens by which a customer's server vouches for a subject."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from core.subject_token import SignedSubject, SubjectTokenInvalid, sign, verify

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "s" * 32


def _signed(payload: object, secret: str = SECRET) -> str:
    """As a customer would write it, from the documentation alone."""
    raw = json.dumps(payload).encode()
    body = base64.urlsafe_b64encode(raw).rstrip(b"=")
    mac = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return f"{body.decode()}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _seconds(after: timedelta) -> int:
    return int((NOON + after).timestamp())


def test_a_token_names_its_subject() -> None:
    subject = SignedSubject("u1", "a1", NOON + timedelta(hours=1))
    assert verify(SECRET, sign(SECRET, subject), NOON) == subject
    other = _signed({"sub": "ü", "exp": _seconds(timedelta(hours=24))})
    assert verify(SECRET, other, NOON).user_id == "ü"


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "x.y",
        "\ud800.\ud800",
        "é" * 9,
        "a" * 5000,
        _signed({"sub": "u1", "exp": _seconds(timedelta(hours=1))}, "t" * 32),
        _signed({"sub": "u1", "exp": _seconds(timedelta(hours=1))}) + "x",
        _signed({"sub": "u1", "exp": _seconds(timedelta(seconds=-1))}),
        _signed({"sub": "u1", "exp": _seconds(timedelta(hours=24, seconds=1))}),
        _signed({"sub": "u1"}),
        _signed({"sub": "u1", "exp": "soon"}),
        _signed({"sub": "u1", "exp": 10**30}),
        _signed({"sub": 1, "exp": _seconds(timedelta(hours=1))}),
        _signed(["u1"]),
    ],
)
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(SubjectTokenInvalid):
        verify(SECRET, token, NOON)
