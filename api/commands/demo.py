"""hone demo: a company with a history, so that the first screen has something on it."""

from collections.abc import Iterator
from typing import Any

from api.commands.output import AsJson, CommandFailed, Exit, Output, run
from core.settings import Settings

ASKED = (
    '{"query":"{ assignments(subject: {accountId: \\"account-0007\\"}, '
    'keys: [\\"reports-limit\\"]) { assignments { experimentKey variant reason } } }"}'
)
"""The question that the printed curl asks."""


def demo(as_json: AsJson = False) -> None:
    """Seed the demo company. Running it again changes nothing."""
    output = Output(as_json=as_json)
    settings = Settings()
    if settings.production:
        output.fail(
            CommandFailed(Exit.REFUSED, "HONE_PRODUCTION is set: no demo keys here.")
        )
    from api.demo.running import seed

    report = run(output, seed(output, settings))
    for line in _welcome(settings, report):
        output.line(line)
    output.finish(report)


def _welcome(settings: Settings, report: dict[str, Any]) -> Iterator[str]:
    url = settings.console_url
    yield f"Seeded {report['events']:,} events in {report['seconds']:.1f} s."
    yield f"Console    {url}/console"
    yield f"GraphiQL   {url}/console/graphql"
    yield f"Keys       {report['keysFile']}"
    yield f"Truth      {report['truthFile']}"
    yield "Once `hone serve` runs, ask for a variant:"
    yield f"  curl -s {url}/graphql -H 'content-type: application/json' \\"
    yield f"    -H 'authorization: Bearer {report['clientKey']}' \\"
    yield f"    -d '{ASKED}'"
