"""A server over its stores, from the first connection to the last one closed."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import uvicorn

from api.app import create_app
from api.auth import is_loopback
from api.commands.output import CommandFailed, Exit
from api.commands.stores import facts
from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog, open_log
from workers.queue import Queue, embedded, remote

DRAIN_SECONDS = 10
WEBSOCKET_BYTES = 65_536

Announce = Callable[[Settings], None]


def check_exposure(settings: Settings) -> None:
    """Refuse to give strangers the demo's administrator.

    Raises:
        CommandFailed: The bind address is not this machine's own.
    """
    if settings.demo_admin and (settings.production or not is_loopback(settings.host)):
        raise CommandFailed(
            Exit.REFUSED,
            "HONE_DEMO_ADMIN lets anybody in as administrator, so it needs a loopback "
            f"address; {settings.host} is none, or HONE_PRODUCTION is set.",
            code="DEMO_ADMIN_EXPOSED",
        )


@asynccontextmanager
async def opened(
    settings: Settings, *, with_worker: bool
) -> AsyncIterator[tuple[Database, EventLog, Queue]]:
    """Both stores and the queue; with the tasks running where they belong here."""
    async with facts(settings) as database:
        log = open_log(
            settings.log_url, lag=timedelta(seconds=settings.watermark_lag_seconds)
        )
        await log.open()
        try:
            if settings.embedded or with_worker:
                async with embedded(database, log, settings) as queue:
                    yield database, log, queue
            else:
                waking = remote(settings)
                try:
                    yield database, log, waking
                finally:
                    await waking.close()
        finally:
            await log.close()


class Server(uvicorn.Server):
    """Says where it is once it listens; the stores outlive its last request."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._announce()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at the first signal, at the second one at once."""
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._leave)
        yield

    def _leave(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve(settings: Settings, announce: Announce, *, with_worker: bool) -> None:
    """Serve until told to stop; `announce` hears of the address once it listens.

    Raises:
        CommandFailed: The address is taken, or open to strangers.
    """
    check_exposure(settings)
    with _bound(settings) as listener:
        settings = settings.model_copy(update={"port": listener.getsockname()[1]})
        async with opened(settings, with_worker=with_worker) as (database, log, queue):
            app = create_app(settings, database=database, log=log, queue=queue)
            config = uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                ws="websockets-sansio",
                ws_max_size=WEBSOCKET_BYTES,
            )
            server = Server(config, lambda: announce(settings))
            await server.serve(sockets=[listener])


def _bound(settings: Settings) -> socket.socket:
    """A listening socket, taken before anything else is opened."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{settings.host}:{settings.port} cannot be bound: {error.strerror}.",
            code="ADDRESS_IN_USE",
        ) from error
    return listener
