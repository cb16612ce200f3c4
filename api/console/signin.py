"""Signing in: a one-time link is shown first and spent only by a button."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.auth import COOKIE, credentials_of
from api.body import read_body
from api.console.pages import page
from api.problems import Malformed
from api.services import Services
from core import audit, signin
from core.audit import Actor, ActorKind
from core.database import AsyncSession
from core.signin import LinkSpent, OpenedSession
from core.tenancy import Member

_MAX_TOKEN = 200
_MAX_FORM = 4096


async def ask(request: Request) -> Response:
    """How to get a link; in the demo, where nobody needs one, the way in."""
    shown = credentials_of(request)
    if not shown.shown and (caller := await request.app.state.gate.caller(shown)):
        return page("sign-in-demo", "Signed out", visitor=caller.actor.name)
    return page("sign-in", "Sign in")


async def confirm(request: Request) -> Response:
    """A button for this link. Programs that preview links press no buttons."""
    token = request.path_params["token"][:_MAX_TOKEN]
    return page("sign-in-confirm", "Sign in", token=token)


async def use(request: Request) -> Response:
    """Spend the link and open a session in this browser."""
    if _from_elsewhere(request):
        return page("sign-in-spent", "Sign in", status=403)
    services: Services = request.app.state.services
    try:
        body = await read_body(request.headers, request.receive, limit=_MAX_FORM)
    except Malformed as problem:
        return page("sign-in-spent", "Sign in", status=problem.status)
    token = parse_qs(body.decode("ascii", "replace")).get("token", [""])[0]
    days = services.settings.session_days
    try:
        async with services.database.sessions.begin() as session:
            opened = await signin.use_link(session, token=token, days=days)
            await _recorded(session, opened)
    except LinkSpent:
        return page("sign-in-spent", "Sign in", status=410)
    response = RedirectResponse("/console", status_code=303)
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=days * 86_400,
        httponly=True,
        samesite="lax",
        secure=services.settings.production,
    )
    return response


async def leave(request: Request) -> Response:
    """End this browser's session on the server, then forget its cookie."""
    services: Services = request.app.state.services
    if token := request.cookies.get(COOKIE, ""):
        async with services.database.sessions.begin() as session:
            await signin.sign_out(session, token)
    response = RedirectResponse("/console/sign-in", status_code=303)
    response.delete_cookie(COOKIE)
    return response


def _from_elsewhere(request: Request) -> bool:
    """Whether another site made the browser send this form."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    return site not in ("same-origin", "none")


async def _recorded(session: AsyncSession, opened: OpenedSession) -> None:
    member = await session.get_one(Member, opened.session.member_id)
    await audit.record(
        session,
        actor=Actor(ActorKind.MEMBER, member.id, member.name or member.email),
        project_id=member.project_id,
        action="member.sign_in",
        subject="Member",
        subject_id=member.id,
    )
