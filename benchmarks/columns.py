"""Columns: assignments per CPU-second of a million subjects, against one at a time.

Run `python -m benchmarks.columns [--subjects 1000000]`. Ids are 8 to 36 ASCII
characters; the rounds are interleaved on one core, medians of five shown. A column is
encoded once and hashed under many seeds: each step has a figure, and both together.
"""

import argparse
import random
import string
import time
from collections.abc import Callable
from statistics import median

from core.hashing import bucket
from experiments.assignment.columns import arms, encoded
from experiments.assignment.ranges import bucket_ranges, choose

ROUNDS = 5
SCALAR = 100_000
ALPHABET = string.ascii_lowercase + string.digits + "-"
RANGES = bucket_ranges(3, 0.8, [0.5, 0.25, 0.25])
SEED = "9f86d081884c7d65"


def subjects(count: int) -> list[str]:
    """Ids of every length from 8 to 36, the same in every run."""
    draw = random.Random(20_260_101)
    return ["".join(draw.choices(ALPHABET, k=8 + n % 29)) for n in range(count)]


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Print assignments per CPU-second."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--subjects", type=int, default=1_000_000)
    ids = subjects(arguments.parse_args().subjects)
    column, few = encoded(ids), ids[:SCALAR]
    works: dict[str, tuple[int, Callable[[], object]]] = {
        "hash and choose, encoded before": (
            len(ids),
            lambda: arms(column, SEED, 2, RANGES),
        ),
        "encode": (len(ids), lambda: encoded(ids)),
        "encode, hash and choose": (len(ids), lambda: arms(ids, SEED, 2, RANGES)),
        "one at a time": (
            len(few),
            lambda: [choose(bucket(each, SEED, 2) or 0.0, RANGES) for each in few],
        ),
    }
    for _, work in works.values():
        work()
    spent: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, (_, work) in works.items():
            spent[name].append(seconds(work))
    print(f"{len(ids):,} subjects, one core, median of {ROUNDS}, per CPU-second")
    for name, (count, _) in works.items():
        print(f"{name:34} {count / median(spent[name]):>14,.0f}")


if __name__ == "__main__":
    main()
