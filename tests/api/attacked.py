"""A process of its own that serves the planted schema: what attacks are aimed at."""

import asyncio
import sys
from pathlib import Path

import uvicorn
from sqlmodel import SQLModel

from api.app import create_app
from api.wire import wire
from core.database import Database
from core.settings import Settings
from experiments.events.log import open_log
from tests.api.conftest import make_tenant
from tests.api.planted import PLANTED
from workers.queue import NullQueue


async def serve(folder: Path, port: int) -> None:
    """Print an administrator's key, then serve until told to stop."""
    settings = Settings(data_dir=folder)
    database = Database(settings.facts_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
    tenant = await make_tenant(database, "acme")
    log = open_log(settings.log_url)
    await log.open()
    app = create_app(
        settings, database=database, log=log, queue=NullQueue(), schema=PLANTED
    )
    config = uvicorn.Config(
        app,
        http=wire(app.state.doors),
        port=port,
        log_config=None,
        lifespan="off",
        access_log=False,
    )
    sys.stdout.write(f"{tenant.admin}\n")
    sys.stdout.flush()
    try:
        await uvicorn.Server(config).serve()
    finally:
        await log.close()
        await database.dispose()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
