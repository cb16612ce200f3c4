"""Refusals before execution: top-level errors with a status and a stable code."""

from typing import Any

_MISSING = "Send an API key, or sign in to the console."
_UNKNOWN = (
    "This key or session is unknown or revoked, or not for this environment. A key "
    "is sent as Authorization: Bearer <key>, or as X-Api-Key."
)


class Refused(Exception):
    """A request that is not executed. The message is meant for the caller."""

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def body(self) -> dict[str, Any]:
        """The GraphQL response that says so; it has no `data`."""
        error = {"message": self.message, "extensions": {"code": self.code}}
        return {"errors": [error]}


class Malformed(Refused):
    """The bytes are not a well-formed GraphQL request: 400 whatever is accepted."""


def unauthenticated(*, shown: bool = False) -> Refused:
    """Nobody we know; `shown` is a credential that opens nothing."""
    return Malformed("UNAUTHENTICATED", _UNKNOWN if shown else _MISSING, status=401)


def forbidden(message: str) -> Refused:
    """Somebody we know, who may not."""
    return Refused("FORBIDDEN", message, status=403)


def unavailable() -> Refused:
    """A store is away that this needs."""
    return Refused(
        "UNAVAILABLE",
        "The database does not answer now. Try again soon.",
        status=503,
    )
