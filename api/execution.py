"""Runs an allowed operation and masks what a caller must not see."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    execute,
    subscribe,
)

from api.auth import Caller, CallerKind
from api.context import Context
from api.documents import Invalidated, Operation
from api.leaves import LeafExecutor
from api.policies import remedy
from api.problems import Refused, forbidden, unavailable
from api.records import LOGGER
from core.database import is_unreachable
from core.ids import new_id
from core.problems import Problem

DEADLINE_SECONDS = 30.0
_MAX_MESSAGE = 500
_MAX_ERRORS = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and whether anything was executed to get it."""

    body: dict[str, Any]
    executed: bool
    status: int = 200


def authorise(caller: Caller, operation: Operation) -> None:
    """Refuse an operation that selects a field which the caller may not have.

    Raises:
        Refused: FORBIDDEN.
    """
    if operation.introspects and not caller.may_introspect:
        raise forbidden(
            "A client key may not read the schema: use a server key or sign in."
        )
    missing = operation.policies - caller.capabilities
    if missing:
        raise forbidden(remedy(missing, client=caller.kind is CallerKind.CLIENT))


async def answer(
    schema: GraphQLSchema,
    operation: Operation,
    variables: dict[str, Any],
    context: Context,
) -> Answer:
    """Execute a query or mutation within the deadline."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            result = execute(
                schema,
                operation.document,
                context_value=context,
                variable_values=variables,
                operation_name=operation.name,
                executor_class=LeafExecutor,
                hide_suggestions=True,
            )
            if isinstance(result, Awaitable):
                result = await result
    except TimeoutError:
        refused = Refused("TIMEOUT", "The request took too long.", status=503)
        return Answer(refused.body(), executed=False, status=503)
    return shown(result, context.request_id)


async def stream(
    schema: GraphQLSchema,
    operation: Operation,
    variables: dict[str, Any],
    context: Context,
) -> AsyncIterator[Answer]:
    """Execute a subscription: one answer an event, or one that says why not."""
    found = subscribe(
        schema,
        operation.document,
        context_value=context,
        variable_values=variables,
        operation_name=operation.name,
        executor_class=LeafExecutor,
        hide_suggestions=True,
    )
    if isinstance(found, Awaitable):
        found = await found
    if isinstance(found, ExecutionResult):
        yield shown(found, context.request_id)
        return
    try:
        async for result in found:
            yield shown(result, context.request_id)
    except Exception as crash:
        error = GraphQLError(str(crash), original_error=crash)
        masked = _masked(error, context.request_id)
        yield Answer({"errors": [masked]}, executed=False)
    finally:
        close = getattr(found, "aclose", None)
        if close is not None:
            await close()


def shown(result: ExecutionResult, request_id: str) -> Answer:
    """A result as its response, with crashes masked."""
    errors = result.errors or []
    if result.data is None and errors and all(error.path is None for error in errors):
        return refused_document(Invalidated(errors))
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = [_masked(error, request_id) for error in errors[:_MAX_ERRORS]]
    answered = any(value is not None for value in (result.data or {}).values())
    away = not answered and any(_is_away(error) for error in errors)
    return Answer(body, executed=True, status=503 if away else 200)


def refused_document(problem: Invalidated) -> Answer:
    """What GraphQL itself found wrong before executing: said as it is."""
    errors = [_kept(error, "GRAPHQL_INVALID") for error in problem.errors[:_MAX_ERRORS]]
    return Answer({"errors": errors}, executed=False, status=400)


def _kept(error: GraphQLError, code: str) -> dict[str, Any]:
    formatted = dict(error.formatted)
    formatted["message"] = _short(error.message)
    formatted["extensions"] = {"code": code}
    return formatted


def _is_away(error: GraphQLError) -> bool:
    return error.original_error is not None and is_unreachable(error.original_error)


def _masked(error: GraphQLError, request_id: str) -> dict[str, Any]:
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    if isinstance(original, Refused):
        return _kept(error, original.code)
    if _is_away(error):
        refused = unavailable()
        return _kept(error, refused.code) | {"message": refused.message}
    if isinstance(original, Problem):
        kept = _kept(error, original.code)
        kept["extensions"]["path"] = list(original.path)
        return kept
    if original is None or isinstance(original, GraphQLError):
        return _kept(error, "GRAPHQL_FAILED")
    error_id = str(new_id())
    LOGGER.error(
        "resolver failed",
        exc_info=original,
        extra={
            "fields": {
                "errorId": error_id,
                "requestId": request_id,
                "path": error.path,
                "type": type(original).__name__,
            }
        },
    )
    kept = _kept(error, "INTERNAL")
    kept["message"] = f"Something went wrong here. The error's id is {error_id}."
    kept["extensions"]["errorId"] = error_id
    return kept


def _short(message: str) -> str:
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}..."
