"""hone members: who may sign in, and the links that they sign in by."""

from typing import Annotated, Any

import typer
from sqlmodel import col, select

from api import directory
from api.commands.address import console_address
from api.commands.output import AsJson, Output, run
from api.commands.stores import OPERATOR, ProjectKey, facts, find_project
from core import audit, signin, tenancy
from core.database import AsyncSession
from core.problems import NotFound
from core.settings import Settings
from core.tenancy import Member, Project, Role

members = typer.Typer(help="People: invite, list, link, remove.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="Where the person is reached.")]


@members.command()
def invite(
    email: Email,
    project: ProjectKey,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.VIEWER,
    name: Annotated[str, typer.Option(help="For people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let a person in, or change their role; prints a link that works once."""
    output = Output(as_json=as_json)
    report = run(output, _invite(email, project, role, name))
    output.line(report["signInLink"])
    output.finish(report)


@members.command(name="list")
def list_members(project: ProjectKey, as_json: AsJson = False) -> None:
    """List who may sign in."""
    output = Output(as_json=as_json)
    found = run(output, _list(project))
    for member in found:
        output.line(f"{member['email']}  {member['role']}  {member['name']}")
    output.finish({"members": found})


@members.command()
def link(email: Email, project: ProjectKey, as_json: AsJson = False) -> None:
    """Print a fresh sign-in link of somebody who is in; it works once."""
    output = Output(as_json=as_json)
    report = run(output, _link(email, project))
    output.line(report["signInLink"])
    output.finish(report)


@members.command()
def remove(
    email: Email,
    project: ProjectKey,
    reason: Annotated[str, typer.Option(help="Kept in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """Shut a person out, with all their sessions and links."""
    output = Output(as_json=as_json)
    report = run(output, _remove(email, project, reason))
    output.line(f"{report['email']} is out of {project}")
    output.finish(report)


def sign_in_url(settings: Settings, token: str) -> str:
    """Where the console takes a one-time token."""
    return f"{console_address(settings)}/console/sign-in/{token}"


async def _invite(
    email: str, project_key: str, role: Role, name: str
) -> dict[str, Any]:
    settings = Settings()
    async with facts(settings) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        member = await tenancy.invite(
            session, project_id=project.id, email=email, name=name, role=role
        )
        return await _linked(session, settings, member, "member.invite")


async def _list(project_key: str) -> list[dict[str, Any]]:
    async with facts(Settings()) as database, database.readers() as session:
        project = await find_project(session, project_key)
        return [
            {
                "id": str(member.id),
                "email": member.email,
                "role": member.role.value,
                "name": member.name,
            }
            for member in await directory.members(session, project.id)
        ]


async def _link(email: str, project_key: str) -> dict[str, Any]:
    settings = Settings()
    async with facts(settings) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        member = await _find(session, project, email)
        return await _linked(session, settings, member, "member.link")


async def _remove(email: str, project_key: str, reason: str) -> dict[str, Any]:
    async with facts(Settings()) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        found = await _find(session, project, email)
        member = await signin.shut_out(
            session, project_id=project.id, member_id=found.id
        )
        await audit.record(
            session,
            actor=OPERATOR,
            project_id=project.id,
            action="member.remove",
            subject="Member",
            subject_id=member.id,
            before={"role": member.role.value},
            reason=reason or None,
        )
        return {"id": str(member.id), "email": member.email}


async def _find(session: AsyncSession, project: Project, email: str) -> Member:
    found = await session.exec(
        select(Member).where(
            Member.project_id == project.id,
            Member.email == email.strip().lower(),
            col(Member.revoked_at).is_(None),
        )
    )
    member = found.first()
    if member is None:
        raise NotFound(f"The member {email}")
    return member


async def _linked(
    session: AsyncSession, settings: Settings, member: Member, action: str
) -> dict[str, Any]:
    token = await signin.make_link(
        session, member_id=member.id, minutes=settings.sign_in_link_minutes
    )
    await audit.record(
        session,
        actor=OPERATOR,
        project_id=member.project_id,
        action=action,
        subject="Member",
        subject_id=member.id,
        after={"role": member.role.value},
    )
    return {
        "id": str(member.id),
        "email": member.email,
        "role": member.role.value,
        "signInLink": sign_in_url(settings, token),
        "validMinutes": settings.sign_in_link_minutes,
    }
