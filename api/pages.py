"""Pages of other origins: which of them may read an answer (CORS), in one place.

A public key's answers are open to any page, or to those that its environment lists.
Nothing is ever open to a page with somebody's cookies, and a secret key's answers to
none. A preflight without a key in its address says nothing of anybody, so it is open to
all: whether the page may read the answer is said by the answer.
"""

from collections.abc import Mapping

from api.auth import Caller, CallerKind, Credentials

ANY = {"access-control-allow-origin": "*"}
_NONE: Mapping[str, str] = {}


def may_read(caller: Caller, origin: str) -> bool:
    """Whether whoever sends this Origin, or none, is no page that is left out."""
    return not origin or caller.origins is None or caller.origins.allow(origin)


def open_to_pages(
    credentials: Credentials, caller: Caller | None, origin: str
) -> Mapping[str, str]:
    """The header of an answer that says already that it varies with the origin."""
    if caller is None:
        return ANY if credentials.key else _NONE
    if caller.kind is not CallerKind.CLIENT:
        return _NONE
    return open_to(caller, origin)


def open_to(caller: Caller, origin: str) -> Mapping[str, str]:
    """The same for who holds a client key."""
    if caller.origins is None:
        return ANY
    if caller.origins.allow(origin):
        return {"access-control-allow-origin": origin}
    return _NONE


def shared_with(caller: Caller | None, origin: str) -> Mapping[str, str]:
    """The headers of an answer that is the same for any page, but for these."""
    if caller is None or caller.origins is None:
        return ANY
    return {"vary": "origin", **open_to(caller, origin)}
