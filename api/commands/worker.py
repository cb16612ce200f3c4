"""hone worker: background work in a process of its own."""

import asyncio
import signal

from api.commands.output import AsJson, CommandFailed, Exit, Output, run
from core.settings import Settings


def worker(as_json: AsJson = False) -> None:
    """Run the tasks until told to stop. Needs PostgreSQL; Redis makes it quicker."""
    from api.records import log_as_json

    output = Output(as_json=as_json)
    settings = Settings()
    log_as_json(settings.log_level)
    wakes = "Redis" if settings.redis_url else "sweeps only"
    output.line(f"worker: {wakes}; stop with Ctrl+C")
    run(output, _work(settings))
    output.finish({"stopped": True})


async def _work(settings: Settings) -> None:
    from api.commands.stores import facts
    from workers.queue import SeparateWorkerRefused, work

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if not settings.embedded:
        async with facts(settings, new=True):
            pass
    try:
        await work(settings, stop)
    except SeparateWorkerRefused as error:
        raise CommandFailed(
            Exit.REFUSED, str(error), code="SEPARATE_WORKER_REFUSED"
        ) from error
