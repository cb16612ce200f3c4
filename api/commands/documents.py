"""hone documents: what clients of an environment may name by its hash."""

from pathlib import Path
from typing import Annotated, Any

import typer

from api.commands.output import AsJson, CommandFailed, Exit, Output, run
from api.commands.stores import (
    OPERATOR,
    EnvironmentKey,
    ProjectKey,
    facts,
    find_environment,
    find_project,
)
from api.graphql.schema import GRAPHQL
from api.registry import check_text
from core import audit
from core import documents as registry
from core.problems import Invalid
from core.settings import Settings

documents = typer.Typer(help="Registered documents: register.", no_args_is_help=True)


@documents.callback()
def _group() -> None:
    """Registered documents: register."""


@documents.command()
def register(
    files: Annotated[
        list[Path], typer.Argument(help="One document each.", exists=True)
    ],
    project: ProjectKey,
    environment: EnvironmentKey = "production",
    as_json: AsJson = False,
) -> None:
    """Register documents, all or none; each line is a hash and its file."""
    output = Output(as_json=as_json)
    texts = {str(file): _text(output, file) for file in files}
    report = run(output, _register(texts, project, environment))
    for document in report:
        output.line(f"{document['sha256']}  {document['file']}")
    output.finish({"documents": report})


def _text(output: Output, file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        output.fail(CommandFailed(Exit.USAGE, f"{file} cannot be read: {error}."))


async def _register(
    texts: dict[str, str], project_key: str, environment_key: str
) -> list[dict[str, Any]]:
    for file, text in texts.items():
        try:
            check_text(GRAPHQL, text)
        except Invalid as problem:
            raise Invalid(f"{file}: {problem.message}", code=problem.code) from None
    report: list[dict[str, Any]] = []
    async with facts(Settings()) as database, database.sessions.begin() as session:
        project = await find_project(session, project_key)
        environment = await find_environment(session, project, environment_key)
        for file, text in texts.items():
            row = await registry.register(
                session, environment_id=environment.id, text=text
            )
            await audit.record(
                session,
                actor=OPERATOR,
                project_id=project.id,
                environment_id=environment.id,
                action="document.register",
                subject="RegisteredDocument",
                subject_id=row.id,
            )
            report.append({"file": file, "sha256": row.sha256})
    return report
