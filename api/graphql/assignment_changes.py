"""assignmentInvalidated: a subject's assignments, followed."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from api.composed.invalidation import Invalidation, invalidations
from api.context import Info
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed


@policed(Policy.PUBLIC)
@strawberry.type(description="What a subject is given has changed: ask again.")
class AssignmentInvalidation:
    """One change."""

    config_version: int = strawberry.field(
        description="The version of the environment's definitions now."
    )
    etag: str = strawberry.field(description="Of what the subject is given now.")
    keys: list[str] = strawberry.field(
        description="The experiments whose answer changed, came or went."
    )

    @classmethod
    def of(cls, found: Invalidation) -> "AssignmentInvalidation":
        """From what was followed."""
        return cls(config_version=found.version, etag=found.etag, keys=list(found.keys))


@strawberry.type
class Subscription:
    """Root fields."""

    @strawberry.subscription(
        metadata={"policy": Policy.PUBLIC},
        description="Speaks whenever a change of the definitions gives the subject "
        "something else than before, and is silent otherwise. With the `etag` that "
        "you hold, it speaks at once if that is out of date already.",
    )
    async def assignment_invalidated(
        self, info: Info, subject: SubjectInput, etag: str | None = None
    ) -> AsyncIterator[AssignmentInvalidation]:
        """Driven by the process's own definitions: no poll, no query of its own."""
        found = invalidations(info.context, subject.context(), etag)
        async with aclosing(found) as changes:
            async for change in changes:
                yield AssignmentInvalidation.of(change)
