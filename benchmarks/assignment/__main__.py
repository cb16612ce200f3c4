"""Run all of it: `make bench-assignment`, or `python -m benchmarks.assignment`.

Each round asks every server in turn, so that what else the machine does meets all of
them. A figure is the median of the rounds, in requests per second of the server's own
CPU time; the server has core 0 and the load core 1. Ratios are taken round by round.
"""

import argparse
import asyncio
import os
import platform
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.assignment.load import CONNECTIONS, Shot, Target, fire
from benchmarks.assignment.seeding import QUALIFYING, seed
from benchmarks.assignment.servers import floor, hone
from benchmarks.assignment.targets import DOCUMENT, of_floor, of_hone, of_unleash
from benchmarks.assignment.unleash import Absent, unleash

ROUNDS = 5
SECONDS = 2
GROWTH = (20, 200, 2_000)
GROWING = ("GraphQL, prepared", "GraphQL, prepared, full list")
HEADING = """\
| what answers | requests / CPU-s | x Unleash | of the floor | p99, half load |
|---|---|---|---|---|"""


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--growth", type=int, nargs="*", default=list(GROWTH))
    chosen = parser.parse_args()
    if shutil.which("wrk") is None:
        print("skipped: wrk is not installed (apt install wrk)")
        return
    print(_machine())
    with tempfile.TemporaryDirectory() as folder:
        side_by_side(Path(folder), chosen.rounds, chosen.seconds)
        growth(Path(folder), chosen.growth, chosen.rounds, chosen.seconds)


def side_by_side(folder: Path, rounds: int, seconds: int) -> None:
    """Everything that answers, in one run."""
    (folder / "one").mkdir()
    key = asyncio.run(seed(folder / "one", QUALIFYING, DOCUMENT))
    with ExitStack() as running:
        served = running.enter_context(hone(folder / "one"))
        bottom = of_floor(running.enter_context(floor()))
        targets = [*filter(_answers, of_hone(served, key)), bottom]
        try:
            other, token = running.enter_context(unleash())
            targets.append(of_unleash(other, token))
        except Absent as reason:
            print(f"Unleash is left out: {reason}\n")
        shots = _rounds(targets, rounds, seconds)
        late = {
            target.name: _half_load(target, shots[target.name], seconds)
            for target in targets
        }
    unit = next((name for name in shots if name.startswith("Unleash")), "")
    print(HEADING)
    for name, found in shots.items():
        print(
            f"| {name} | {median(shot.rate for shot in found):,.0f} "
            f"| {_ratio(found, shots.get(unit)):.1f} "
            f"| {_ratio(found, shots[bottom.name]):.0%} | {late[name]:.1f} ms |"
        )


def growth(folder: Path, sizes: Sequence[int], rounds: int, seconds: int) -> None:
    """More experiments, of which a subject still qualifies for twenty."""
    if not sizes:
        return
    with ExitStack() as running:
        targets: list[Target] = []
        for size in sizes:
            place = folder / f"of-{size}"
            place.mkdir()
            key = asyncio.run(seed(place, size, DOCUMENT))
            served = running.enter_context(hone(place))
            targets += [
                target.named(f"{size:,} | {target.name}")
                for target in of_hone(served, key)
                if target.name in GROWING
            ]
        shots = _rounds(targets, rounds, seconds)
    print(
        f"\n| experiments ({QUALIFYING} qualify) | what is asked "
        "| requests / CPU-s | x the first |"
    )
    print("|---|---|---|---|")
    for number, (name, found) in enumerate(shots.items()):
        first = shots[targets[number % len(GROWING)].name]
        rate = median(shot.rate for shot in found)
        print(f"| {name} | {rate:,.0f} | {_ratio(found, first):.2f} |")


def _rounds(
    targets: Sequence[Target], rounds: int, seconds: int
) -> dict[str, list[Shot]]:
    shots: dict[str, list[Shot]] = {target.name: [] for target in targets}
    for number in range(-1, rounds):
        for target in targets:
            shot = fire(target, seconds)
            if shot.failed:
                raise RuntimeError(f"{target.name}: {shot.failed} requests failed")
            if number >= 0:
                shots[target.name].append(shot)
    return shots


def _half_load(target: Target, shots: Sequence[Shot], seconds: int) -> float:
    """The 99th percentile at about half the rate that was reached.

    Each connection asks half as often as it could under full load.
    """
    most = median(shot.requests for shot in shots) / seconds
    pause = 2 * CONNECTIONS / most * 1000
    return fire(target, seconds, pause_milliseconds=pause).p99_milliseconds


def _ratio(found: Sequence[Shot], other: Sequence[Shot] | None) -> float:
    if not other:
        return float("nan")
    pairs = zip(found, other, strict=True)
    return median(one.rate / two.rate for one, two in pairs)


def _answers(target: Target) -> bool:
    body = target.body.replace("%s", "user-1").encode() or None
    asked = urllib.request.Request(  # noqa: S310 - our own server
        target.url.replace("%s", "user-1"),
        data=body,
        headers=dict(target.headers),
        method=target.method,
    )
    try:
        urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310 - the same
    except OSError as error:
        print(f"{target.name} is left out: {error}\n")
        return False
    return True


def _machine() -> str:
    """What it was measured on, and how busy that was with other things."""
    parts = [name for name in ("uvloop", "httptools") if find_spec(name) is not None]
    server = " + ".join([f"uvicorn {version('uvicorn')}", *parts])
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), Python "
        f"{sys.version.partition(' ')[0]}, {server}, {CONNECTIONS} connections, "
        f"authentication, metrics and request log on, "
        f"load {os.getloadavg()[0]:.1f} before\n"
    )


if __name__ == "__main__":
    main()
