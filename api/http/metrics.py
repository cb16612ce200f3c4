"""/metrics: the process's own counts, for Prometheus."""

import asyncio
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from api.auth import Gate, credentials_of
from api.policies import Policy
from api.services import Services

_PATIENCE_SECONDS = 1.0


async def metrics(request: Request) -> Response:
    """The exposition; in production only for a key that may operate."""
    services: Services = request.app.state.services
    if services.settings.production:
        gate: Gate = request.app.state.gate
        caller = await gate.caller(credentials_of(request))
        if caller is None or Policy.OPERATE not in caller.capabilities:
            return Response(status_code=404)
    # A store that does not answer leaves its gauge as it was.
    with suppress(Exception):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            age = await services.queue.age()
            services.measures.queue_age.set(-1 if age is None else age)
            health = await services.log.health()
            services.measures.log_backlog.set(health.backlog)
    body, content_type = services.measures.text()
    return Response(body, headers={"content-type": content_type})
