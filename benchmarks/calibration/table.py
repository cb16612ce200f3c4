"""All claims, and the table that they are published in."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.calibration import (
    accounts,
    arrivals,
    families,
    fixed,
    looks,
    regressions,
)
from benchmarks.calibration.claims import Claim, Found

CLAIMS: tuple[Claim, ...] = (
    *fixed.CLAIMS,
    *looks.CLAIMS,
    *regressions.CLAIMS,
    *arrivals.CLAIMS,
    *accounts.CLAIMS,
    *families.CLAIMS,
)

START, END = "<!-- calibration -->", "<!-- /calibration -->"


@dataclass(frozen=True, slots=True)
class Row:
    """A claim, by its place, and what so many runs found."""

    place: int
    runs: int
    found: Found
    seconds: float
    """CPU time that it took."""

    @property
    def holds(self) -> bool:
        """Whether the claim is not contradicted."""
        return CLAIMS[self.place].band.holds(self.found)


def check(task: tuple[int, float]) -> Row:
    """Simulate the claim at a place, with so many times its runs."""
    place, times = task
    began = time.process_time()
    runs = max(50, round(CLAIMS[place].runs * times))
    found = CLAIMS[place].check(runs)
    return Row(place, runs, found, time.process_time() - began)


def render(rows: Sequence[Row]) -> str:
    """A Markdown table, a row for each claim."""
    lines = [
        "| what | claim | runs | band | found | 99.9% interval | |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        claim, found = CLAIMS[row.place], row.found
        cells = (
            claim.name,
            claim.text,
            f"{row.runs:,}",
            f"{_number(claim.band.low)} to {_number(claim.band.high)}",
            _number(found.value),
            "" if found.low == found.high else f"{found.low:.4f} to {found.high:.4f}",
            "holds" if row.holds else "**FAILS**",
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def replace_table(page: str, table: str) -> str:
    """The page with the table between its two marks."""
    before, rest = page.split(START, 1)
    _, after = rest.split(END, 1)
    return f"{before}{START}\n{table}\n{END}{after}"


def _number(value: float) -> str:
    return f"{value:.4f}" if value == 0.0 or abs(value) >= 1e-4 else f"{value:.1e}"
