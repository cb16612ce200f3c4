"""Verdicts: 2,000 simulated experiments through the service, and what it says of them.

Run `python -m benchmarks.verdicts [--experiments 2000] [--processes 2] [--at 100]`.
Each is drafted, started, ramped, looked at daily and stopped by the service itself, on
its own stores and a simulated clock; its events come by the event log, one in twenty
of them days late. `--keep FILE` adds every result to a file as it is found, and the
same code goes on from there. The table so far is told after every batch. Exits with 1
where a promise is broken beyond what chance explains.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from benchmarks.verdicts.cases import Situation, cases
from benchmarks.verdicts.counting import rows, table
from benchmarks.verdicts.keeping import code, keep, kept
from benchmarks.verdicts.service import Found, run_batch


def main() -> int:
    """Simulate, and print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--experiments", type=int, default=2_000)
    arguments.add_argument(
        "--first", type=int, default=0, help="begin at this one: others than before"
    )
    arguments.add_argument(
        "--only", choices=[each.value for each in Situation], help="leave out the rest"
    )
    arguments.add_argument("--processes", type=int, default=2)
    arguments.add_argument("--at", type=int, default=100, help="experiments at once")
    arguments.add_argument(
        "--keep", type=Path, help="a file to go on from, with the same code"
    )
    chosen = arguments.parse_args()
    started, running = time.monotonic(), code()
    found = kept(chosen.keep, running) if chosen.keep else []
    before = len(found)
    done = {each.case.number for each in found}
    left = [
        each
        for each in cases(chosen.first + chosen.experiments)[chosen.first :]
        if each.number not in done and chosen.only in {None, each.situation}
    ]
    batches = [
        tuple(left[first : first + chosen.at])
        for first in range(0, len(left), chosen.at)
    ]
    with ProcessPoolExecutor(chosen.processes, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(run_batch, b) for b in batches]):
            batch = future.result()
            found += batch
            if chosen.keep:
                keep(chosen.keep, running, batch)
            print(f"\n{rows(table(found))}\n", file=sys.stderr)
            print(_progress(found, before, started), file=sys.stderr, flush=True)
    lines = table(found)
    print(rows(lines))
    print(f"\n{_progress(found, before, started)} Code {running[:12]}.")
    return 1 if any(each.kept is False for each in lines) else 0


def _progress(found: Sequence[Found], before: int, started: float) -> str:
    """How many there are, and what those of this run took."""
    now, went = len(found), time.monotonic() - started
    earlier = f", {before:,} of them earlier" if before else ""
    return f"{now:,} experiments{earlier}: {went:,.0f} s."


if __name__ == "__main__":
    sys.exit(main())
