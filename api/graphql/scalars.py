"""Scalars with one reading: UTC instants, 53-bit integers and plain JSON."""

import math
import re
from datetime import UTC, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from api.policies import Policy, policed

MAX_LONG = 2**53 - 1
MAX_JSON_DEPTH = 32
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")

Long = NewType("Long", int)
JSON = NewType("JSON", object)


def parse_instant(value: object) -> datetime:
    """An RFC 3339 text with its offset, as UTC."""
    if not isinstance(value, str):
        raise ValueError("An instant is a text such as 2026-01-31T12:00:00Z.")
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError("An instant says its offset, such as Z.")
    return instant.astimezone(UTC)


def show_instant(value: datetime) -> str:
    """UTC, with a Z."""
    if value.tzinfo is None:
        raise ValueError("A naive datetime has no place in an answer.")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def check_long(value: object) -> int:
    """An integer that every JSON reader keeps exact."""
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (isinstance(value, int) or whole):
        raise ValueError("Long is a whole number.")
    number = int(value)  # type: ignore[call-overload]
    if abs(number) > MAX_LONG:
        raise ValueError("Long is within 2^53 - 1.")
    return int(number)


def check_json(value: object, depth: int = 0) -> object:
    """A JSON value that every store can hold: finite, shallow, without NUL."""
    if depth > MAX_JSON_DEPTH:
        raise ValueError(f"JSON nests at most {MAX_JSON_DEPTH} deep.")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(str(key))
            check_json(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            check_json(item, depth + 1)
    elif isinstance(value, str):
        _check_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("JSON has no NaN and no Infinity.")
    elif isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("JSON integers are within 64 bits.")
    return value


def _check_text(text: str) -> None:
    if _NO_TEXT.search(text):
        raise ValueError("Text has no NUL and no lone surrogate.")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant in RFC 3339, always shown in UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        parse_value=parse_instant,
        serialize=show_instant,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number within 2^53 - 1, exact in every JSON reader.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        parse_value=check_long,
        serialize=check_long,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: finite numbers, at most 32 levels.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        parse_value=check_json,
        serialize=check_json,
    ),
}


def money(minor: int, currency: str) -> "Money":
    """An amount in minor units, never a float."""
    return Money(minor=Long(minor), currency=currency)


@policed(Policy.PUBLIC)
@strawberry.type(description="An amount of money in the currency's minor unit.")
class Money:
    """Whole minor units (cents) with their ISO 4217 currency."""

    minor: Long = strawberry.field(description="How many minor units.")
    currency: str = strawberry.field(description="ISO 4217, such as EUR.")
