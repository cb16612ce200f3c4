"""hone environments: more than the first, and whose pages may read their answers."""

import secrets
from typing import Annotated, Any

import typer

from api import directory
from api.commands.output import AsJson, CommandFailed, Exit, Output, run
from api.commands.stores import (
    OPERATOR,
    ProjectKey,
    facts,
    find_environment,
    find_project,
)
from core import audit
from core.environments import update_environment
from core.settings import Settings
from core.tenancy import create_environment

environments = typer.Typer(
    help="Environments: create, list, origins.", no_args_is_help=True
)


@environments.callback()
def _group() -> None:
    """Environments: create, list, origins."""


@environments.command()
def create(
    key: Annotated[str, typer.Argument(help="Short and for ever, such as `dev`.")],
    project: ProjectKey,
    name: Annotated[str, typer.Option(help="For people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an environment; its keys see nothing of any other one."""
    output = Output(as_json=as_json)
    report = run(output, _create(key, project, name or key))
    output.line(f"{report['key']} ({report['id']})")
    output.finish(report)


@environments.command(name="list")
def list_environments(project: ProjectKey, as_json: AsJson = False) -> None:
    """List a project's environments, production first."""
    output = Output(as_json=as_json)
    found = run(output, _list(project))
    for environment in found:
        state = "production" if environment["production"] else "testing"
        output.line(f"{environment['key']}  {state}  {environment['name']}")
    output.finish({"environments": found})


@environments.command()
def origins(
    key: Annotated[str, typer.Argument(help="The environment's key.")],
    project: ProjectKey,
    *,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Such as https://app.example.com; say it again for more."),
    ] = None,
    allow_any: Annotated[
        bool, typer.Option("--any", help="Let any page read, as it was at first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show whose pages read what client keys are answered, or list them anew."""
    output = Output(as_json=as_json)
    if allow and allow_any:
        output.fail(CommandFailed(Exit.USAGE, "Say --allow or --any, not both."))
    wanted = [] if allow_any else allow
    report = run(output, _origins(key, project, wanted))
    for origin in report["allowedOrigins"] or ["any page"]:
        output.line(origin)
    output.finish(report)


async def _list(project_key: str) -> list[dict[str, Any]]:
    async with facts(Settings()) as database, database.readers() as session:
        project = await find_project(session, project_key)
        return [
            {
                "id": str(each.id),
                "key": each.key,
                "name": each.name,
                "production": each.production,
            }
            for each in await directory.environments(session, project.id)
        ]


async def _origins(
    key: str, project_key: str, wanted: list[str] | None
) -> dict[str, Any]:
    async with facts(Settings()) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        environment = await find_environment(session, project, key)
        if wanted is not None:
            environment = await update_environment(
                session,
                actor=OPERATOR,
                project_id=project.id,
                environment_id=environment.id,
                allowed_origins=wanted,
            )
        return {"key": key, "allowedOrigins": environment.allowed_origins}


async def _create(key: str, project_key: str, name: str) -> dict[str, Any]:
    async with facts(Settings()) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        environment = await create_environment(
            session,
            project_id=project.id,
            key=key,
            name=name,
            secret=secrets.token_urlsafe(32),
        )
        await audit.record(
            session,
            actor=OPERATOR,
            project_id=project.id,
            environment_id=environment.id,
            action="environment.create",
            subject="Environment",
            subject_id=environment.id,
            after={"key": environment.key},
        )
        return {"id": str(environment.id), "key": environment.key}
