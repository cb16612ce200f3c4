"""The audit trail: who changed what, when and why."""

from datetime import datetime

import strawberry
from sqlmodel import select

from api.context import Info
from api.graphql.connection import Connection, connected
from api.graphql.enums import ActorKind
from api.graphql.ids import global_id
from api.graphql.scalars import JSON
from api.pagination import DEFAULT_PAGE, Order, paged
from api.policies import Policy, policed
from core import audit_chain
from core.audit import AuditRow

_NEWEST = Order("audit.at", AuditRow.at, AuditRow.id, datetime)


@policed(Policy.READ)
@strawberry.type(description="Whoever made a change.")
class Actor:
    """A person, a key or the service."""

    kind: ActorKind = strawberry.field(description="A person, a key or the service.")
    name: str = strawberry.field(description="As it was when the change was made.")

    @classmethod
    def of(cls, kind: ActorKind, name: str) -> "Actor":
        """From a row's columns."""
        return cls(kind=kind, name=name)


@policed(Policy.READ)
@strawberry.type(description="One change, sealed into its project's hash chain.")
class AuditEvent:
    """A row of the trail."""

    id: strawberry.ID = strawberry.field(description="The entry's id.")
    at: datetime = strawberry.field(description="When, by the database clock.")
    actor: Actor = strawberry.field(description="Who.")
    action: str = strawberry.field(description="What, such as experiment.start.")
    subject: str = strawberry.field(description="The type of what was changed.")
    subject_id: strawberry.ID | None = strawberry.field(
        description="The global id of what was changed."
    )
    before: JSON | None = strawberry.field(description="As it was.")
    after: JSON | None = strawberry.field(description="As it became.")
    reason: str | None = strawberry.field(description="Why, in the actor's words.")
    number: int | None = strawberry.field(
        description="Place in the chain; null until it is sealed."
    )
    sealed_at: datetime | None = strawberry.field(
        description="When the chain took it in."
    )

    @classmethod
    def of(cls, row: AuditRow) -> "AuditEvent":
        """From a row."""
        subject_id = None
        if row.subject_id is not None:
            subject_id = global_id(row.subject, row.subject_id)
        return cls(
            id=global_id("AuditEvent", row.id),
            at=row.at,
            actor=Actor.of(row.actor_kind, row.actor_name),
            action=row.action,
            subject=row.subject,
            subject_id=subject_id,
            before=None if row.before is None else JSON(row.before),
            after=None if row.after is None else JSON(row.after),
            reason=row.reason,
            number=row.number,
            sealed_at=row.sealed_at,
        )


@policed(Policy.OPERATE)
@strawberry.type(description="What walking a project's hash chain found.")
class AuditVerification:
    """The chain, link by link."""

    ok: bool = strawberry.field(description="Whether every sealed link holds.")
    sealed: int = strawberry.field(description="How many links hold.")
    unsealed: int = strawberry.field(description="Entries that wait to be sealed.")
    broken_at: int | None = strawberry.field(
        description="The number of the first link that does not hold."
    )
    link: str | None = strawberry.field(
        description="The hash that the chain ends with, null while nothing is sealed. "
        "Noted outside with `sealed`, it shows a later change of everything in here."
    )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="The project's changes, newest first.",
    )
    async def audit_log(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[AuditEvent]:
        """One page of the trail."""
        statement = select(AuditRow).where(
            AuditRow.project_id == info.context.caller.project_id
        )
        async with info.context.readers() as session:
            page = await paged(session, statement, _NEWEST, first=first, after=after)
        return connected(page, AuditEvent.of)

    @strawberry.field(
        metadata={"policy": Policy.OPERATE},
        description="Walk the project's hash chain and name the first broken link.",
    )
    async def verify_audit(self, info: Info) -> AuditVerification:
        """The whole chain."""
        async with info.context.readers() as session:
            found = await audit_chain.verify(session, info.context.caller.project_id)
        return AuditVerification(
            ok=found.broken_at is None,
            sealed=found.sealed,
            unsealed=found.unsealed,
            broken_at=found.broken_at,
            link=found.link or None,
        )
