"""An environment's own rules: its name, and whose pages read its answers."""

from typing import Annotated
from uuid import UUID

import strawberry

from api import directory
from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.ids import local_id
from api.graphql.perform import Ids, perform
from api.graphql.project import Environment
from api.graphql.text import bounded
from api.policies import Policy, policed
from core.database import AsyncSession
from core.environments import update_environment


@strawberry.input(
    description="What to change of an environment; what is left out stays."
)
class UpdateEnvironmentInput:
    """What updateEnvironment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The environment's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")
    name: str | None = strawberry.field(
        default=None, description="For people: 1 to 200 characters."
    )
    allowed_origins: list[str] | None = strawberry.field(
        default=None,
        description="Whose pages may read what client keys are answered: at most 50, "
        "each `https://app.example.com`, with a port if it is not the scheme's own, or "
        "`https://*.example.com` for all subdomains. An empty list is any page.",
    )
    reason: str = strawberry.field(default="", description="Kept in the audit trail.")


@policed(Policy.ADMIN)
@strawberry.type(description="The environment as it is now.")
class UpdateEnvironmentPayload:
    """What updateEnvironment answers."""

    environment: Environment = strawberry.field(description="The environment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


UpdateEnvironmentResult = Annotated[
    UpdateEnvironmentPayload | Refusal,
    strawberry.union(
        "UpdateEnvironmentResult", description="The environment, or why not."
    ),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.ADMIN},
        description="Change an environment's name, or whose pages may read what its "
        "client keys are answered: seen by every process within two seconds.",
    )
    async def update_environment(
        self, info: Info, input: UpdateEnvironmentInput
    ) -> UpdateEnvironmentResult:
        """The parts that were sent."""
        project_id = info.context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            name = None if input.name is None else bounded(input.name, "name", 200)
            row = await update_environment(
                session,
                actor=info.context.actor,
                project_id=project_id,
                environment_id=local_id(input.id, "Environment", path=("id",)),
                expected_version=input.expected_version,
                name=name,
                allowed_origins=input.allowed_origins,
                reason=input.reason,
            )
            return {"environment": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> UpdateEnvironmentPayload:
            row = await directory.environment(
                session, project_id, UUID(ids["environment"])
            )
            return UpdateEnvironmentPayload(
                environment=Environment.of(row), replayed=replayed
            )

        return await perform(
            info, input, operation="updateEnvironment", work=work, rebuild=rebuild
        )
