"""Refusals as types: every domain problem becomes one member of a mutation's union."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypedDict

import strawberry

from api.policies import Policy, policed
from core.idempotency import ClaimTaken, IdempotencyConflict
from core.problems import (
    Conflict,
    Forbidden,
    IllegalTransition,
    Invalid,
    NotFound,
    Problem,
    StaleVersion,
)


@policed(Policy.PUBLIC)
@strawberry.interface(description="Why a request was refused.")
class Error:
    """What every refusal says."""

    message: str = strawberry.field(description="For people; the wording may change.")
    code: str = strawberry.field(description="For programs: stable, SCREAMING_SNAKE.")
    path: list[str] = strawberry.field(
        description="Where in `input` the trouble is; empty if it is nowhere."
    )


@strawberry.type(description="The input breaks a rule.")
class ValidationError(Error):
    """Member for `Invalid`."""


@strawberry.type(description="There is no such thing in the caller's project.")
class NotFoundError(Error):
    """Member for `NotFound`."""


@policed(Policy.PUBLIC)
@strawberry.type(description="The change clashes with what is there.")
class ConflictError(Error):
    """Member for `Conflict` and `StaleVersion`."""

    current_version: int | None = strawberry.field(
        default=None,
        description="The version to read again, where the clash is over one.",
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="The state does not allow this step.")
class TransitionError(Error):
    """Member for `IllegalTransition`."""

    source: str = strawberry.field(name="from", description="The state it is in.")
    target: str = strawberry.field(name="to", description="The state asked for.")


@strawberry.type(description="The caller may never do this.")
class ForbiddenError(Error):
    """Member for `Forbidden`."""


@strawberry.type(
    description="The idempotency key was used with another input "
    "(IDEMPOTENCY_CONFLICT), or its first request has not ended (IN_PROGRESS)."
)
class IdempotencyError(Error):
    """Member for `IdempotencyConflict` and `ClaimTaken`."""


Refusal: TypeAlias = (
    ValidationError
    | NotFoundError
    | ConflictError
    | TransitionError
    | ForbiddenError
    | IdempotencyError
)
"""Every member that a mutation may answer with beside its payload."""


def member_for(problem: Problem) -> Refusal:
    """The union member that says what this problem says.

    Raises:
        TypeError: The problem is of no known kind, which is a bug.
    """
    said = Said(message=problem.message, code=problem.code, path=list(problem.path))
    if isinstance(problem, IllegalTransition):
        return TransitionError(**said, source=problem.source, target=problem.target)
    if isinstance(problem, StaleVersion):
        return ConflictError(**said, current_version=problem.current_version)
    for kind, member in _MEMBERS.items():
        if isinstance(problem, kind):
            return member(**said)
    raise TypeError(f"{type(problem).__name__} is of no kind that the edge knows")


class Said(TypedDict):
    """What every refusal says, by keyword."""

    message: str
    code: str
    path: list[str]


_MEMBERS: Mapping[type[Problem], Callable[..., Refusal]] = {
    IdempotencyConflict: IdempotencyError,
    ClaimTaken: IdempotencyError,
    Conflict: ConflictError,
    NotFound: NotFoundError,
    Invalid: ValidationError,
    Forbidden: ForbiddenError,
}
"""Tried in this order: a kind stands before the kind that it belongs to."""
