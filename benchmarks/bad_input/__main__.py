"""Bad input: what each door takes to refuse it, or to miss, in the server's process.

Run `python -m benchmarks.bad_input [--rounds 15] [--limit 5] [--worst 8]`; it prints a
Markdown table. Every door gets every input as attributes, properties, context or text,
in whole HTTP requests to the application, in process and over embedded stores. The time
is the processor's, of all threads, from the last byte that came to the last one that
went. A cell is the median and the worst of the rounds in milliseconds, and the typed
answer; OK is a clean miss. Where a write was taken, what the same door takes to store
an ordinary one is told apart and not held to the limit. Ends with 1 where a median is
over it.
"""

import argparse
import asyncio
import gc
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median

from benchmarks.bad_input.doors import doors
from benchmarks.bad_input.inputs import inputs
from benchmarks.bad_input.serving import Server, serving

WARMING = 2
READING = frozenset({"assignments", "explainAssignment", "remote evaluation"})
"""Doors that store nothing, beside OFREP's."""


@dataclass(slots=True)
class Cell:
    """What one door did with one input."""

    door: str
    bad: str
    answer: str = ""
    times: list[float] = field(default_factory=list)
    ordinary: float = 0.0
    """Of the median, what an ordinary write takes here; 0 where nothing was stored."""

    @property
    def median(self) -> float:
        """Milliseconds."""
        return median(self.times)

    @property
    def own(self) -> float:
        """What is due to the input."""
        return self.median - self.ordinary


def answered(status: int, content: bytes) -> str:
    """The status with the code that the body names, wherever it does."""
    code = _code(json.loads(content)) if content else ""
    return f"{status} {code or 'OK'}"


def _code(value: object) -> str:
    if isinstance(value, Mapping):
        for name in ("code", "errorCode"):
            if isinstance(value.get(name), str):
                return str(value[name])
        value = list(value.values())
    if isinstance(value, list):
        return next((found for each in value if (found := _code(each))), "")
    return ""


def _stores(door: str, answer: str) -> bool:
    return answer == "200 OK" and door not in READING and "OFREP" not in door


async def measure(server: Server, rounds: int) -> list[Cell]:
    """Every door with every input, the doors in turn."""
    cells: list[Cell] = []
    usual: dict[str, float] = {}
    numbers = count()
    for bad, content in inputs().items():
        for door in doors(server):
            cell = Cell(door.name, bad)
            for place in range(WARMING + rounds):
                body = door.body(content, next(numbers))
                gc.collect(0)
                spent, status, answer = await server.send(
                    door.path, body, door.key, door.media_type
                )
                if place >= WARMING:
                    cell.times.append(spent * 1000)
                cell.answer = answered(status, answer)
            if _stores(door.name, cell.answer):
                cell.ordinary = usual.setdefault(door.name, cell.median)
            cells.append(cell)
    return cells


def show(cells: Sequence[Cell], worst: int, limit: float) -> None:
    """A table for people, and the slowest cells."""
    rows = list(dict.fromkeys(cell.bad for cell in cells))
    heads = list(dict.fromkeys(cell.door for cell in cells))
    print(f"| input | {' | '.join(heads)} |")
    print(f"|---|{'---|' * len(heads)}")
    for bad in rows:
        found = [
            f"{cell.median:.1f} ({max(cell.times):.1f}) {cell.answer}"
            + (" stored" if cell.ordinary else "")
            for cell in cells
            if cell.bad == bad
        ]
        print(f"| {bad} | {' | '.join(found)} |")
    slow = sorted(cells, key=lambda cell: -cell.own)
    over = sum(cell.own > limit for cell in cells)
    print(f"\n{len(cells)} cells, {over} with a median over {limit:g} ms; the slowest:")
    for cell in slow[:worst]:
        beside = f" beside {cell.ordinary:.1f} ms to store" if cell.ordinary else ""
        print(
            f"- {cell.own:.1f} ms{beside} (worst {max(cell.times):.1f}): {cell.door}, "
            f"{cell.bad}: {cell.answer}"
        )


async def run(options: argparse.Namespace, folder: Path) -> int:
    """Measure and print; 1 where something is over the limit."""
    async with serving(folder) as server:
        cells = await measure(server, options.rounds)
    show(cells, options.worst, options.limit)
    return int(any(cell.own > options.limit for cell in cells))


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--limit", type=float, default=5.0)
    parser.add_argument("--worst", type=int, default=8)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
