"""GET /v1/exports/{table}.{csv|jsonl}: a phase's units, sums, looks and results."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from api.auth import Caller, Gate, credentials_of
from api.context import Context
from api.graphql.ids import local_id
from api.http.export_lines import TYPES, Export, headers_of, lines_of
from api.policies import Policy
from api.problems import Malformed, Refused, forbidden, unauthenticated
from api.rates import retry_headers
from api.services import Services
from core import audit
from core.clock import now
from core.problems import Invalid, NotFound, Problem
from experiments import queries
from experiments.analysis import queries as published
from experiments.analysis.exports import BY_UNIT, ExportKind, check_shown
from experiments.analysis.queries import Published
from experiments.analysis.results import Report
from experiments.design import MetricDesign, PhaseDesign
from experiments.freezing import design_of
from experiments.models import Phase

PLACE = "/v1/exports"
MAX_OPEN = 4
"""Exports that one process sends at once."""
RETRY_SECONDS = 10


class TooManyExports(Refused):
    """As many are being sent as may be at once."""

    def __init__(self) -> None:
        super().__init__(
            "TOO_MANY_EXPORTS", "Other exports are being sent: try soon.", status=429
        )
        self.retry_after = RETRY_SECONDS


class Exports:
    """The endpoint. It holds one page of a table in memory, whatever its length."""

    def __init__(self, services: Services, gate: Gate) -> None:
        self._services = services
        self._gate = gate
        self._open = 0

    def routes(self) -> list[BaseRoute]:
        """What the application mounts."""
        return [Route(f"{PLACE}/{{name}}", self.send, methods=["GET"])]

    async def send(self, request: Request) -> Response:
        """Send one table, page after page."""
        try:
            kind, suffix = _named(request.path_params["name"])
            context = await self._context(request)
            export = await _found(context, kind, request.query_params)
            if self._open >= MAX_OPEN:
                raise TooManyExports
            await _record(export, suffix)
        except Refused as refusal:
            return JSONResponse(
                refusal.body(),
                status_code=refusal.status,
                headers=retry_headers(refusal),
            )
        except Problem as problem:
            return _refused(problem)
        return StreamingResponse(
            self._counted(lines_of(export, suffix)), headers=headers_of(export, suffix)
        )

    async def _counted(self, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        self._open += 1
        try:
            async for line in lines:
                yield line
        finally:
            self._open -= 1

    async def _context(self, request: Request) -> Context:
        credentials = credentials_of(request)
        caller: Caller | None = await self._gate.caller(credentials)
        if caller is None:
            raise unauthenticated(shown=credentials.shown)
        self._services.rates.admit(request.scope, caller)
        if Policy.READ not in caller.capabilities:
            raise forbidden("A client key exports nothing: use a server key.")
        return Context(caller=caller, services=self._services)


def needed_for(kind: ExportKind, *, hidden: bool) -> Policy:
    """What a caller must be able to do for a table.

    Rows of single units are for editors; what the page hides because the results are
    INVALID, and nobody accepted that, is for reviewers.
    """
    if hidden and kind is not ExportKind.EXPOSURES:
        return Policy.REVIEW
    return Policy.EDIT if kind in BY_UNIT else Policy.READ


def _named(name: str) -> tuple[ExportKind, str]:
    table, _, suffix = name.rpartition(".")
    try:
        kind = ExportKind(table.upper())
    except ValueError:
        kind = None
    if kind is None or table != table.lower() or suffix not in TYPES:
        raise Malformed(
            "NOT_FOUND",
            "There are exposures, values, sums, looks and results, as .csv or .jsonl.",
            status=404,
        )
    return kind, suffix


async def _found(
    context: Context, kind: ExportKind, asked: Mapping[str, str]
) -> Export:
    """The table that is asked for, if the caller may have it now."""
    caller = context.caller
    if Policy.EDIT not in caller.capabilities and kind in BY_UNIT:
        raise forbidden("Rows of single units need the role EDITOR or higher.")
    phase_id = local_id(asked.get("phase", ""), "Phase", path=("phase",))
    async with context.readers() as session:
        phase = await queries.phase_by_id(
            session, environment_id=caller.environment_id, phase_id=phase_id
        )
        found = await published.current_by_phases(
            session, environment_id=caller.environment_id, phase_ids=[phase_id]
        )
        at = await now(session)
    design, shown = design_of(phase), found.get(phase_id)
    report = _report(caller, kind, shown)
    return Export(
        context=context,
        kind=kind,
        design=design,
        metric=_metric(design, kind, asked.get("metric")),
        shown=shown,
        report=report,
        watermark=await _watermark(context, phase, kind, shown),
        at=at,
    )


def _report(caller: Caller, kind: ExportKind, shown: Published | None) -> Report | None:
    """What the table is made from, as far as the caller may see it."""
    hidden = shown is not None and shown.hides_effect
    if needed_for(kind, hidden=hidden) not in caller.capabilities:
        raise forbidden("The results are INVALID: this needs a member who reviews.")
    if shown is None:
        if kind is ExportKind.EXPOSURES:
            return None
        raise NotFound("A snapshot of this phase")
    report = published.whole_report(shown.snapshot) if hidden else shown.report
    check_shown(kind, report)
    return report


def _metric(
    design: PhaseDesign, kind: ExportKind, key: str | None
) -> MetricDesign | None:
    if kind is not ExportKind.VALUES:
        return None
    wanted = key or design.primary.key
    for metric in design.metrics:
        if metric.key == wanted:
            return metric
    raise NotFound("The metric", path=("metric",))


async def _watermark(
    context: Context, phase: Phase, kind: ExportKind, shown: Published | None
) -> datetime:
    """Up to when a table is complete: the log's, or that of what was computed."""
    if kind in BY_UNIT:
        return (await context.log.phase_state(phase.id)).watermark
    if shown is None:
        raise NotFound("A snapshot of this phase")
    return shown.snapshot.watermark


async def _record(export: Export, suffix: str) -> None:
    """Write down who took what away, before any of it leaves."""
    caller, shown = export.context.caller, export.shown
    metric = export.metric
    async with export.context.sessions.begin() as session:
        await audit.record(
            session,
            actor=caller.actor,
            project_id=caller.project_id,
            environment_id=caller.environment_id,
            action="phase.export",
            subject="Phase",
            subject_id=export.design.phase_id,
            after={
                "table": export.kind.value,
                "format": suffix,
                "metric": None if metric is None else metric.key,
                "inputs_hash": None if shown is None else shown.snapshot.inputs_hash,
            },
        )


def _refused(problem: Problem) -> JSONResponse:
    status = 409
    if isinstance(problem, NotFound):
        status = 404
    elif isinstance(problem, Invalid):
        status = 400
    refusal = Refused(problem.code, problem.message, status=status)
    return JSONResponse(refusal.body(), status_code=status)
