"""A server over its stores, from the first connection to the last one closed."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial

import uvicorn

from api.app import create_app
from api.auth import is_loopback
from api.commands.address import written_down
from api.commands.output import CommandFailed, Exit
from api.following import can_start_alone
from api.wire import wire
from core import migrate
from core.database import Database, is_unreachable
from core.settings import Settings
from experiments.events.log import EventLog, open_log
from workers.queue import Queue, embedded, remote

DRAIN_SECONDS = 10
WEBSOCKET_BYTES = 65_536

RETRY_SECONDS = 1.0

COLLECTED_TOGETHER = 20_000
"""New objects that the collector waits for; its default of 700 is a few requests."""

_log = logging.getLogger("hone.serve")

Step = Callable[[], Awaitable[None]]
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
    """Both stores and the queue; with the tasks running where they belong here.

    With the database away, and enough on disk to answer assignments, it begins all
    the same and catches up as soon as the database answers.

    Raises:
        CommandFailed: The database is away, and nothing was kept.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(settings.facts_url)
    log = open_log(
        settings.log_url, lag=timedelta(seconds=settings.watermark_lag_seconds)
    )
    catching_up: asyncio.Task[None] | None = None
    try:
        undone = await _undone([partial(_prepare, database), log.open])
        if undone:
            _check_kept(settings)
            catching_up = asyncio.create_task(_catch_up(undone))
        async with _queue(settings, database, log, with_worker) as queue:
            yield database, log, queue
    finally:
        if catching_up is not None:
            catching_up.cancel()
            await asyncio.gather(catching_up, return_exceptions=True)
        await log.close()
        await database.dispose()


async def _prepare(database: Database) -> None:
    """Bring the facts up to date; that it is away is known soon."""
    async with database.reach.asking(anyway=True), database.readers() as session:
        await session.connection()
    await migrate.upgrade(database)


async def _undone(steps: Sequence[Step]) -> list[Step]:
    """Take each step; those that a store did not answer are left."""
    left: list[Step] = []
    for step in steps:
        try:
            await step()
        except Exception as error:
            if not is_unreachable(error):
                raise
            left.append(step)
    return left


def _check_kept(settings: Settings) -> None:
    if not can_start_alone(settings):
        raise CommandFailed(
            Exit.UNREACHABLE,
            "The database does not answer, and the data folder holds nothing that "
            "could be served meanwhile.",
        )


async def _catch_up(steps: Sequence[Step]) -> None:
    _log.warning("The database does not answer; serving what was kept")
    while steps:
        await asyncio.sleep(RETRY_SECONDS)
        try:
            steps = await _undone(steps)
        except Exception:
            # Nobody waits for this task: it says what is wrong until somebody mends it.
            _log.exception("A store answers, but cannot be brought up to date")
    _log.warning("The database answers again")


@asynccontextmanager
async def _queue(
    settings: Settings, database: Database, log: EventLog, with_worker: bool
) -> AsyncIterator[Queue]:
    if settings.embedded or with_worker:
        async with embedded(database, log, settings) as inside:
            yield inside
        return
    waking = remote(settings)
    try:
        yield waking
    finally:
        await waking.close()


class Server(uvicorn.Server):
    """Says where it is once it listens; the stores outlive its last request."""

    def __init__(
        self,
        config: uvicorn.Config,
        announce: Callable[[], None],
        leaving: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._announce = announce
        self._leaving = leaving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        # What is there by now stays: the collector need not look through it again. A
        # request leaves few cycles behind, so it need not look for them every time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECTED_TOGETHER, 20, 20)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what would never end by itself, then wait for the rest."""
        self._leaving()
        await super().shutdown(sockets)
        # What stays frozen is never given back at exit; DuckDB's binding complains.
        gc.unfreeze()

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
                http=wire(app.state.doors),
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                ws="websockets-sansio",
                ws_max_size=WEBSOCKET_BYTES,
            )
            server = Server(config, lambda: announce(settings), app.state.streams.close)
            with written_down(settings):
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
