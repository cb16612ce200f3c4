"""People: let in, and shut out, by administrators."""

from typing import Annotated
from uuid import UUID

import strawberry

from api import directory
from api.context import Context, Info
from api.graphql.enums import Role
from api.graphql.errors import Refusal
from api.graphql.ids import local_id
from api.graphql.perform import Ids, Once, perform
from api.graphql.project import Member
from api.graphql.text import bounded
from api.policies import Policy, policed
from core import audit, signin, tenancy
from core.database import AsyncSession

_ADMIN = {"policy": Policy.ADMIN}


@strawberry.input(description="A person to let in, or whose role to change.")
class InviteMemberInput:
    """What inviteMember takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    email: str = strawberry.field(description="Where the person is reached.")
    role: Role = strawberry.field(description="What they may do.")
    name: str = strawberry.field(default="", description="For people.")


@policed(Policy.ADMIN)
@strawberry.type(description="The person who was let in.")
class InviteMemberPayload:
    """What inviteMember answers."""

    member: Member = strawberry.field(description="The person.")
    sign_in_link: str | None = strawberry.field(
        description="A link that works once, shown this once; null in a replay."
    )
    replayed: bool = strawberry.field(description="Whether it had been done before.")


@strawberry.input(description="A person to shut out.")
class RemoveMemberInput:
    """What removeMember takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The member's global id.")
    reason: str | None = strawberry.field(
        default=None, description="Kept in the audit trail."
    )


@policed(Policy.ADMIN)
@strawberry.type(description="The person who was shut out.")
class RemoveMemberPayload:
    """What removeMember answers."""

    member: Member = strawberry.field(description="The person.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


InviteMemberResult = Annotated[
    InviteMemberPayload | Refusal,
    strawberry.union("InviteMemberResult", description="The person, or why not."),
]
RemoveMemberResult = Annotated[
    RemoveMemberPayload | Refusal,
    strawberry.union("RemoveMemberResult", description="The person, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_ADMIN, description="Let a person in, or change their role."
    )
    async def invite_member(
        self,
        info: Info,
        input: InviteMemberInput,
    ) -> InviteMemberResult:
        """The person with a fresh sign-in link."""
        context, shown = info.context, Once()

        async def work(session: AsyncSession) -> Ids:
            member, shown.text = await _invite(session, context, input)
            return {"member": member.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> InviteMemberPayload:
            row = await directory.member(
                session, context.caller.project_id, UUID(ids["member"])
            )
            return InviteMemberPayload(
                member=Member.of(row), sign_in_link=shown.text, replayed=replayed
            )

        return await perform(
            info, input, operation="inviteMember", work=work, rebuild=rebuild
        )

    @strawberry.mutation(
        metadata=_ADMIN,
        description="Shut a person out, with all their sessions and sign-in links. "
        "The last administrator stays.",
    )
    async def remove_member(
        self,
        info: Info,
        input: RemoveMemberInput,
    ) -> RemoveMemberResult:
        """Their requests are refused within two seconds, their sockets within five."""
        context = info.context
        project_id = context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            member = await signin.shut_out(
                session,
                project_id=project_id,
                member_id=local_id(input.id, "Member", path=("id",)),
            )
            await audit.record(
                session,
                actor=context.actor,
                project_id=project_id,
                action="member.remove",
                subject="Member",
                subject_id=member.id,
                before={"role": member.role.value},
                reason=input.reason,
            )
            return {"member": member.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> RemoveMemberPayload:
            row = await directory.member(session, project_id, UUID(ids["member"]))
            return RemoveMemberPayload(member=Member.of(row), replayed=replayed)

        return await perform(
            info, input, operation="removeMember", work=work, rebuild=rebuild
        )


async def _invite(
    session: AsyncSession,
    context: Context,
    input: InviteMemberInput,
) -> tuple[tenancy.Member, str]:
    project_id = context.caller.project_id
    member = await tenancy.invite(
        session,
        project_id=project_id,
        email=bounded(input.email, "email", 320, least=3),
        name=bounded(input.name, "name", 200, least=0),
        role=input.role,
    )
    settings = context.settings
    token = await signin.make_link(
        session, member_id=member.id, minutes=settings.sign_in_link_minutes
    )
    await audit.record(
        session,
        actor=context.actor,
        project_id=project_id,
        action="member.invite",
        subject="Member",
        subject_id=member.id,
        after={"role": member.role.value},
    )
    return member, f"{settings.console_url}/console/sign-in/{token}"
