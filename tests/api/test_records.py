"""Lines for requests: as records say them, together, and in order."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from api.records import LOGGER, JsonLines, Lines, note, note_request


@contextmanager
def writing() -> Iterator[io.StringIO]:
    """What the edge's logger writes, with no handler but its own: not even pytest's."""
    stream, lines = io.StringIO(), Lines()
    lines.setStream(stream)
    lines.setFormatter(JsonLines())
    kept = LOGGER.handlers, LOGGER.level, LOGGER.propagate
    LOGGER.handlers, LOGGER.propagate = [lines], False
    LOGGER.setLevel(logging.INFO)
    try:
        yield stream
    finally:
        LOGGER.handlers, LOGGER.propagate = kept[0], kept[2]
        LOGGER.setLevel(kept[1])


def asked(number: int) -> None:
    note_request(f"id-{number:06}", "POST", "/graphql", 200, 0.01234)


def test_they_are_written_soon_and_ahead_of_what_came_later() -> None:
    async def ask() -> str:
        with writing() as written:
            asked(1)
            asked(2)
            assert not written.getvalue()
            note("later")
            asked(3)
            await asyncio.sleep(0.2)
            return written.getvalue()

    lines = [json.loads(line) for line in asyncio.run(ask()).splitlines()]
    assert [line.get("requestId") for line in lines] == [
        *("id-000001", "id-000002", None, "id-000003")
    ]


def test_a_line_has_what_a_record_would_have() -> None:
    with writing() as written:
        asked(1)
        LOGGER.addHandler(logging.NullHandler())
        asked(1)
    ready, recorded = (json.loads(line) for line in written.getvalue().splitlines())
    assert ready.keys() == recorded.keys()
    assert ready.pop("at")[:13] == recorded.pop("at")[:13]
    assert ready == recorded


def test_the_level_counts() -> None:
    with writing() as written:
        LOGGER.setLevel(logging.WARNING)
        asked(1)
    assert not written.getvalue()
