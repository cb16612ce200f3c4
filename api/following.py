"""What a serving process does beside answering: it follows, and it keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.applications import Starlette

from api.announcing import RedisChannel
from api.auth import Gate
from api.services import Services
from core.database import Unreachable
from core.kept_file import sweep
from core.settings import Settings
from experiments.service.definitions import Silence
from experiments.service.snapshot_files import SnapshotFiles

MAX_WARM = 200
"""Environments that are loaded before anybody asks for them."""


def kept_folder(settings: Settings) -> Path:
    """Where the last definitions and keys are kept."""
    return settings.data_dir / "definitions"


def can_start_alone(settings: Settings) -> bool:
    """Whether enough was kept to answer assignments without the database."""
    folder = kept_folder(settings)
    snapshots = (path for path in folder.glob("*.json") if path != _keys(folder))
    return _keys(folder).exists() and any(snapshots)


@asynccontextmanager
async def following(app: Starlette) -> AsyncIterator[None]:
    """Follow what other processes publish for as long as the app serves."""
    services: Services = app.state.services
    gate: Gate = app.state.gate
    folder = kept_folder(services.settings)
    await asyncio.to_thread(sweep, folder)
    kept = SnapshotFiles(folder)
    redis_url = services.settings.redis_url
    channel = RedisChannel(redis_url) if redis_url else None
    services.definitions.connect(channel or Silence(), kept)
    await gate.ring.restore(_keys(folder))
    tasks = [
        asyncio.create_task(each)
        for each in (
            services.definitions.follow(),
            gate.ring.follow(),
            _warm(services, gate),
        )
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await gate.close()
        await kept.close()
        if channel is not None:
            await channel.close()


async def _warm(services: Services, gate: Gate) -> None:
    """Load what keys open, so that it is known and kept if the database goes away."""
    with suppress(Unreachable):
        await gate.ring.refresh()
    for environment_id in gate.ring.environments()[:MAX_WARM]:
        with suppress(Unreachable):
            await services.definitions.snapshot(environment_id)


def _keys(folder: Path) -> Path:
    return folder / "keys.json"
