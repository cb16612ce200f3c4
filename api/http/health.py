"""/healthz: whether the stores answer, and how far the background work is behind.

`status` is ok; degraded while the database is away and assignments go on from memory;
or down. Only ok is a 200: what balances load by it may still prefer others, and a
process that is degraded should not be killed for it.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.services import Services
from core.clock import now
from core.schedules import heartbeats
from workers.queue import pauses

PATIENCE_SECONDS = 2.0
_STALE_SECONDS = 60.0
"""How long a task may be silent beyond two of its own pauses."""
_UP_SINCE = time.monotonic()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service; `vital` ones take the whole down with them."""

    ok: bool
    vital: bool
    detail: dict[str, Any]


async def healthz(request: Request) -> JSONResponse:
    """200 while both stores answer, else 503; either way with every part."""
    services: Services = request.app.state.services
    names = ("database", "eventLog", "queue", "worker", "assignments")
    checks: tuple[Awaitable[Part], ...] = (
        _database(services),
        _event_log(services),
        _queue(services),
        _worker(services),
        _assignments(services),
    )
    vital = (True, True, False, False, False)
    found = await asyncio.gather(
        *(_bounded(check, vital=v) for check, v in zip(checks, vital, strict=True))
    )
    parts = dict(zip(names, found, strict=True))
    up = all(part.ok for part in parts.values() if part.vital)
    degraded = parts["assignments"].ok and services.definitions.age_seconds is not None
    shown = {name: {"ok": part.ok, **part.detail} for name, part in parts.items()}
    status = "ok" if up else "degraded" if degraded else "down"
    return JSONResponse(
        {"status": status, **shown},
        status_code=200 if up else 503,
        headers={"cache-control": "no-store"},
    )


async def _bounded(check: Awaitable[Part], *, vital: bool) -> Part:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await check
    except Exception as error:
        # Whatever a store raises, this page says only that it does not answer.
        return Part(ok=False, vital=vital, detail={"error": type(error).__name__})


async def _database(services: Services) -> Part:
    async with services.database.readers() as session:
        connection = await session.connection()
        await connection.execute(text("SELECT 1"))
    store = services.database.engine.dialect.name
    return Part(ok=True, vital=True, detail={"store": store})


async def _event_log(services: Services) -> Part:
    health = await services.log.health()
    last = None if health.last_fold_at is None else health.last_fold_at.isoformat()
    detail = {"store": health.store, "backlog": health.backlog, "lastFoldAt": last}
    return Part(ok=health.ok, vital=True, detail=detail)


async def _assignments(services: Services) -> Part:
    """They need no store once the definitions are in memory."""
    age = services.definitions.age_seconds
    away = services.database.reach.away_seconds
    detail: dict[str, Any] = {
        "from": "memory",
        "environments": len(services.definitions),
        "definitionsAgeSeconds": None if age is None else round(age, 1),
        "databaseAwaySeconds": round(away, 1),
    }
    return Part(ok=age is not None or not away, vital=False, detail=detail)


async def _queue(services: Services) -> Part:
    age = await services.queue.age()
    return Part(ok=age is not None, vital=False, detail={"ageSeconds": age})


async def _worker(services: Services) -> Part:
    async with services.database.readers() as session:
        at = await now(session)
        beats = await heartbeats(session)
    ages = {name: round((at - beat).total_seconds(), 1) for name, beat in beats.items()}
    unheard, silent = unheard_tasks(
        ages,
        sweep_seconds=services.settings.sweep_seconds,
        up_seconds=time.monotonic() - _UP_SINCE,
    )
    detail = {"agesSeconds": ages, "silent": silent, "starting": unheard}
    return Part(ok=not (silent or unheard), vital=False, detail=detail)


def unheard_tasks(
    ages: Mapping[str, float], *, sweep_seconds: float, up_seconds: float
) -> tuple[list[str], list[str]]:
    """Tasks that finished no round for much longer than they may rest, or never did.

    First those for which this process is too young to say so, then the silent ones.
    """
    unheard: list[str] = []
    silent: list[str] = []
    for name, pause in pauses(sweep_seconds).items():
        allowed = 2 * pause + _STALE_SECONDS
        if ages.get(name, math.inf) > allowed:
            (silent if up_seconds > allowed else unheard).append(name)
    return unheard, silent
