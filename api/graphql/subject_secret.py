"""The secret by which a customer's server vouches for its subjects."""

import secrets
from typing import Annotated

import strawberry

from api import directory
from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from core import audit
from core.database import AsyncSession


@strawberry.input(description="A request for a new secret.")
class RotateSubjectSecretInput:
    """What rotateSubjectSecret takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    reason: str | None = strawberry.field(
        default=None, description="Kept in the audit trail."
    )


@policed(Policy.ADMIN)
@strawberry.type(description="The environment's new secret.")
class RotateSubjectSecretPayload:
    """What rotateSubjectSecret answers."""

    secret: str | None = strawberry.field(
        description="It signs X-Hone-Subject; shown this once, null in a replay."
    )
    replayed: bool = strawberry.field(description="Whether it had been done before.")


RotateSubjectSecretResult = Annotated[
    RotateSubjectSecretPayload | Refusal,
    strawberry.union("RotateSubjectSecretResult", description="It, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.ADMIN},
        description="Make the secret that signs X-Hone-Subject anew; tokens signed "
        "with the old one end at once.",
    )
    async def rotate_subject_secret(
        self, info: Info, input: RotateSubjectSecretInput
    ) -> RotateSubjectSecretResult:
        """One secret for the request's environment."""
        caller, fresh = info.context.caller, secrets.token_urlsafe(32)

        async def work(session: AsyncSession) -> Ids:
            environment = await directory.environment(
                session, caller.project_id, caller.environment_id
            )
            environment.subject_secret = fresh
            session.add(environment)
            await audit.record(
                session,
                actor=caller.actor,
                project_id=caller.project_id,
                environment_id=environment.id,
                action="environment.rotate_subject_secret",
                subject="Environment",
                subject_id=environment.id,
                reason=input.reason,
            )
            return {}

        async def rebuild(
            _session: AsyncSession, _ids: Ids, replayed: bool
        ) -> RotateSubjectSecretPayload:
            return RotateSubjectSecretPayload(
                secret=None if replayed else fresh, replayed=replayed
            )

        return await perform(
            info, input, operation="rotateSubjectSecret", work=work, rebuild=rebuild
        )
