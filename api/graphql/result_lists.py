"""Pages of what a snapshot already holds: a cursor names a place in its list."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from api.graphql.connection import Connection, Edge, PageInfo
from api.pagination import page_size
from core.problems import Invalid

Part = TypeVar("Part")
Item = TypeVar("Item")

_MAX_CURSOR = 1024


def listed(
    parts: Sequence[Part],
    wrap: Callable[[Part], Item],
    *,
    name: str,
    first: int | None,
    after: str | None,
) -> Connection[Item]:
    """One page of a list that never changes.

    Args:
        parts: The whole list.
        wrap: Makes a part an item.
        name: Written into cursors, so that one of another list is refused.
        first: How many items at most.
        after: The cursor of the last item seen.

    Raises:
        Invalid: `first` is out of bounds, or `after` is not a cursor of this list.
    """
    size = page_size(first)
    start = 0 if after is None else _place(name, after) + 1
    page = [
        Edge(cursor=_cursor(name, place), node=wrap(parts[place]))
        for place in range(start, min(start + size, len(parts)))
    ]
    info = PageInfo(
        has_next_page=start + size < len(parts),
        has_previous_page=after is not None,
        start_cursor=page[0].cursor if page else None,
        end_cursor=page[-1].cursor if page else None,
    )
    return Connection(edges=page, page_info=info)


def _cursor(name: str, place: int) -> str:
    return base64.urlsafe_b64encode(f"{name} {place}".encode()).decode()


def _place(name: str, after: str) -> int:
    refused = Invalid(
        "`after` is not a cursor of this list.", code="BAD_INPUT", path=("after",)
    )
    if len(after) > _MAX_CURSOR or not after.isascii():
        raise refused
    try:
        text = base64.b64decode(after.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise refused from None
    found, _, place = text.rpartition(" ")
    if found != name or not place.isascii() or not place.isdigit():
        raise refused
    return int(place)
