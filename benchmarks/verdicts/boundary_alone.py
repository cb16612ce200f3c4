"""How often the boundary alone is crossed without an effect, in many more experiments.

Run `python -m benchmarks.verdicts.boundary_alone [--first 2000] [--last 16000]`. Its
cases are those of `benchmarks.verdicts`, further ones of the same kind: the same
arrivals and splits, each day's reading of the matured units, and the planned boundary.
There are no guardrails, no late events and no service around it, so a thousand take
seconds: it tells a bad draw of 2,000 from a broken promise. Conversions are left out.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdicts.cases import Case, Situation, cases
from benchmarks.verdicts.counting import Share
from benchmarks.verdicts.history import Units, enrolled
from benchmarks.verdicts.outcomes import CAP, KINDS, Doings, Floats
from benchmarks.verdicts.service import LAST_DAY, LOOK_HOUR, PROJECT_ID
from experiments.analysis.cuts import FULL_CYCLE
from experiments.analysis.verdicts import MINIMUM_UNITS
from experiments.assignment.seeds import phase_seed
from experiments.statistics.boundaries import boundary
from experiments.statistics.differences import Difference
from experiments.statistics.evidence import normal_score
from experiments.statistics.leverage import lin_by_unit
from experiments.statistics.means import welch
from experiments.statistics.ratios import delta
from experiments.statistics.samples import PairSample, Sample
from experiments.statistics.spending import Spending

CONFIDENCE = 0.95
ALPHA = 0.05
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Crossed:
    """Which end of its boundary an experiment crossed first: 1, -1, or 0 for none."""

    case: Case
    side: int


def crossed(case: Case) -> Crossed:
    """Read one case daily until it crosses, or its planned units are in."""
    draw = case.draws()
    units = enrolled(case, phase_seed(PROJECT_ID, case.key, 1), draw)
    doings = KINDS[case.kind].draw(np.zeros(units.arm.size, np.bool_), draw)
    fractions, sums, scores = [], [], []
    for matured in _matured(case, units):
        found = _read(case, doings, matured, units.arm == 1)
        fraction = int(matured.sum()) / case.size.total
        fractions.append(min(fraction, 1.0))
        sums.append((fraction * found.standard_error) ** 2)
        scores.append(normal_score(found))
        if fraction >= 1.0:
            break
    if not scores:
        return Crossed(case, 0)
    planned = boundary(
        fractions, spending=Spending.OBRIEN_FLEMING, alpha=ALPHA, information=sums
    )
    for score, critical in zip(scores, planned.critical, strict=True):
        if critical is not None and abs(score) >= critical:
            return Crossed(case, 1 if score > 0.0 else -1)
    return Crossed(case, 0)


def _matured(case: Case, units: Units) -> Iterator[NDArray[np.bool_]]:
    """Who has matured at each look that has the smallest sample."""
    for day in range(FULL_CYCLE // _DAY, LAST_DAY + 1):
        matured = units.day + case.window_days <= day + LOOK_HOUR / 24
        counts = np.bincount(units.arm[matured], minlength=2)
        if counts.min() >= MINIMUM_UNITS[case.unit]:
            yield matured


def _read(
    case: Case, doings: Doings, who: NDArray[np.bool_], treated: NDArray[np.bool_]
) -> Difference:
    """The reading that decides, as the service chooses it."""
    arms = [who & ~treated, who & treated]
    if doings.base is not None:
        pairs = [_pair(doings.total[a], doings.base[a]) for a in arms]
        return delta(pairs[0], pairs[1], confidence=CONFIDENCE)
    y = np.minimum(doings.total, CAP)
    if case.history and doings.before is not None:
        tables = [_table(y[a], doings.before[a]) for a in arms]
        return lin_by_unit(tables[0], tables[1], confidence=CONFIDENCE).difference
    samples = [Sample(int(a.sum()), float(y[a].mean()), _products(y[a])) for a in arms]
    return welch(samples[0], samples[1], confidence=CONFIDENCE)


def _pair(y: Floats, d: Floats) -> PairSample:
    return PairSample(
        n=y.size,
        numerator=float(y.mean()),
        denominator=float(d.mean()),
        numerator_deviations=_products(y),
        denominator_deviations=_products(d),
        products=_products(y, d),
    )


def _products(one: Floats, other: Floats | None = None) -> float:
    """The sum of products of deviations; with nothing else, of squares."""
    other = one if other is None else other
    return float(((one - one.mean()) * (other - other.mean())).sum())


def _table(y: Floats, before: Floats) -> Floats:
    """Values, those before, and whether there were none."""
    return np.column_stack([y, before, (before == 0.0).astype(np.float64)])


def without_effect(first: int, last: int) -> list[Case]:
    """Cases of sums and ratios by number; past the usual ones all lose their effect."""
    return [
        replace(each, situation=Situation.NO_EFFECT)
        for each in cases(last)[first:]
        if each.kind != "converted"
    ]


def main() -> int:
    """Simulate, and print how many crossed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--first", type=int, default=2_000)
    arguments.add_argument("--last", type=int, default=16_000)
    arguments.add_argument("--processes", type=int, default=2)
    chosen = arguments.parse_args()
    asked = without_effect(chosen.first, chosen.last)
    with get_context("spawn").Pool(chosen.processes) as pool:
        found = pool.map(crossed, asked, chunksize=50)
    print("| without an effect | crossed above | crossed below |\n|---|---|---|")
    for kind in ("spent", "ordered", None):
        own = [each.side for each in found if kind in {each.case.kind, None}]
        ends = [Share(sum(side == end for side in own), len(own)) for end in (1, -1)]
        told = [f"{e.value:.2%} ({e.low:.2%} to {e.high:.2%})" for e in ends]
        print(f"| {kind or 'both'}, {len(own):,} | {told[0]} | {told[1]} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
