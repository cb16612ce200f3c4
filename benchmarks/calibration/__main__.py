"""Calibrate every method: python -m benchmarks.calibration [--write] [--times 10].

Prints the table as Markdown, and ends with 1 where a claim fails. With --write it
replaces the table in docs/statistics.md.
"""

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.calibration.table import CLAIMS, check, render, replace_table

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=float, default=1.0, help="times the usual runs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", action="store_true", help="write the table down")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    options = parser.parse_args()
    sys.exit(calibrate(options))


def calibrate(options: argparse.Namespace) -> int:
    """Print the table, write it if asked, and say whether a claim fails."""
    places = [k for k, claim in enumerate(CLAIMS) if options.only in claim.name]
    tasks = [(place, options.times) for place in places]
    began = time.perf_counter()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        rows = list(pool.map(check, tasks))
    table = render(rows)
    failed = sum(not row.holds for row in rows)
    print(table)
    print(
        f"\n{len(rows)} claims, {failed} fail; "
        f"{sum(row.seconds for row in rows):.0f} CPU-seconds, "
        f"{time.perf_counter() - began:.0f} s"
    )
    if options.write:
        PAGE.write_text(replace_table(PAGE.read_text("utf-8"), table), "utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    main()
