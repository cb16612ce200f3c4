"""A customer's server vouches for a subject: a signed, short-lived token."""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.problems import Forbidden

LONGEST_LIFE = timedelta(hours=24)
_MAX_LENGTH = 2048


class SubjectTokenInvalid(Forbidden):
    """The token is malformed, not ours, too old or too long-lived."""

    code = "SUBJECT_TOKEN_INVALID"


@dataclass(frozen=True, slots=True)
class SignedSubject:
    """Whom the token speaks for, and until when."""

    user_id: str | None
    account_id: str | None
    expires_at: datetime


def sign(secret: str, subject: SignedSubject) -> str:
    """The token as a customer's server makes it.

    It is base64url(payload).base64url(HMAC-SHA256(secret, base64url(payload))), without
    padding; the payload is JSON {sub, acc, exp} with exp in seconds since 1970.
    """
    payload: dict[str, Any] = {"exp": int(subject.expires_at.timestamp())}
    if subject.user_id is not None:
        payload["sub"] = subject.user_id
    if subject.account_id is not None:
        payload["acc"] = subject.account_id
    body = _encoded(json.dumps(payload, separators=(",", ":")).encode())
    return f"{body}.{_mac(secret, body)}"


def verify(secret: str, token: str, now: datetime) -> SignedSubject:
    """Whom a token speaks for.

    Raises:
        SubjectTokenInvalid: It was not signed with this secret, does not read as a
            payload, has expired, or is valid for longer than 24 hours.
    """
    body, _, given = token.partition(".")
    sound = len(token) <= _MAX_LENGTH and token.isascii()
    if not sound or not hmac.compare_digest(_mac(secret, body), given):
        raise SubjectTokenInvalid("The subject token is not signed for this place.")
    payload = _payload(body)
    user_id, account_id = payload.get("sub"), payload.get("acc")
    expires = payload.get("exp")
    if not isinstance(expires, int) or not 0 < expires < 1 << 33:
        raise SubjectTokenInvalid("`exp` is a number of seconds since 1970.")
    for name, value in (("sub", user_id), ("acc", account_id)):
        if value is not None and not isinstance(value, str):
            raise SubjectTokenInvalid(f"`{name}` is a text.")
    expires_at = datetime.fromtimestamp(expires, UTC)
    if not now < expires_at <= now + LONGEST_LIFE:
        raise SubjectTokenInvalid("A subject token is valid for at most 24 hours.")
    return SignedSubject(user_id, account_id, expires_at)


def _payload(body: str) -> dict[str, Any]:
    try:
        padded = body + "=" * (-len(body) % 4)
        payload = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise SubjectTokenInvalid("The subject token does not read.") from error
    if not isinstance(payload, dict):
        raise SubjectTokenInvalid("The subject token's payload is an object.")
    return payload


def _mac(secret: str, body: str) -> str:
    digest = hmac.new(secret.encode(), body.encode("utf-8", "replace"), hashlib.sha256)
    return _encoded(digest.digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
