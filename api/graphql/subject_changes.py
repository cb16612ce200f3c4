"""Changes to subjects: their traits, and the account that a user belongs to."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.perform import Ids, perform
from api.graphql.scalars import JSON
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed
from core import subjects
from core.database import AsyncSession
from core.subjects import Subject, SubjectContext, SubjectKey, SubjectKind


@strawberry.input(
    description="Traits of a subject: the user's where a user id is given, else the "
    "visitor's, else the account's."
)
class IdentifyInput:
    """What identify takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    subject: SubjectInput = strawberry.field(
        description="Whose traits; its attributes are the traits. A null removes one."
    )


@policed(Policy.EDIT)
@strawberry.type(description="The traits on record.")
class IdentifyPayload:
    """What identify answers."""

    traits: JSON = strawberry.field(description="All traits of the subject now.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


IdentifyResult = Annotated[
    IdentifyPayload | Refusal,
    strawberry.union("IdentifyResult", description="The traits, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.EDIT},
        description="Keep traits of a subject, for rules that the request's own "
        "attributes leave open. Memberships arrive as events; links by `linkIdentity`.",
    )
    async def identify(self, info: Info, input: IdentifyInput) -> IdentifyResult:
        """Merged with what is there."""
        context = info.context
        changed: list[SubjectKey] = []

        async def work(session: AsyncSession) -> Ids:
            subject = input.subject.context()
            kind, external_id = _whose(subject)
            changed.append((kind, external_id))
            row = await subjects.identify(
                session,
                environment_id=context.caller.environment_id,
                kind=kind,
                external_id=external_id,
                traits=subject.attributes,
            )
            return {"subject": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> IdentifyPayload:
            row = await session.get_one(Subject, UUID(ids["subject"]))
            return IdentifyPayload(traits=JSON(row.traits), replayed=replayed)

        answer = await perform(
            info, input, operation="identify", work=work, rebuild=rebuild
        )
        context.services.traits.forget(context.caller.environment_id, *changed)
        return answer


def _whose(subject: SubjectContext) -> tuple[SubjectKind, str]:
    if subject.user_id is not None:
        return SubjectKind.USER, subject.user_id
    if subject.anonymous_id is not None:
        return SubjectKind.ANONYMOUS, subject.anonymous_id
    return SubjectKind.ACCOUNT, subject.account_id or ""
