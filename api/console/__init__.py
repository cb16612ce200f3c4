"""The web console: pages without a build step, fed by public operations only."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.auth import COOKIE, Caller, CallerKind, credentials_of
from api.console import signin, vendor
from api.console.pages import page

HERE = Path(__file__).parent


class Files(StaticFiles):
    """Files that a browser keeps and asks about each time: an upgrade shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 304."""
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "no-cache"
        return response


def routes() -> list[BaseRoute]:
    """Everything below /console."""
    return [
        Route("/console", experiments),
        Route("/console/", experiments),
        Route("/console/experiments", experiments),
        Route("/console/experiments/{key:str}", experiment),
        Route("/console/graphql", graphiql),
        Route("/console/sign-in", signin.ask, methods=["GET"]),
        Route("/console/sign-in", signin.use, methods=["POST"]),
        Route("/console/sign-in/{token:str}", signin.confirm, methods=["GET"]),
        Route("/console/sign-out", signin.leave, methods=["POST"]),
        _files("static"),
        _files("queries"),
        _files("vendor"),
        Route("/console/{path:path}", missing),
    ]


async def experiments(request: Request) -> Response:
    """The list of experiments, newest first."""
    return await _member_page(request, "experiments", "Experiments")


async def experiment(request: Request) -> Response:
    """One experiment: what comes next, its launch, its results, its decision."""
    return await _member_page(request, "experiment", "Experiment")


async def graphiql(request: Request) -> Response:
    """GraphiQL for members; for anybody else there is nothing here."""
    caller = await _member(request)
    if caller is None:
        return page("missing", "Not found", status=404)
    absent = vendor.missing(vendor.GRAPHIQL)
    if absent:
        return _not_installed(absent, caller)
    return page("graphiql", "GraphiQL", caller=caller, graphiql=True)


async def missing(request: Request) -> Response:
    """Nothing is at this address; the way back is."""
    return page("missing", "Not found", caller=await _member(request), status=404)


async def _member_page(request: Request, name: str, title: str) -> Response:
    caller = await _member(request)
    if caller is None:
        response = RedirectResponse("/console/sign-in", status_code=303)
        if credentials_of(request).cookie:
            response.delete_cookie(COOKIE)  # of a session that is over
        return response
    absent = vendor.missing(vendor.PAGES)
    if absent:
        return _not_installed(absent, caller)
    return page(name, title, caller=caller)


async def _member(request: Request) -> Caller | None:
    caller: Caller | None = await request.app.state.gate.caller(credentials_of(request))
    if caller is None or caller.kind is not CallerKind.MEMBER:
        return None
    return caller


def _not_installed(absent: list[str], caller: Caller) -> Response:
    names = ", ".join(absent)
    return page("not-installed", "Set-up", caller=caller, status=503, missing=names)


def _files(folder: str) -> Mount:
    files = Files(directory=HERE / folder, check_dir=False)
    return Mount(f"/console/{folder}", files)
