"""hone projects: the first thing that an installation of one's own needs."""

import secrets
from typing import Annotated, Any

import typer
from sqlmodel import col, select

from api.commands.output import AsJson, Output, run
from api.commands.stores import OPERATOR, facts
from core import audit
from core.settings import Settings
from core.tenancy import Project, create_project
from feedback.rules import bootstrap

projects = typer.Typer(help="Projects: create, list.", no_args_is_help=True)


@projects.callback()
def _group() -> None:
    """Projects: create, list."""


@projects.command()
def create(
    key: Annotated[str, typer.Argument(help="Short and for ever, such as `acme`.")],
    name: Annotated[str, typer.Option(help="For people.")] = "",
    currency: Annotated[str, typer.Option(help="ISO 4217, for its money.")] = "USD",
    as_json: AsJson = False,
) -> None:
    """Make a project with a production environment."""
    output = Output(as_json=as_json)
    report = run(output, _create(key, name or key, currency))
    output.line(f"{report['key']} ({report['id']}) with environment production")
    output.finish(report)


@projects.command(name="list")
def list_projects(as_json: AsJson = False) -> None:
    """List the projects of this installation, by key."""
    output = Output(as_json=as_json)
    found = run(output, _list())
    for project in found:
        output.line(f"{project['key']}  {project['name']}")
    output.finish({"projects": found})


async def _list() -> list[dict[str, Any]]:
    async with facts(Settings()) as database, database.readers() as session:
        found = await session.exec(select(Project).order_by(col(Project.key)))
        return [
            {"id": str(each.id), "key": each.key, "name": each.name}
            for each in found.all()
        ]


async def _create(key: str, name: str, currency: str) -> dict[str, Any]:
    async with (
        facts(Settings(), new=True) as database,
        database.sessions.begin() as session,
    ):
        project, environment = await create_project(
            session,
            key=key,
            name=name,
            secret=secrets.token_urlsafe(32),
            currency=currency,
        )
        await bootstrap(session, project.id)
        await audit.record(
            session,
            actor=OPERATOR,
            project_id=project.id,
            action="project.create",
            subject="Project",
            subject_id=project.id,
        )
        return {
            "id": str(project.id),
            "key": project.key,
            "environmentId": str(environment.id),
        }
