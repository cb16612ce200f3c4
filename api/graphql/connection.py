"""Relay connections over keyset pages."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import strawberry

from api.pagination import Page
from api.policies import Policy, policed

Item = TypeVar("Item")


@policed(Policy.PUBLIC)
@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Relay's page information."""

    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    has_previous_page: bool = strawberry.field(
        description="Whether the page began after a cursor."
    )
    start_cursor: str | None = strawberry.field(description="The first row's cursor.")
    end_cursor: str | None = strawberry.field(
        description="The last row's cursor: send it as `after` for the next page."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="One row of a page.")
class Edge(Generic[Item]):
    """A row with its cursor."""

    cursor: str = strawberry.field(description="Names this row's place in the list.")
    node: Item = strawberry.field(description="The row.")


@policed(Policy.PUBLIC)
@strawberry.type(description="One page of a list.")
class Connection(Generic[Item]):
    """A page of rows; `ThingConnection` is `Connection[Thing]`."""

    edges: list[Edge[Item]] = strawberry.field(description="The rows.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")


def connected(page: Page[Any], wrap: Callable[[Any], Item]) -> Connection[Item]:
    """A page of table rows as a connection of types."""
    edges = [
        Edge(cursor=cursor, node=wrap(row))
        for row, cursor in zip(page.rows, page.cursors, strict=True)
    ]
    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=page.cursors[0] if page.cursors else None,
        end_cursor=page.cursors[-1] if page.cursors else None,
    )
    return Connection(edges=edges, page_info=info)
