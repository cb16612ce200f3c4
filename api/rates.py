"""How often a credential may ask: one token bucket for each, within a bound.

Every endpoint that takes a credential calls `services.rates.admit(scope, caller)` once
it knows who asks; a refusal is a `Refused` with status 429 and `retry_after`, which
`retry_headers(refusal)` turns into headers. Asking twice for one request counts once.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from starlette.types import Scope

from api.auth import Caller, CallerKind
from api.measures import Measures
from api.problems import Refused
from core.settings import Settings

MAX_BUCKETS = 10_000
BURST_SECONDS = 2.0
_WAIT = "hone.wait"


class RateLimited(Refused):
    """Too many requests with one credential."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "RATE_LIMITED",
            f"Too many requests with this credential; try again in {retry_after} s.",
            status=429,
        )
        self.retry_after = retry_after


class Rates:
    """Token buckets by credential; the one that is longest unused is forgotten first.

    A bucket holds what may come in two seconds, at least one request, and starts full:
    to forget a bucket that has been unused for as long gives nothing away.
    """

    def __init__(
        self,
        settings: Settings,
        measures: Measures,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = settings.rate_limit_client
        self._server = settings.rate_limit_server
        self._measures = measures
        self._clock = clock
        self._buckets: OrderedDict[tuple[UUID, UUID | None], tuple[float, float]] = (
            OrderedDict()
        )

    def admit(self, scope: Scope, caller: Caller) -> None:
        """Count a request against its credential, once however often this is called.

        Raises:
            RateLimited: The credential has asked too often.
        """
        client = caller.kind is CallerKind.CLIENT
        rate = self._client if client else self._server
        if not rate:
            return
        wait = scope.get(_WAIT)
        if wait is None:
            wait = self._take((caller.environment_id, caller.actor.id), rate)
            scope[_WAIT] = wait
            if wait > 0:
                self._measures.limited(caller.kind.value)
        if wait > 0:
            raise RateLimited(max(1, math.ceil(wait)))

    def _take(self, name: tuple[UUID, UUID | None], rate: float) -> float:
        """Take a token; returns the seconds to wait where there is none."""
        burst = max(1.0, rate * BURST_SECONDS)
        now = self._clock()
        tokens, at = self._buckets.get(name, (burst, now))
        tokens = min(burst, tokens + (now - at) * rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
        self._buckets[name] = (tokens if wait else tokens - 1, now)
        self._buckets.move_to_end(name)
        while len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        return wait


def retry_headers(refusal: Refused) -> dict[str, str]:
    """What a refusal adds to its answer's headers."""
    if isinstance(refusal, RateLimited):
        return {"retry-after": str(refusal.retry_after)}
    return {}
