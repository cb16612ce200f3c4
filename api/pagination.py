"""Keyset pages: a cursor names the last row seen, so new rows never shift a page."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, func, literal, tuple_
from sqlmodel import SQLModel
from sqlmodel.sql.expression import SelectOfScalar

from core.database import AsyncSession
from core.problems import Invalid

DEFAULT_PAGE = 25
MAX_PAGE = 200
_MAX_CURSOR = 1024

Row = TypeVar("Row", bound=SQLModel)
Key = datetime | int | str


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by: one column, then the row's id.

    `name` is written into cursors, so that one of another list is refused.
    """

    name: str
    column: Any
    id_column: Any
    kind: type[datetime] | type[int] | type[str]
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A slice of a list, with each row's cursor."""

    rows: Sequence[Row]
    cursors: Sequence[str]
    has_next: bool
    has_previous: bool


async def paged(
    session: AsyncSession,
    statement: SelectOfScalar[Row],
    order: Order,
    *,
    first: int | None,
    after: str | None,
) -> Page[Row]:
    """The next page of a statement that selects one entity.

    Raises:
        Invalid: `first` is out of bounds, or `after` is not a cursor of this list.
    """
    size = page_size(first)
    if after is not None:
        statement = statement.where(_beyond(order, after))
    found = await session.exec(statement.order_by(*_sorted(order)).limit(size + 1))
    rows = found.all()
    kept = rows[:size]
    return Page(
        rows=kept,
        cursors=[cursor(order, row) for row in kept],
        has_next=len(rows) > size,
        has_previous=after is not None,
    )


async def first_pages(
    session: AsyncSession,
    statement: SelectOfScalar[Row],
    order: Order,
    *,
    of: Any,
    asked: Sequence[tuple[UUID, int]],
) -> Sequence[Page[Row]]:
    """The first page of each of several lists, for as many queries as of one.

    Args:
        session: Where to read.
        statement: Selects one entity: all rows of all the lists.
        order: What each list is sorted by.
        of: The column that says which list a row is of.
        asked: Each list with how many rows to show.

    Raises:
        Invalid: A number is out of bounds.
    """
    most = max(page_size(first) for _, first in asked)
    place = func.row_number().over(partition_by=of, order_by=_sorted(order))
    ranked = (
        statement.where(of.in_({owner for owner, _ in asked}))
        .with_only_columns(order.id_column.label("id"), place.label("place"))
        .subquery()
    )
    found = await session.exec(
        statement.join(ranked, ranked.c.id == order.id_column)
        .where(ranked.c.place <= most + 1)
        .order_by(*_sorted(order))
    )
    lists: dict[UUID, list[Row]] = {owner: [] for owner, _ in asked}
    for row in found.all():
        lists[getattr(row, of.key)].append(row)
    return [
        Page(
            rows=lists[owner][:first],
            cursors=[cursor(order, row) for row in lists[owner][:first]],
            has_next=len(lists[owner]) > first,
            has_previous=False,
        )
        for owner, first in asked
    ]


def page_size(first: int | None) -> int:
    """How many rows to show.

    Raises:
        Invalid: Fewer than one or more than the cap.
    """
    if first is None:
        return DEFAULT_PAGE
    if not 1 <= first <= MAX_PAGE:
        raise Invalid(f"`first` is 1 to {MAX_PAGE}.", code="BAD_INPUT", path=("first",))
    return first


def cursor(order: Order, row: SQLModel) -> str:
    """The cursor of one row."""
    key = getattr(row, order.column.key)
    local: UUID = getattr(row, order.id_column.key)
    shown = key.astimezone(UTC).isoformat() if isinstance(key, datetime) else key
    raw = msgspec.json.encode([order.name, shown, local.hex])
    return base64.urlsafe_b64encode(raw).decode()


def _sorted(order: Order) -> Sequence[Any]:
    columns = (order.column, order.id_column)
    return [each.desc() for each in columns] if order.descending else columns


def _beyond(order: Order, after: str) -> ColumnElement[bool]:
    key, local = _position(order, after)
    here = tuple_(order.column, order.id_column)
    there = tuple_(
        literal(key, type_=order.column.type), literal(local, order.id_column.type)
    )
    return here < there if order.descending else here > there


def _position(order: Order, after: str) -> tuple[Key, UUID]:
    refused = Invalid(
        "`after` is not a cursor of this list.", code="BAD_INPUT", path=("after",)
    )
    if len(after) > _MAX_CURSOR or not after.isascii():
        raise refused
    try:
        raw = base64.b64decode(after.encode(), altchars=b"-_", validate=True)
        name, shown, local = msgspec.json.decode(raw, type=tuple[str, int | str, str])
        key: Key = shown
        if order.kind is datetime and isinstance(shown, str):
            key = datetime.fromisoformat(shown)
        valid = name == order.name and isinstance(key, order.kind)
        if valid and not (isinstance(key, datetime) and key.tzinfo is None):
            return key, UUID(hex=local)
    except (binascii.Error, msgspec.MsgspecError, ValueError, OverflowError):
        raise refused from None
    raise refused
