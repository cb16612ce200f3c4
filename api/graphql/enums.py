"""The kernel's enums as GraphQL sees them."""

import strawberry

from core.audit import ActorKind
from core.keys import KeyKind
from core.tenancy import Governance, Role

strawberry.enum(
    ActorKind, description="Who acts: a person, a key, the service or its operator."
)
strawberry.enum(
    KeyKind,
    description="CLIENT keys are public, for browsers; SERVER keys are secret.",
)
strawberry.enum(
    Role, description="What a member may do; each role adds to the one before it."
)
strawberry.enum(Governance, description="How many people a launch or decision needs.")

__all__ = ["ActorKind", "Governance", "KeyKind", "Role"]
