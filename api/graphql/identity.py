"""linkIdentity: a visitor turns out to be a user, and keeps what they had met."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.composed.linking import settled_link
from api.composed.surveys import check_may_name
from api.context import Info
from api.graphql.errors import Refusal, member_for
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from core.links import LinkOutcome, link
from core.problems import Invalid, Problem
from core.subjects import SubjectContext, SubjectKind
from experiments.keeping import Kept

MAX_ID = 200


@strawberry.input(description="A visitor who turned out to be a user.")
class LinkIdentityInput:
    """What linkIdentity takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    anonymous_id: str = strawberry.field(
        description="Your id of the visitor, who had not signed in."
    )
    user_id: str = strawberry.field(
        description="Your id of the user. With a client key, X-Hone-Subject has to "
        "vouch for it."
    )

    def checked(self) -> SubjectContext:
        """Both ids.

        Raises:
            Invalid: One is empty or too long.
        """
        named = {"anonymousId": self.anonymous_id, "userId": self.user_id}
        for name, value in named.items():
            if not 0 < len(value) <= MAX_ID:
                raise Invalid(
                    f"An id has 1 to {MAX_ID} characters.",
                    code="BAD_INPUT",
                    path=(name,),
                )
        return SubjectContext(user_id=self.user_id, anonymous_id=self.anonymous_id)


@policed(Policy.PUBLIC)
@strawberry.type(description="The variant that stands for a person in an experiment.")
class KeptVariant:
    """What the first recorded exposure left to all ids of the person."""

    experiment_key: str = strawberry.field(description="The experiment.")
    variant: str = strawberry.field(
        description="The variant that was met first, and is served to both ids."
    )
    met_anonymously: bool = strawberry.field(
        description="Whether it was met before signing in."
    )
    met_at: datetime = strawberry.field(description="When it was met.")
    held: bool = strawberry.field(
        description="Whether it had to be written down: one of the ids alone might "
        "get another variant, or none."
    )
    conflict: bool = strawberry.field(
        description="Whether another id of the person had met another variant."
    )

    @classmethod
    def of(cls, kept: Kept) -> "KeptVariant":
        """From what stands."""
        return cls(
            experiment_key=kept.first.experiment_key,
            variant=kept.first.variant_key,
            met_anonymously=kept.first.kind is SubjectKind.ANONYMOUS,
            met_at=kept.first.occurred_at,
            held=bool(kept.needing),
            conflict=kept.conflict,
        )


@policed(Policy.PUBLIC)
@strawberry.type(description="What became of a link.")
class LinkIdentityPayload:
    """A link, or a conflict that moved nothing."""

    linked: bool = strawberry.field(
        description="Whether the anonymous id belongs to the user now."
    )
    conflict: bool = strawberry.field(
        description="Whether it belongs to another user, who was first: nothing moved."
    )
    kept: list[KeptVariant] = strawberry.field(
        description="For each running experiment that one of the user's ids was "
        "exposed in, the variant that stands."
    )
    replayed: bool = strawberry.field(description="Whether it had been done before.")


LinkIdentityResult = Annotated[
    LinkIdentityPayload | Refusal,
    strawberry.union("LinkIdentityResult", description="The link, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.INGEST},
        description="Say that a visitor is a user. The first user wins; the variant "
        "that was recorded first stays for both ids.",
    )
    async def link_identity(
        self, info: Info, input: LinkIdentityInput
    ) -> LinkIdentityResult:
        """Recorded in one transaction, then settled."""
        context = info.context
        try:
            subject = input.checked()
            # At a repeat too: a browser's key is everybody's, and the answer tells
            # what a person has met.
            async with context.readers() as session:
                await check_may_name(context, session, subject)
        except Problem as problem:
            return member_for(problem)
        settling: list[UUID] = []

        async def work(session: AsyncSession) -> Ids:
            row, outcome = await link(
                session,
                context.caller.environment_id,
                input.anonymous_id,
                input.user_id,
            )
            return {"link": row.id.hex, "outcome": outcome.value}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> LinkIdentityPayload:
            outcome = LinkOutcome(ids["outcome"])
            conflict = outcome is LinkOutcome.CONFLICT
            if not conflict:
                settling.append(UUID(ids["link"]))
            if not replayed:
                context.services.measures.linked(outcome.value.lower())
            return LinkIdentityPayload(
                linked=not conflict, conflict=conflict, kept=[], replayed=replayed
            )

        answer = await perform(
            info,
            input,
            operation="linkIdentity",
            work=work,
            rebuild=rebuild,
            nudges=("settle_links",),
        )
        if not isinstance(answer, LinkIdentityPayload):
            return answer
        for link_id in settling:
            kept = await settled_link(context, link_id)
            answer = replace(answer, kept=[KeptVariant.of(one) for one in kept])
        return answer
