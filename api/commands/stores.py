"""How a command opens the facts database, and finds what it works on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer

from api.commands.output import CommandFailed, Exit
from core import migrate
from core.audit import Actor, ActorKind
from core.database import AsyncSession, Database
from core.problems import NotFound
from core.settings import Settings
from core.tenancy import Environment, Project, environment_by_key, project_by_key

OPERATOR = Actor(ActorKind.OPERATOR, None, "command line")
"""Whoever can run `hone` on the server's machine."""

ProjectKey = Annotated[str, typer.Option("--project", help="The project's key.")]
EnvironmentKey = Annotated[
    str, typer.Option("--environment", help="The environment's key.")
]


@asynccontextmanager
async def facts(settings: Settings, *, new: bool = False) -> AsyncIterator[Database]:
    """The facts database at its newest schema; only a `new` one is made.

    Raises:
        CommandFailed: There is none: perhaps another folder is meant.
    """
    if new:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.facts_url)
    try:
        if not new:
            _check_there(database)
        await migrate.upgrade(database)
        yield database
    finally:
        await database.dispose()


def _check_there(database: Database) -> None:
    file = database.url.database
    if database.is_sqlite and file and not Path(file).exists():
        raise CommandFailed(
            Exit.REFUSED,
            f"There is no database at {Path(file).absolute()}. Name its folder in "
            "HONE_DATA_DIR, or the database in DATABASE_URL; `hone projects create` "
            "makes a new one.",
            code="NOT_FOUND",
        )


async def find_project(session: AsyncSession, key: str) -> Project:
    """The project with this key.

    Raises:
        NotFound: There is none.
    """
    project = await project_by_key(session, key)
    if project is None:
        raise NotFound(f"The project {key}")
    return project


async def find_environment(
    session: AsyncSession, project: Project, key: str
) -> Environment:
    """The project's environment with this key.

    Raises:
        NotFound: There is none.
    """
    environment = await environment_by_key(session, project.id, key)
    if environment is None:
        raise NotFound(f"The environment {key}")
    return environment
