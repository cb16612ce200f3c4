"""Log records: one JSON object a line, whatever a caller put into a name."""

import asyncio
import json
import logging
import sqlite3
import time
import traceback
from collections import deque
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import asyncpg
from sqlalchemy.exc import DBAPIError

_QUOTING = (DBAPIError, asyncpg.PostgresError, sqlite3.Error)
_LONGEST_CHAIN = 10
PATIENCE_SECONDS = 0.1
MAX_WAITING = 256
"""Lines for requests that are written together at most."""

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


class Lines(logging.StreamHandler[TextIO]):
    """Writes records at once, and lines for requests many at a time.

    A request's line is ready text: it goes out within a tenth of a second, and ahead
    of any record that came after it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[str] = deque()

    def append(self, line: str) -> None:
        """Take a line; the first of several has them all written soon."""
        waiting = self._waiting
        waiting.append(line)
        count = len(waiting)
        if count == 1:
            try:
                asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.flush)
            except RuntimeError:
                self.flush()
        elif count >= MAX_WAITING:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record behind the lines that wait."""
        self._write_waiting()
        super().emit(record)

    def flush(self) -> None:
        """Write what waits: also when the process ends."""
        with self._alone():
            self._write_waiting()
            super().flush()

    def _alone(self) -> AbstractContextManager[object]:
        return self.lock or nullcontext()

    def _write_waiting(self) -> None:
        # Whoever appends meanwhile takes no lock, so nothing here may be swapped out.
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        # Nobody's request fails because nobody reads what is said of it.
        with suppress(OSError, ValueError):
            if lines:
                self.stream.write("".join(lines))


def log_as_json(level: str) -> None:
    """Send records from a level up to standard error, one JSON object a line."""
    if not LOGGER.handlers:
        handler = Lines()
        handler.setFormatter(JsonLines())
        LOGGER.addHandler(handler)
        LOGGER.setLevel(level)
        LOGGER.propagate = False


def note(event: str, **fields: object) -> None:
    """Log one event."""
    LOGGER.info(event, extra={"fields": fields})


def note_request(
    request_id: str, method: str, place: str, status: int, seconds: float
) -> None:
    """Log one request, if the level asks for it.

    There is one for every answer, so its line is written without a record where
    nobody but our own handler would see that. None of its texts needs escaping.
    """
    if not LOGGER.isEnabledFor(logging.INFO):
        return
    milliseconds = round(seconds * 1000, 2)
    handlers = LOGGER.handlers
    if len(handlers) == 1 and type(handlers[0]) is Lines and not LOGGER.propagate:
        handlers[0].append(
            f'{{"at": "{_instant(time.time())}", "level": "info", "event": "request", '
            f'"requestId": "{request_id}", "method": "{method}", "place": "{place}", '
            f'"status": {status}, "milliseconds": {milliseconds}}}\n'
        )
        return
    note(
        "request",
        requestId=request_id,
        method=method,
        place=place,
        status=status,
        milliseconds=milliseconds,
    )


@lru_cache(maxsize=2)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _instant(at: float) -> str:
    whole = int(at)
    return f"{_second(whole)}.{int((at - whole) * 1_000_000):06d}+00:00"
