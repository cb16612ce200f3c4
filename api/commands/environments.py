"""hone environments: more of them than the production that a project begins with."""

import secrets
from typing import Annotated, Any

import typer

from api.commands.output import AsJson, Output, run
from api.commands.stores import OPERATOR, ProjectKey, facts, find_project
from core import audit
from core.settings import Settings
from core.tenancy import create_environment

environments = typer.Typer(help="Environments: create.", no_args_is_help=True)


@environments.callback()
def _group() -> None:
    """Environments: create."""


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
