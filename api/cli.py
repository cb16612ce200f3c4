"""hone: serve, worker, demo, import, migrate, schema.

And administration: projects, environments, keys, members, documents.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 refused, 4 unreachable,
5 done with some rows rejected. Every command takes --json.
"""

import typer

from api.commands.demo import demo
from api.commands.documents import documents
from api.commands.environments import environments
from api.commands.import_csv import import_csv
from api.commands.keys import keys
from api.commands.members import members
from api.commands.migrate import migrate
from api.commands.projects import projects
from api.commands.schema import schema
from api.commands.serve import serve
from api.commands.worker import worker

app = typer.Typer(
    name="hone",
    help="Experiments, surveys and feedback in one loop, behind one GraphQL API.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 refused, "
    "4 unreachable, 5 done with some rows rejected.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(serve)
app.command()(worker)
app.command()(demo)
app.command(name="import")(import_csv)
app.command()(migrate)
app.command()(schema)
app.add_typer(projects, name="projects")
app.add_typer(environments, name="environments")
app.add_typer(keys, name="keys")
app.add_typer(members, name="members")
app.add_typer(documents, name="documents")


def main() -> None:
    """The entry point that the package installs."""
    app()


if __name__ == "__main__":
    main()
