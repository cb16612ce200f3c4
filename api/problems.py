"""Refusals before execution: top-level errors with a status and a stable code."""

from typing import Any


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


def unauthenticated() -> Refused:
    """Nobody we know."""
    return Malformed(
        "UNAUTHENTICATED", "Send an API key, or sign in to the console.", status=401
    )


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
