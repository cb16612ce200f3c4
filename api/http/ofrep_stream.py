"""What tells OFREP's clients to evaluate again."""

from functools import lru_cache

import msgspec

from api.auth import Caller, CallerKind
from api.http.ofrep_answers import failure
from api.http.streams import Dialect
from experiments.assignment.definitions import Snapshot

STREAMS = "/ofrep/v1/streams"
INACTIVITY_SECONDS = 120


def _event(snapshot: Snapshot, noticed: int) -> bytes:
    told = {
        "type": "refetchEvaluation",
        "etag": str(snapshot.version),
        "lastModified": noticed,
    }
    return b"event: message\ndata: " + msgspec.json.encode(told)


DIALECT = Dialect(opening=b"retry: 5000\n\n", ping=b": \n\n", event=_event)


def refusal(_status: int, _code: str, message: str) -> bytes:
    """A refusal in the protocol's words."""
    return failure("GENERAL", message)


def streams_for(caller: Caller, key: str) -> bytes:
    """The member of a bulk answer that names the caller's stream.

    A browser opens a stream by its address alone, so the address ends in the key;
    that is for public keys only.
    """
    return _stream(key) if caller.kind is CallerKind.CLIENT else b""


@lru_cache(maxsize=256)
def _stream(key: str) -> bytes:
    stream = {
        "type": "sse",
        "endpoint": {"requestUri": f"{STREAMS}/{key}"},
        "inactivityDelaySec": INACTIVITY_SECONDS,
    }
    return b',"eventStreams":[%b]' % msgspec.json.encode(stream)
