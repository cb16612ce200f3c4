"""Ask others the same: python -m benchmarks.analysis.differential [--cases 10000].

Every disagreement is put into a class by computing ours in the other's way, which must
then give the other's number; ends with 1 where one is left over. Peers that are not
installed are skipped by name; `make bench-analysis` gives them an environment.
"""

import argparse
import gc
import importlib
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from benchmarks.analysis.agreement import EQUAL, UNEXPLAINED, Seen
from benchmarks.analysis.cases import Case, cases

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
START, END = "<!-- differential -->", "<!-- /differential -->"

PEERS = (
    ("against_scipy", "against_scipy", 1),
    ("against_statsmodels", "against_statsmodels", 1),
    ("against_statsmodels", "slowly_against_statsmodels", 10),
    ("against_engines", "against_engines", 1),
)
"""Module, function, and every how many cases it is asked."""

Ask = Callable[[Case], Iterator[Seen]]


def asked(names: tuple[str, ...]) -> list[tuple[Ask, int]]:
    """The functions of the peers that are installed."""
    found = []
    for module, function, every in PEERS:
        if function not in names:
            continue
        try:
            loaded = importlib.import_module(f"benchmarks.analysis.{module}")
        except ImportError as error:
            print(f"{function}: skipped, there is no {error.name}.")
            continue
        found.append((getattr(loaded, function), every))
    return found


def compare(
    number: int, peers: Sequence[tuple[Ask, int]], *, seed: int, start: int = 0
) -> Counter[Seen]:
    """Count every class of every comparison, of the cases from a place on."""
    seen: Counter[Seen] = Counter()
    drawn = islice(cases(number, seed), start, None)
    for place, case in enumerate(drawn, start):
        for ask, every in peers:
            if place % every == 0:
                seen.update(ask(case))
    return seen


def share(places: range, seed: int) -> Counter[Seen]:
    """Ask every peer about these cases, in a process of its own.

    statsmodels collects garbage at every correction of a family; what is loaded by then
    is set aside, or that alone would take 50 minutes.
    """
    warnings.simplefilter("ignore")
    peers = asked(tuple(function for _, function, _ in PEERS))
    gc.freeze()
    return compare(places.stop, peers, seed=seed, start=places.start)


def shares(number: int, seed: int, workers: int) -> Counter[Seen]:
    """Share the cases among processes; the counts do not depend on how many."""
    size = max(1, -(-number // workers))
    parts = [range(k, min(k + size, number)) for k in range(0, number, size)]
    seen: Counter[Seen] = Counter()
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for found in pool.map(partial(share, seed=seed), parts):
            seen.update(found)
    return seen


def render(seen: Counter[Seen]) -> str:
    """A Markdown table: a row for each comparison, then its classes."""
    rows = ["| method | peer | cases | equal | the others |", "|---|---|--:|--:|---|"]
    for method, peer in dict.fromkeys((s.method, s.peer) for s in seen):
        groups = {
            s.group: count
            for s, count in seen.items()
            if (s.method, s.peer) == (method, peer)
        }
        others = "; ".join(
            f"{count:,} {group}"
            for group, count in sorted(groups.items())
            if group != EQUAL
        )
        total = sum(groups.values())
        rows.append(
            f"| {method} | {peer} | {total:,} | {groups.get(EQUAL, 0):,} | {others} |"
        )
    return "\n".join(rows)


def main() -> None:
    """Read the options and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the table down")
    options = parser.parse_args()
    seen = shares(options.cases, options.seed, options.workers)
    spent = os.times()
    table = render(seen)
    left = sum(count for each, count in seen.items() if each.group == UNEXPLAINED)
    print(table)
    print(
        f"\n{options.cases:,} cases, {seen.total():,} comparisons, {left} unexplained; "
        f"{spent.children_user + spent.children_system:.0f} CPU-seconds"
    )
    if options.write:
        before, rest = PAGE.read_text("utf-8").split(START, 1)
        after = rest.split(END, 1)[1]
        PAGE.write_text(f"{before}{START}\n{table}\n{END}{after}", "utf-8")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
