"""The doors of flag clients that already exist: OpenFeature's, and an SDK family's."""

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from api.auth import Gate
from api.http import ofrep_stream, remote, sdk
from api.http.listening import StreamDoor
from api.http.ofrep import FLAGS, Ofrep
from api.http.streams import Streams
from api.services import Services


def routes(
    services: Services,
    gate: Gate,
    streams: Streams,
    *,
    ofrep: Ofrep,
    features: sdk.Features,
) -> list[BaseRoute]:
    """What the application mounts."""
    changes = StreamDoor(
        gate,
        services.rates,
        streams,
        lambda _: ofrep_stream.DIALECT,
        ofrep_stream.refusal,
    )
    sub = StreamDoor(gate, services.rates, streams, sdk.dialect_of, sdk.refusal)
    return [
        Route(FLAGS, ofrep),
        Route(f"{FLAGS}/{{key:path}}", ofrep),
        Route(f"{ofrep_stream.STREAMS}/{{key}}", changes),
        *_anywhere(sdk.FEATURES, features),
        *_anywhere(sdk.CHANGES, sub),
        *_anywhere(remote.REMOTE, remote.Remote(services, gate)),
    ]


def _anywhere(path: str, door: ASGIApp) -> list[BaseRoute]:
    """An SDK's host may have a path of its own; it comes before ours."""
    return [
        Route(f"{path}/{{key:path}}", door),
        Route(f"/{{prefix:path}}{path}/{{key:path}}", door),
    ]
