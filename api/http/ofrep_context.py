"""From the body of an OFREP request to its subject, or a refusal in OFREP's words."""

from typing import Any

import msgspec

from api.texts import is_whole
from core.subjects import SubjectContext

MAX_ID = 200
MAX_ATTRIBUTES = 100
MAX_DEPTH = 32
MAX_BYTES = 262_144
"""Bytes of one body; a hundred attributes seldom have a hundredth of it."""
MAX_VALUES = 5_000
"""Members and items in one body, of which a context has a hundred attributes."""
_IDS = ("targetingKey", "anonymousId", "accountId")


class Unanswerable(Exception):
    """A request that gets an errorCode; the details are meant for the caller."""

    def __init__(self, code: str, details: str, *, status: int = 400) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.status = status


def subject_of(body: bytes) -> SubjectContext:
    """The evaluation context of a body: its targeting key is the user's id.

    Raises:
        Unanswerable: PARSE_ERROR, TARGETING_KEY_MISSING or INVALID_CONTEXT.
    """
    said = _context(body)
    ids = {name: _id(name, said.pop(name, None)) for name in _IDS}
    if not any(ids.values()):
        raise Unanswerable(
            "TARGETING_KEY_MISSING",
            "The context needs a targetingKey, an anonymousId or an accountId.",
        )
    if len(said) > MAX_ATTRIBUTES:
        raise _invalid(f"A context has at most {MAX_ATTRIBUTES} attributes.")
    return SubjectContext(
        user_id=ids["targetingKey"],
        anonymous_id=ids["anonymousId"],
        account_id=ids["accountId"],
        attributes=said,
    )


def _context(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BYTES:
        raise _invalid(f"A body has at most {MAX_BYTES:,} bytes.")
    # Signs in texts count too, and need no reading.
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MAX_VALUES:
        raise _invalid(f"A body has at most {MAX_VALUES:,} values.")
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        raise _invalid(f"A context nests at most {MAX_DEPTH} deep.") from None
    except (msgspec.DecodeError, ValueError):
        raise Unanswerable("PARSE_ERROR", "The body is not JSON in UTF-8.") from None
    if not isinstance(value, dict):
        raise Unanswerable("PARSE_ERROR", "The body is a JSON object.")
    context = value.get("context")
    if context is None:
        return {}
    if not isinstance(context, dict):
        raise _invalid("The context is a JSON object.")
    if b"\\u" in body or body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check(context)
    return context


def _id(name: str, value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_ID:
        raise _invalid(f"{name} is a text of at most {MAX_ID} characters.")
    return value


def _check(context: dict[str, Any]) -> None:
    """Texts that every store can hold, no deeper than any rule looks."""
    level: list[Any] = [context]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item)
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
            elif isinstance(item, str) and not is_whole(item):
                raise _invalid("Text has no NUL and no lone surrogate.")
        level = inner
    raise _invalid(f"A context nests at most {MAX_DEPTH} deep.")


def _invalid(details: str) -> Unanswerable:
    return Unanswerable("INVALID_CONTEXT", details)
