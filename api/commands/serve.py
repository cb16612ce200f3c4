"""hone serve: the API and the console, with the tasks inside where they must be."""

from typing import Annotated

import typer

from api.commands.output import AsJson, Output, run
from core.settings import Settings


def serve(
    host: Annotated[str, typer.Option(help="Address; else HONE_HOST.")] = "",
    port: Annotated[
        int | None, typer.Option(help="Port, 0 for any; else HONE_PORT.")
    ] = None,
    with_worker: Annotated[
        bool,
        typer.Option(help="Run the tasks in this process on PostgreSQL too."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the schema up to date, then serve until told to stop."""
    output = Output(as_json=as_json)
    settings = chosen(Settings(), host=host, port=port)

    from api.commands import serving
    from api.records import log_as_json

    log_as_json(settings.log_level)

    def announce(bound: Settings) -> None:
        for line in _addresses(bound):
            output.line(line)

    run(output, serving.serve(settings, announce, with_worker=with_worker))
    output.finish({"stopped": True})


def chosen(settings: Settings, *, host: str, port: int | None) -> Settings:
    """The settings with what the command line says instead."""
    changes = {"host": host} if host else {}
    ports = {} if port is None else {"port": port}
    return settings.model_copy(update={**changes, **ports})


def _addresses(settings: Settings) -> tuple[str, ...]:
    url = settings.console_url
    return (
        f"Console    {url}/console",
        f"GraphiQL   {url}/console/graphql",
        f"GraphQL    {url}/graphql",
        f"Events     {url}/v1/events",
        f"Health     {url}/healthz",
    )
