"""Environments, and keys to them: made and ended by administrators."""

import secrets
from typing import Annotated
from uuid import UUID

import strawberry

from api import directory
from api.context import Context, Info
from api.graphql.enums import KeyKind, Role
from api.graphql.errors import Refusal
from api.graphql.ids import local_id
from api.graphql.perform import Ids, Once, perform
from api.graphql.project import ApiKey, Environment
from api.graphql.text import bounded
from api.policies import Policy, policed
from core import audit, keys, tenancy
from core.database import AsyncSession

_ADMIN = {"policy": Policy.ADMIN}


@strawberry.input(description="An environment to make.")
class CreateEnvironmentInput:
    """What createEnvironment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 64 small letters, digits and dashes, a letter first."
    )
    name: str = strawberry.field(description="For people: 1 to 200 characters.")


@policed(Policy.ADMIN)
@strawberry.type(description="The environment that was made.")
class CreateEnvironmentPayload:
    """What createEnvironment answers."""

    environment: Environment = strawberry.field(description="The environment.")
    replayed: bool = strawberry.field(description="Whether it had been made before.")


@strawberry.input(description="A key to make.")
class CreateApiKeyInput:
    """What createApiKey takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    name: str = strawberry.field(description="For people: 1 to 200 characters.")
    kind: KeyKind = strawberry.field(description="Public or secret.")
    role: Role = strawberry.field(
        default=Role.VIEWER, description="What a server key may do."
    )
    environment_id: strawberry.ID | None = strawberry.field(
        default=None, description="Where it works; left out, the request's own."
    )
    encrypted: bool = strawberry.field(
        default=False,
        description="Of a client key: the SDK payload is encrypted, with the key's "
        "`payloadKey`. Not with `remoteOnly`.",
    )
    remote_only: bool = strawberry.field(
        default=False,
        description="Of a client key: it has values evaluated here, and is refused the "
        "SDK payload.",
    )


@policed(Policy.ADMIN)
@strawberry.type(description="The key that was made.")
class CreateApiKeyPayload:
    """What createApiKey answers."""

    api_key: ApiKey = strawberry.field(description="The key.")
    secret: str | None = strawberry.field(
        description="The key's text, shown this once; null in a replay."
    )
    replayed: bool = strawberry.field(description="Whether it had been made before.")


@strawberry.input(description="A key to end.")
class RevokeApiKeyInput:
    """What revokeApiKey takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The key's global id.")
    reason: str | None = strawberry.field(
        default=None, description="Kept in the audit trail."
    )


@policed(Policy.ADMIN)
@strawberry.type(description="The key that was ended.")
class RevokeApiKeyPayload:
    """What revokeApiKey answers."""

    api_key: ApiKey = strawberry.field(description="The key.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


CreateEnvironmentResult = Annotated[
    CreateEnvironmentPayload | Refusal,
    strawberry.union(
        "CreateEnvironmentResult", description="The environment, or why not."
    ),
]
CreateApiKeyResult = Annotated[
    CreateApiKeyPayload | Refusal,
    strawberry.union("CreateApiKeyResult", description="The key, or why not."),
]
RevokeApiKeyResult = Annotated[
    RevokeApiKeyPayload | Refusal,
    strawberry.union("RevokeApiKeyResult", description="The key, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_ADMIN,
        description="Make an environment beside production: phases, responses and "
        "keys of one are not seen in another.",
    )
    async def create_environment(
        self,
        info: Info,
        input: CreateEnvironmentInput,
    ) -> CreateEnvironmentResult:
        """One environment with its audit row."""
        context = info.context
        project_id = context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            made = await tenancy.create_environment(
                session,
                project_id=project_id,
                key=input.key,
                name=bounded(input.name, "name", 200),
                secret=secrets.token_urlsafe(32),
            )
            await audit.record(
                session,
                actor=context.actor,
                project_id=project_id,
                environment_id=made.id,
                action="environment.create",
                subject="Environment",
                subject_id=made.id,
                after={"key": made.key},
            )
            return {"environment": made.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> CreateEnvironmentPayload:
            row = await directory.environment(
                session, project_id, UUID(ids["environment"])
            )
            return CreateEnvironmentPayload(
                environment=Environment.of(row), replayed=replayed
            )

        return await perform(
            info, input, operation="createEnvironment", work=work, rebuild=rebuild
        )

    @strawberry.mutation(metadata=_ADMIN, description="Make a key; it is shown once.")
    async def create_api_key(
        self,
        info: Info,
        input: CreateApiKeyInput,
    ) -> CreateApiKeyResult:
        """One key with its audit row."""
        context, shown = info.context, Once()

        async def work(session: AsyncSession) -> Ids:
            issued = await _issue(session, context, input)
            shown.text = issued.text
            return {"key": issued.key.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> CreateApiKeyPayload:
            row = await directory.api_key(
                session, context.caller.project_id, UUID(ids["key"])
            )
            return CreateApiKeyPayload(
                api_key=ApiKey.of(row), secret=shown.text, replayed=replayed
            )

        return await perform(
            info, input, operation="createApiKey", work=work, rebuild=rebuild
        )

    @strawberry.mutation(metadata=_ADMIN, description="End a key's life at once.")
    async def revoke_api_key(
        self,
        info: Info,
        input: RevokeApiKeyInput,
    ) -> RevokeApiKeyResult:
        """Its requests are refused within two seconds, its sockets within five."""
        context = info.context
        project_id = context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            key = await keys.revoke(
                session,
                project_id=project_id,
                key_id=local_id(input.id, "ApiKey", path=("id",)),
            )
            await audit.record(
                session,
                actor=context.actor,
                project_id=project_id,
                environment_id=key.environment_id,
                action="api_key.revoke",
                subject="ApiKey",
                subject_id=key.id,
                reason=input.reason,
            )
            return {"key": key.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> RevokeApiKeyPayload:
            row = await directory.api_key(session, project_id, UUID(ids["key"]))
            return RevokeApiKeyPayload(api_key=ApiKey.of(row), replayed=replayed)

        return await perform(
            info, input, operation="revokeApiKey", work=work, rebuild=rebuild
        )


async def _issue(
    session: AsyncSession,
    context: Context,
    input: CreateApiKeyInput,
) -> keys.IssuedKey:
    caller = context.caller
    environment_id = caller.environment_id
    if input.environment_id is not None:
        asked = local_id(input.environment_id, "Environment", path=("environmentId",))
        found = await directory.environment(session, caller.project_id, asked)
        environment_id = found.id
    issued = await keys.issue(
        session,
        environment_id=environment_id,
        kind=input.kind,
        role=input.role,
        name=bounded(input.name, "name", 200),
        encrypted=input.encrypted,
        remote_only=input.remote_only,
    )
    await audit.record(
        session,
        actor=context.actor,
        project_id=caller.project_id,
        environment_id=environment_id,
        action="api_key.create",
        subject="ApiKey",
        subject_id=issued.key.id,
        after=issued.key.facts(),
    )
    return issued
