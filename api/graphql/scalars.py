"""Scalars with one reading: UTC instants, 53-bit integers and plain JSON."""

import math
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from api.policies import Policy, policed
from api.texts import is_whole

MAX_LONG = 2**53 - 1
MAX_JSON_DEPTH = 32
MAX_JSON_VALUES = 10_000
"""Members and items of one JSON value: as many as a condition may have."""
_INTEGERS = 2**63

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


def parse_json(value: object) -> object:
    """A JSON value that a caller sends: of a size that can be looked at.

    What is too much is refused before it is read through, for the refusal asks again.
    """
    return check_json(value, most=MAX_JSON_VALUES)


def check_json(value: object, *, most: float = math.inf) -> object:
    """A JSON value that every store can hold: finite, shallow, without NUL."""
    level: list[Any] = [value]
    depth = count = 0
    while level:
        inner: list[Any] = []
        for item in level:
            # Mostly short plain texts and small numbers, of which there are thousands.
            kind = item.__class__
            if kind is str:
                if "\0" in item or not item.isascii():
                    _check_text(item)
            elif kind is dict or kind is list or kind is tuple:
                count += len(item)
                if count > most:
                    raise ValueError(f"JSON has at most {most:,} values.")
                inner.extend(item)
                if kind is dict:
                    inner.extend(item.values())
            elif item is not None and kind is not bool:
                _check_number(item)
        if inner and depth >= MAX_JSON_DEPTH:
            raise ValueError(f"JSON nests at most {MAX_JSON_DEPTH} deep.")
        level, depth = inner, depth + 1
    return value


def has_more_values(value: object, most: int) -> bool:
    """Whether it has more members and items than this; a container counts twice."""
    count, pending = 0, [value]
    while pending:
        item = pending.pop()
        inner = item.values() if isinstance(item, dict) else item
        if isinstance(inner, Collection) and not isinstance(inner, str):
            count += 1 + len(inner)
            if count > most:
                return True
            pending.extend(inner)
    return False


def _check_number(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("JSON has no NaN and no Infinity.")
    if isinstance(value, int) and not -_INTEGERS < value < _INTEGERS:
        raise ValueError("JSON integers are within 64 bits.")


def _check_text(text: str) -> None:
    if not is_whole(text):
        raise ValueError("Text has no NUL and no lone surrogate.")


def parse_day(value: object) -> date:
    """A calendar day such as 2026-01-31."""
    if not isinstance(value, str) or len(value) != len("2026-01-31"):
        raise ValueError("A day is a text such as 2026-01-31.")
    return date.fromisoformat(value)


SCALARS: dict[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar in RFC 3339, such as 2026-01-31.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        parse_value=parse_day,
        serialize=date.isoformat,
    ),
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
        description="Any JSON value: finite numbers, at most 32 levels and 10,000 "
        "values.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
        parse_value=parse_json,
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
