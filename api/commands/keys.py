"""hone keys: API keys of an environment."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import typer

from api import directory
from api.commands.output import AsJson, CommandFailed, Exit, Output, run
from api.commands.stores import (
    OPERATOR,
    EnvironmentKey,
    ProjectKey,
    facts,
    find_environment,
    find_project,
)
from core import audit
from core import keys as api_keys
from core.keys import ApiKey, IssuedKey, KeyKind
from core.settings import Settings
from core.tenancy import Role

keys = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    *,
    project: ProjectKey,
    kind: Annotated[
        KeyKind, typer.Option(help="CLIENT is public, SERVER is secret.")
    ] = KeyKind.SERVER,
    role: Annotated[
        Role | None,
        typer.Option(help="What a server key may do; VIEWER unless said otherwise."),
    ] = None,
    environment: EnvironmentKey = "production",
    encrypted: Annotated[
        bool, typer.Option("--encrypted", help="Encrypt a client key's SDK payload.")
    ] = False,
    remote_only: Annotated[
        bool, typer.Option("--remote-only", help="Refuse a client key the SDK payload.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a key; its text is shown this once."""
    output = Output(as_json=as_json)
    if kind is KeyKind.CLIENT and role is not None:
        output.fail(CommandFailed(Exit.USAGE, "A client key has no role."))
    wanted = partial(
        api_keys.issue,
        kind=kind,
        role=role or Role.VIEWER,
        name=name,
        encrypted=encrypted,
        remote_only=remote_only,
    )
    report = run(output, _create(wanted, project, environment))
    output.line(report["secret"])
    if encrypted:
        output.line(f"decrypted with {report['payloadKey']}")
    output.finish(report)


@keys.command(name="list")
def list_keys(project: ProjectKey, as_json: AsJson = False) -> None:
    """List a project's keys, revoked ones too, newest first."""
    output = Output(as_json=as_json)
    found = run(output, _list(project))
    for key in found:
        state = "revoked" if key["revokedAt"] else "live"
        output.line(
            f"{key['id']}  {key['prefix']}  {key['kind']:6}  {state}  "
            f"{key['role']}  {key['name']}"
        )
    output.finish({"keys": found})


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as list prints it.")],
    project: ProjectKey,
    reason: Annotated[str, typer.Option(help="Kept in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """End a key's life; doing it again changes nothing."""
    output = Output(as_json=as_json)
    report = run(output, _revoke(key_id, project, reason))
    output.line(f"{report['prefix']} is revoked")
    output.finish(report)


async def _create(
    issue: Callable[..., Awaitable[IssuedKey]], project_key: str, environment_key: str
) -> dict[str, Any]:
    async with facts(Settings()) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        environment = await find_environment(session, project, environment_key)
        issued = await issue(session, environment_id=environment.id)
        await audit.record(
            session,
            actor=OPERATOR,
            project_id=project.id,
            environment_id=environment.id,
            action="api_key.create",
            subject="ApiKey",
            subject_id=issued.key.id,
            after=issued.key.facts(),
        )
        return {**_shown(issued.key), "secret": issued.text}


async def _list(project_key: str) -> list[dict[str, Any]]:
    async with facts(Settings()) as database, database.readers() as session:
        project = await find_project(session, project_key)
        return [_shown(key) for key in await directory.api_keys(session, project.id)]


async def _revoke(key_id: str, project_key: str, reason: str) -> dict[str, Any]:
    try:
        wanted = UUID(key_id)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"{key_id} is not a key's id.") from error
    async with facts(Settings()) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        key = await api_keys.revoke(session, project_id=project.id, key_id=wanted)
        await audit.record(
            session,
            actor=OPERATOR,
            project_id=project.id,
            environment_id=key.environment_id,
            action="api_key.revoke",
            subject="ApiKey",
            subject_id=key.id,
            reason=reason or None,
        )
        return _shown(key)


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": str(key.id),
        "prefix": key.prefix,
        "name": key.name,
        "kind": key.kind.value,
        "role": key.role.value,
        "createdAt": key.created_at.isoformat(),
        "revokedAt": key.revoked_at.isoformat() if key.revoked_at else None,
        "payloadKey": key.payload_key,
        "remoteOnly": key.remote_only,
    }
