"""The enums of launch readiness as GraphQL sees them."""

import strawberry

from experiments.readiness.items import ItemCode, ItemGroup, ItemStatus

strawberry.enum(
    ItemCode,
    name="ReadinessCode",
    description="What is checked before a launch.",
)
strawberry.enum(
    ItemGroup,
    name="ReadinessGroupKind",
    description="Who settles an item: YOU_DECIDE is for people, WE_CHECKED is found by "
    "looking, WORTH_KNOWING seldom stops anybody.",
)
strawberry.enum(
    ItemStatus,
    name="ReadinessStatus",
    description="How an item stands. WAITING: evidence is being gathered. WAIVED: "
    "somebody let it pass, by name and with a reason.",
)

__all__ = ["ItemCode", "ItemGroup", "ItemStatus"]
