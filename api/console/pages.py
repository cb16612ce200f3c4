"""The console's HTML: a shell, the body of one page, and a strict content policy."""

import base64
import hashlib
from functools import cache
from html import escape
from pathlib import Path
from string import Template

from starlette.responses import HTMLResponse

from api.auth import Caller

FOLDER = Path(__file__).with_name("pages")

IMPORT_MAP = """{
  "imports": {
    "preact": "/console/vendor/preact.js",
    "preact/hooks": "/console/vendor/preact-hooks.js",
    "htm": "/console/vendor/htm.js"
  }
}"""


def page(
    name: str,
    title: str,
    *,
    caller: Caller | None = None,
    status: int = 200,
    graphiql: bool = False,
    **values: str,
) -> HTMLResponse:
    """One page. Every value is escaped: it arrives as text, whatever it says."""
    body = template(name).substitute({k: escape(v) for k, v in values.items()})
    shell = template("graphiql-shell" if graphiql else "shell")
    html = shell.substitute(
        title=escape(title),
        import_map=IMPORT_MAP,
        person=_person(caller),
        body=body,
    )
    headers = {
        "content-security-policy": content_policy(graphiql=graphiql),
        "cache-control": "no-store",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
    }
    return HTMLResponse(html, status_code=status, headers=headers)


def content_policy(*, graphiql: bool = False) -> str:
    """Nothing from elsewhere, no inline script but the import map, by its hash.

    GraphiQL's own style sheet embeds its fonts as data, and its editor writes style
    elements at run time: only its page allows both. Neither can run a script.
    """
    digest = hashlib.sha256(IMPORT_MAP.encode()).digest()
    import_map = base64.b64encode(digest).decode()
    rules = [
        "default-src 'self'",
        f"script-src 'self' 'sha256-{import_map}'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    ]
    if graphiql:
        rules += ["style-src 'self' 'unsafe-inline'", "font-src 'self' data:"]
    return "; ".join(rules)


@cache
def template(name: str) -> Template:
    """A file of the pages folder."""
    return Template((FOLDER / f"{name}.html").read_text(encoding="utf-8"))


def _person(caller: Caller | None) -> str:
    if caller is None:
        return ""
    return template("person").substitute(
        name=escape(caller.actor.name), role=escape(caller.role.value.lower())
    )
