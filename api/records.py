"""Log records: one JSON object a line, whatever a caller put into a name."""

import json
import logging
import sqlite3
import traceback
from datetime import UTC, datetime
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError

_QUOTING = (DBAPIError, asyncpg.PostgresError, sqlite3.Error)
_LONGEST_CHAIN = 10

LOGGER = logging.getLogger("hone")
"""The edge's logger. Pass `extra={"fields": {...}}`; never a header or a body."""


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON, control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        line: dict[str, Any] = {
            "at": at,
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = _trace(record.exc_info[1])
        return json.dumps(line, default=str)


def _trace(crash: BaseException) -> str:
    """Where a crash came from. What a database says of it may quote a row: left out."""
    parts: list[str] = []
    link: BaseException | None = crash
    while link is not None and len(parts) < _LONGEST_CHAIN:
        frames = "".join(traceback.format_tb(link.__traceback__))
        message = "" if isinstance(link, _QUOTING) else f": {link}"
        parts.append(f"{frames}{type(link).__name__}{message}")
        link = link.__cause__ or link.__context__
    return "\n\nafter\n\n".join(parts)


def log_as_json(level: str) -> None:
    """Send records from a level up to standard error, one JSON object a line."""
    if not LOGGER.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines())
        LOGGER.addHandler(handler)
        LOGGER.setLevel(level)
        LOGGER.propagate = False


def note(event: str, **fields: object) -> None:
    """Log one event."""
    LOGGER.info(event, extra={"fields": fields})
