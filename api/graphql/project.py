"""The project: its environments, its people and its keys."""

from datetime import datetime
from uuid import UUID

import strawberry

from api import directory
from api.context import Info
from api.graphql.enums import Governance, KeyKind, Role
from api.graphql.ids import global_id
from api.policies import Policy, policed
from core import keys, tenancy


@policed(Policy.READ)
@strawberry.type(description="Development, production: where phases run and keys work.")
class Environment:
    """One environment of the project."""

    id: strawberry.ID = strawberry.field(description="Global id.")
    key: str = strawberry.field(description="For headers and settings.")
    name: str = strawberry.field(description="For people.")
    production: bool = strawberry.field(description="Whether real people are in it.")
    allowed_origins: list[str] = strawberry.field(
        description="Whose pages may read what its client keys are answered; empty: "
        "any page."
    )
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the environment."
    )

    @classmethod
    def of(cls, row: tenancy.Environment) -> "Environment":
        """From a row."""
        return cls(
            id=global_id("Environment", row.id),
            key=row.key,
            name=row.name,
            production=row.production,
            allowed_origins=row.allowed_origins,
            version=row.version,
        )


@policed(Policy.READ)
@strawberry.type(description="A person in the project.")
class Member:
    """One person."""

    id: strawberry.ID = strawberry.field(description="Global id.")
    email: str = strawberry.field(
        metadata={"policy": Policy.ADMIN}, description="Where invitations go."
    )
    name: str = strawberry.field(description="For people.")
    role: Role = strawberry.field(description="What they may do.")

    @classmethod
    def of(cls, row: tenancy.Member) -> "Member":
        """From a row."""
        return cls(
            id=global_id("Member", row.id),
            email=row.email,
            name=row.name,
            role=Role(row.role),
        )


@policed(Policy.ADMIN)
@strawberry.type(description="A credential of an environment; its secret is not kept.")
class ApiKey:
    """One key."""

    id: strawberry.ID = strawberry.field(description="Global id.")
    environment_id: strawberry.ID = strawberry.field(description="Where it works.")
    kind: KeyKind = strawberry.field(description="Public or secret.")
    role: Role = strawberry.field(description="What a server key may do.")
    name: str = strawberry.field(description="For people.")
    prefix: str = strawberry.field(description="How the key's text begins.")
    created_at: datetime = strawberry.field(description="When it was made.")
    revoked_at: datetime | None = strawberry.field(description="When it was ended.")
    payload_key: str | None = strawberry.field(
        description="Of a client key with an encrypted SDK payload: 128 bits in "
        "base64, for the SDK's `decryptionKey`."
    )
    remote_only: bool = strawberry.field(
        description="Whether it has values evaluated here, and is refused the SDK "
        "payload."
    )

    @classmethod
    def of(cls, row: keys.ApiKey) -> "ApiKey":
        """From a row."""
        return cls(
            id=global_id("ApiKey", row.id),
            environment_id=global_id("Environment", row.environment_id),
            kind=KeyKind(row.kind),
            role=Role(row.role),
            name=row.name,
            prefix=row.prefix,
            created_at=row.created_at,
            revoked_at=row.revoked_at,
            payload_key=row.payload_key,
            remote_only=row.remote_only,
        )


@policed(Policy.READ)
@strawberry.type(description="The tenant: definitions and feedback belong to it.")
class Project:
    """The caller's project."""

    local_id: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(description="Global id.")
    key: str = strawberry.field(description="For headers.")
    name: str = strawberry.field(description="For people.")
    time_zone: str = strawberry.field(description="IANA name; looks are taken by it.")
    currency: str = strawberry.field(description="ISO 4217; all money is in it.")
    governance: Governance = strawberry.field(
        description="Who must agree before a start. SOLO asks nobody, and stamps what "
        "nobody reviewed; TEAM asks one who did not change the design; STRICT two, "
        "where a limit gives less to accounts that are there."
    )
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change the project."
    )

    @classmethod
    def of(cls, row: tenancy.Project) -> "Project":
        """From a row."""
        return cls(
            local_id=row.id,
            id=global_id("Project", row.id),
            key=row.key,
            name=row.name,
            time_zone=row.time_zone,
            currency=row.currency,
            governance=Governance(row.governance),
            version=row.version,
        )

    @strawberry.field(description="Its environments, production first.")
    async def environments(self, info: Info) -> list[Environment]:
        """At most 500."""
        async with info.context.readers() as session:
            rows = await directory.environments(session, self.local_id)
        return [Environment.of(row) for row in rows]

    @strawberry.field(description="The people who are in it now.")
    async def members(self, info: Info) -> list[Member]:
        """At most 500."""
        async with info.context.readers() as session:
            rows = await directory.members(session, self.local_id)
        return [Member.of(row) for row in rows]

    @strawberry.field(
        metadata={"policy": Policy.ADMIN},
        description="Its keys, newest first, revoked ones too.",
    )
    async def api_keys(self, info: Info) -> list[ApiKey]:
        """At most 500."""
        async with info.context.readers() as session:
            rows = await directory.api_keys(session, self.local_id)
        return [ApiKey.of(row) for row in rows]


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ}, description="The caller's project."
    )
    async def project(self, info: Info) -> Project:
        """The project of the caller's credential."""
        async with info.context.readers() as session:
            row = await directory.project(session, info.context.caller.project_id)
        return Project.of(row)

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="The environment that this request speaks to.",
    )
    async def environment(self, info: Info) -> Environment:
        """The environment of the caller's credential or header."""
        caller = info.context.caller
        async with info.context.readers() as session:
            row = await directory.environment(
                session, caller.project_id, caller.environment_id
            )
        return Environment.of(row)
