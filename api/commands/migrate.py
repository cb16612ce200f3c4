"""hone migrate: the schema of the facts database."""

from typing import Annotated

import typer

from api.commands.output import AsJson, Output, run
from core import migrate as schema
from core.database import Database
from core.settings import Settings


def migrate(
    revision: Annotated[
        str, typer.Argument(help="Where to go: `head`, `base` or a revision.")
    ] = "head",
    down: Annotated[
        bool, typer.Option("--down", help="Go back to an older revision.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the facts database to a schema version; at it already, do nothing."""
    output = Output(as_json=as_json)
    before, after = run(output, _migrate(revision, down))
    output.line(f"{before or 'empty'} -> {after or 'empty'}")
    output.finish({"before": before, "after": after, "head": schema.head()})


async def _migrate(revision: str, down: bool) -> tuple[str | None, str | None]:
    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.facts_url)
    try:
        before = await schema.current(database)
        if down:
            await schema.downgrade(database, revision)
        else:
            await schema.upgrade(database, revision)
        return before, await schema.current(database)
    finally:
        await database.dispose()
