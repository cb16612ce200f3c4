"""Themes: reserved for the clusters that feedback will be grouped into."""

import strawberry

from api.graphql.connection import Connection, PageInfo
from api.graphql.feedback_enums import ThemeStatus
from api.graphql.node import Node
from api.graphql.scalars import Long
from api.pagination import DEFAULT_PAGE, page_size
from api.policies import Policy, policed


@policed(Policy.READ)
@strawberry.type(description="What many comments have in common.")
class Theme(Node):
    """One theme."""

    title: str = strawberry.field(description="For people.")
    status: ThemeStatus = strawberry.field(description="What was decided about it.")
    size: Long = strawberry.field(description="Comments that fit it well.")
    terms: list[str] = strawberry.field(description="Words that set it apart.")


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="The themes of the project's feedback. Themes are yet to come: "
        "until then the list is empty.",
    )
    def themes(
        self,
        status: list[ThemeStatus] | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[Theme]:
        """An empty page."""
        page_size(first)
        return Connection(
            edges=[],
            page_info=PageInfo(
                has_next_page=False,
                has_previous_page=False,
                start_cursor=None,
                end_cursor=None,
            ),
        )
