"""The demo's keys and truth: files beside the stores, readable by their owner."""

import json
import os
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from api.demo.definitions import PROJECT_ID, SECOND_ID
from api.demo.plan import truth
from api.demo.voices import DETRACTORS, PARTIAL, PASSIVES, PROMOTERS, TICKETS
from core import keys
from core.database import AsyncSession, Database
from core.keys import ApiKey, KeyKind
from core.tenancy import Environment, Project, Role

KEYS_FILE = "demo-keys.json"
TRUTH_FILE = "demo-truth.json"
KEY_NAMES = {KeyKind.CLIENT: "demo front end", KeyKind.SERVER: "demo server"}


Keys = dict[str, dict[str, str]]
"""A client and a server key for each project, by the project's key."""


async def keep_keys(database: Database, folder: Path) -> Keys:
    """The demo's keys, out of their file.

    Keys are shown once. Without the file new ones are made and the old ones end.
    """
    path = folder / KEYS_FILE
    if path.exists():
        kept: Keys = json.loads(path.read_text(encoding="utf-8"))
        return kept
    async with database.sessions.begin() as session:
        issued = await _issue(session)
    write_private(path, issued)
    return issued


def write_truth(folder: Path) -> Path:
    """What the analysis should find; no table and no API says it."""
    path = folder / TRUTH_FILE
    voices = {
        "promoters": PROMOTERS,
        "passives": PASSIVES,
        "detractors": DETRACTORS,
        "partial": PARTIAL,
        "tickets": TICKETS,
    }
    write_private(path, {"experiments": truth(), "voices": voices})
    return path


def write_private(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON file that only its owner can read, whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
    unfinished.replace(path)


async def _issue(session: AsyncSession) -> Keys:
    issued: Keys = {}
    for project_id in (PROJECT_ID, SECOND_ID):
        project = await session.get_one(Project, project_id)
        environments = await session.exec(
            select(Environment).where(Environment.project_id == project_id)
        )
        environment = environments.one()
        await _end_earlier(session, environment)
        issued[project.key] = {
            kind.value.lower(): (
                await keys.issue(
                    session,
                    environment_id=environment.id,
                    kind=kind,
                    role=Role.EDITOR,
                    name=name,
                )
            ).text
            for kind, name in KEY_NAMES.items()
        }
    return issued


async def _end_earlier(session: AsyncSession, environment: Environment) -> None:
    earlier = await session.exec(
        select(ApiKey).where(
            ApiKey.environment_id == environment.id,
            col(ApiKey.name).in_(KEY_NAMES.values()),
        )
    )
    for key in earlier.all():
        await keys.revoke(session, project_id=environment.project_id, key_id=key.id)
