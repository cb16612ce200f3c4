"""hone schema: the GraphQL contract, generated from the code."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.output import AsJson, CommandFailed, Exit, Output

FILE = Path(__file__).parents[2] / "schema.graphql"


def schema(
    write: Annotated[
        bool, typer.Option("--write", help="Write schema.graphql.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Fail if schema.graphql is out of date.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the schema, write it to its file, or compare it with the file."""
    from api.graphql.schema import export_schema

    output = Output(as_json=as_json)
    text = export_schema()
    current = FILE.exists() and FILE.read_text(encoding="utf-8") == text
    if check and not current:
        output.fail(
            CommandFailed(
                Exit.REFUSED, "schema.graphql is out of date: hone schema --write"
            )
        )
    if write:
        FILE.write_text(text, encoding="utf-8")
        output.line(f"wrote {FILE.name}")
    elif not check:
        output.line(text.rstrip())
    output.finish(
        {"file": str(FILE), "lines": text.count("\n"), "changed": not current}
    )
