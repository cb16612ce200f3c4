"""Seed the demo from end to end, into the stores or through a running server."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from api.commands.output import CommandFailed, Exit, Output
from api.commands.stores import facts
from api.demo import keeping, seeding
from api.demo.clock import HistoryClock
from api.demo.definitions import PROJECT
from api.demo.seeding import Company
from api.demo.sinks import LogSink, ServerSink, Sink
from api.demo.voices import DETRACTORS, PARTIAL, PASSIVES, PROMOTERS, TICKETS
from api.imports.client import Client, RequestRefused, Unreachable
from core.clock import now
from core.database import Database
from core.settings import Settings
from experiments.events.errors import LogInUse
from experiments.events.log import EventLog, open_log
from workers.queue import settle

VOICES = PROMOTERS + PASSIVES + DETRACTORS + PARTIAL + TICKETS


async def seed(output: Output, settings: Settings) -> dict[str, Any]:
    """Tell the whole history and close the loop; what is there stays as it is.

    Raises:
        CommandFailed: A running server did not take the events.
    """
    started = time.monotonic()
    async with facts(settings, new=True) as database:
        async with database.readers() as session:
            present = await now(session)
        began = await seeding.beginning(database, present)
        clock = HistoryClock(began, began)
        history = Database(settings.facts_url, clock=clock)
        try:
            with output.progress("setting up", None):
                company = await seeding.found(history, clock)
            keys = await keeping.keep_keys(database, settings.data_dir)
            truth = keeping.write_truth(settings.data_dir)
            server_key = keys[PROJECT]["server"]
            async with _sink(settings, company, server_key) as (sink, log):
                await _tell(output, history, company, sink)
                if log is not None:
                    with output.progress("closing the loop", None):
                        await settle(database, log, settings)
                    await seeding.tell_today(database)
        except Unreachable as error:
            raise CommandFailed(Exit.UNREACHABLE, str(error)) from error
        except RequestRefused as error:
            raise CommandFailed(Exit.REFUSED, str(error), code=error.code) from error
        finally:
            await history.dispose()
    return {
        "project": PROJECT,
        "events": company.history.total(),
        "truthFile": str(truth),
        "keysFile": str(settings.data_dir / keeping.KEYS_FILE),
        "clientKey": keys[PROJECT]["client"],
        "seconds": round(time.monotonic() - started, 3),
    }


async def _tell(
    output: Output, history: Database, company: Company, sink: Sink
) -> None:
    with output.progress("people", company.history.people.users) as bar:
        await seeding.tell_people(history, company, bar.advance)
    with output.progress("events", company.history.total()) as bar:
        await seeding.tell_events(sink, company, bar.advance)
    with output.progress("answers and tickets", VOICES) as bar:
        await seeding.tell_voices(history, company, bar.advance)
    with output.progress("experiments", None):
        await sink.settled()
        await seeding.tell_experiments(history, company)


@asynccontextmanager
async def _sink(
    settings: Settings, company: Company, server_key: str
) -> AsyncIterator[tuple[Sink, EventLog | None]]:
    """The log itself; while a server holds it, that server."""
    log = open_log(
        settings.log_url, lag=timedelta(seconds=settings.watermark_lag_seconds)
    )
    try:
        await log.open()
    except LogInUse:
        async with Client(settings.console_url, server_key) as client:
            yield ServerSink(client), None
        return
    try:
        yield LogSink(log, company.environment.id), log
    finally:
        await log.close()
