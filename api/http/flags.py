"""The doors of flag clients that already exist: OpenFeature's, and an SDK family's."""

from starlette.routing import BaseRoute, Route

from api.auth import Gate
from api.http import ofrep_stream
from api.http.listening import StreamDoor
from api.http.ofrep import FLAGS, Ofrep
from api.http.streams import Streams
from api.services import Services


def routes(services: Services, gate: Gate, streams: Streams) -> list[BaseRoute]:
    """What the application mounts."""
    ofrep = Ofrep(services, gate)
    changes = StreamDoor(
        gate, services.rates, streams, ofrep_stream.DIALECT, ofrep_stream.refusal
    )
    return [
        Route(FLAGS, ofrep),
        Route(f"{FLAGS}/{{key:path}}", ofrep),
        Route(f"{ofrep_stream.STREAMS}/{{key}}", changes),
    ]
