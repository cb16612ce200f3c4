"""Webhooks verify with the public library, and retries keep to their schedule."""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.webhooks import (
    LONGEST_WAIT,
    RETRIES,
    Message,
    asked_wait,
    new_secret,
    sign,
    wait_after,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def message(body: bytes = b'{"type":"item"}') -> Message:
    return Message(uuid4(), uuid4(), 1, "https://hooks.example/", new_secret(), body)


def test_a_thousand_messages_verify_with_the_public_library() -> None:
    for _ in range(1000):
        sent = message(b'{"token":"%s"}' % secrets.token_hex(8).encode())
        headers = sign(sent, datetime.now(UTC))
        assert Webhook(sent.secret).verify(sent.body, headers) is not None


@pytest.mark.parametrize("part", ["body", "id", "timestamp", "secret", "old", "future"])
def test_nothing_tampered_with_verifies(part: str) -> None:
    sent = message()
    shift = {"old": timedelta(minutes=-6), "future": timedelta(minutes=6)}
    headers = sign(sent, datetime.now(UTC) + shift.get(part, timedelta(0)))
    body, secret = sent.body, sent.secret
    if part == "body":
        body = b'{"type":"itemx"}'
    elif part == "id":
        headers["webhook-id"] = str(uuid4())
    elif part == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 1)
    elif part == "secret":
        secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


def test_the_instant_is_signed_as_utc_whatever_its_zone() -> None:
    sent = message()
    elsewhere = datetime.now(UTC).astimezone()
    assert Webhook(sent.secret).verify(sent.body, sign(sent, elsewhere))


def test_each_pause_is_as_scheduled_with_at_most_a_fifth_more() -> None:
    for failures, pause in enumerate(RETRIES):
        waited = wait_after(failures)
        assert waited is not None
        assert pause <= waited <= pause * 1.2


def test_after_the_last_retry_there_is_no_other() -> None:
    assert wait_after(len(RETRIES)) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, timedelta(0)),
        ("120", timedelta(seconds=120)),
        ("0", timedelta(0)),
        ("-5", timedelta(0)),
        ("9999999", LONGEST_WAIT),
        ("99999999999999999999", timedelta(0)),
        ("soon", timedelta(0)),
        ("\u0662", timedelta(0)),
        ("Mon, 02 Mar 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 02 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("Mon, 02 Mar 2026 12:01:00 -0000", timedelta(0)),
    ],
)
def test_retry_after_is_heard_within_reason(
    header: str | None, expected: timedelta
) -> None:
    assert asked_wait(header, NOON) == expected
