"""A server in this process: experiments whose conditions are hard, and a survey."""

import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message

from api.app import create_app
from core import keys, migrate, tenancy
from core.database import Database
from core.keys import KeyKind
from core.settings import Settings
from core.tenancy import Role
from experiments.events.log import open_log
from workers.queue import NullQueue

CRUEL = "(x+x+)+y"
RULES: tuple[dict[str, Any], ...] = (
    {"a": {"$regex": CRUEL}},
    {"a": {"$not": {"$regex": "(.{1,30}){30}y"}}},
    {"a": {"$vgt": "1.2.3"}},
    {"a": {"$elemMatch": {"a": {"$regex": CRUEL}}}},
    {"a": {"$all": [{"$regexi": CRUEL}]}},
    {"a.a.a.a": {"$in": ["a", 1]}},
)
"""Who is in the experiments that are asked for."""
ERRORS = "... on Error { code message path }"


class Server:
    """The application with experiments and a survey, and a key of every kind."""

    def __init__(self, app: ASGIApp, client: str, server: str) -> None:
        self._app = app
        self.client = client
        self.server = server

    async def send(
        self, path: str, body: bytes, key: str, media_type: str = "application/json"
    ) -> tuple[float, int, bytes]:
        """Processor seconds, status and body of one request that is here whole."""
        headers = {
            "host": "localhost",
            "content-type": media_type,
            "content-length": str(len(body)),
            "authorization": f"Bearer {key}",
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        begun = time.process_time()
        await self._app(scope, receive, send)
        spent = time.process_time() - begun
        content = b"".join(message.get("body", b"") for message in sent)
        return spent, sent[0]["status"], content

    async def do(self, name: str, /, **given: Any) -> dict[str, Any]:
        """One mutation as an administrator; what it answers."""
        kind = {"startExperiment": "TransitionExperiment"}.get(name, name)
        query = (
            f"mutation ($input: {kind[0].upper()}{kind[1:]}Input!) "
            f"{{ {name}(input: $input) {{ __typename {ERRORS} "
            "... on SurveyPayload { survey { id version } } } }"
        )
        if "urvey" not in name:
            query = query.replace("... on SurveyPayload { survey { id version } }", "")
        sent = {"input": {"idempotencyKey": f"{name}-{given}"[:200], **given}}
        body = json.dumps({"query": query, "variables": sent}).encode()
        _, _, content = await self.send("/graphql", body, self.server)
        found: dict[str, Any] = (json.loads(content).get("data") or {}).get(name) or {}
        if not found or "code" in found:
            raise SystemExit(f"{name}: {content.decode()}")
        return found


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Server]:
    """A server over new embedded stores, with something to ask for."""
    settings = Settings(data_dir=folder, log_level="ERROR")
    database = Database(settings.facts_url)
    await migrate.upgrade(database)
    async with database.sessions.begin() as session:
        _, environment = await tenancy.create_project(
            session, key="bench", name="Bench", secret="s" * 32
        )
        client, server = [
            (
                await keys.issue(
                    session,
                    environment_id=environment.id,
                    kind=kind,
                    role=role,
                    name=kind,
                )
            ).text
            for kind, role in (
                (KeyKind.CLIENT, Role.VIEWER),
                (KeyKind.SERVER, Role.ADMIN),
            )
        ]
    log = open_log(settings.log_url)
    await log.open()
    try:
        app = create_app(settings, database=database, log=log, queue=NullQueue())
        found = Server(app, client, server)
        await prepare(found)
        yield found
    finally:
        await log.close()
        await database.dispose()


async def prepare(server: Server) -> None:
    """Experiments with hard conditions, and a survey."""
    metric = {"kind": "CONVERSION", "eventName": "paid", "direction": "INCREASE"}
    await server.do("createMetric", key="paid", name="Paid", **metric)
    for number, targeting in enumerate(RULES):
        key = f"bad-{number}"
        await server.do(
            "createExperiment",
            key=key,
            name=key,
            treatment="FEATURE",
            hypothesis={
                "statement": "More pay.",
                "metricKey": "paid",
                "direction": "INCREASE",
                "minimumEffect": 0.01,
            },
            variants=[
                {
                    "key": arm,
                    "weight": 0.5,
                    "isControl": arm == "old",
                    "payload": {"feature": {"value": arm}},
                }
                for arm in ("old", "new")
            ],
            metrics=[{"metricKey": "paid", "role": "PRIMARY"}],
            plannedUnits=1_000,
            targeting=targeting,
        )
        named = {"experiment": {"key": key}, "expectedVersion": 1}
        await server.do("startExperiment", **named)
    made = await server.do(
        "createSurvey",
        key="why",
        title="Why",
        questions=[{"key": "why", "kind": "TEXT", "prompt": "Why?"}],
    )
    await server.do(
        "publishSurvey",
        id=made["survey"]["id"],
        expectedVersion=made["survey"]["version"],
    )
