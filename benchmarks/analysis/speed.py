"""One analysis from sums: the vectorised engine beside others, interleaved.

Run `python -m benchmarks.analysis.speed` in the peers' environment
(`make bench-analysis`). An analysis is p, an interval and a lift of one metric in one
arm; microseconds of CPU time, median of seven rounds, all contenders in every round.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np

from experiments.statistics.batch import compare_many
from experiments.statistics.batch_arms import independent, means
from experiments.statistics.means import welch
from experiments.statistics.relative import fieller
from experiments.statistics.samples import Sample

ROUNDS = 7
ANALYSES = 1_000


@dataclass(frozen=True, slots=True)
class Contender:
    """How one engine does so many analyses."""

    name: str
    analyses: int
    run: Callable[[], object]


def drawn(analyses: int = ANALYSES) -> tuple[np.ndarray, ...]:
    """Units, means and variances of both arms of every analysis."""
    draw = np.random.default_rng(1)
    n = draw.integers(1_000, 100_000, (2, analyses)).astype(np.float64)
    variance = draw.uniform(0.5, 20.0, (2, analyses))
    mean = 10.0 + draw.standard_normal((2, analyses)) * np.sqrt(variance / n)
    return n, mean, variance


def together(analyses: int) -> Contender:
    """So many analyses in one call."""
    n, mean, variance = drawn(analyses)

    def run() -> object:
        arms = [means(n[k], mean[k], variance[k]) for k in (0, 1)]
        return compare_many(independent(arms[0], arms[1]), confidence=0.95)

    return Contender(f"Hone, {analyses:,} at once", analyses, run)


def ours() -> list[Contender]:
    """All at once, and one at a time."""
    n, mean, variance = drawn()
    samples = [
        tuple(
            Sample(
                int(n[k, i]), float(mean[k, i]), float(variance[k, i] * (n[k, i] - 1))
            )
            for k in (0, 1)
        )
        for i in range(200)
    ]

    def alone() -> object:
        for control, treatment in samples:
            found = welch(control, treatment, confidence=0.95)
            fieller(control.estimate(), treatment.estimate(), critical=found.critical)
        return None

    return [
        together(ANALYSES),
        Contender("Hone, one at a time", len(samples), alone),
    ]


def gbstats() -> Contender:
    """GrowthBook's engine, relative, as its product calls it."""
    from gbstats.frequentist.tests import FrequentistConfig, TwoSidedTTest
    from gbstats.models.statistics import SampleMeanStatistic

    n, mean, variance = drawn()
    config = FrequentistConfig(difference_type="relative")
    arms = [
        [
            SampleMeanStatistic(
                n=int(n[k, i]),
                sum=float(n[k, i] * mean[k, i]),
                sum_squares=float(
                    variance[k, i] * (n[k, i] - 1) + n[k, i] * mean[k, i] ** 2
                ),
            )
            for k in (0, 1)
        ]
        for i in range(100)
    ]

    def run() -> object:
        return [TwoSidedTTest(a, b, config).compute_result() for a, b in arms]

    return Contender("gbstats, t-test", len(arms), run)


def tea_tasting() -> Contender:
    """tea-tasting from aggregates."""
    import tea_tasting as tea

    n, mean, variance = drawn()
    metric = tea.Mean("y")
    arms = [
        [
            tea.aggr.Aggregates(
                count_=int(n[k, i]),
                mean_={"y": float(mean[k, i])},
                var_={"y": float(variance[k, i])},
            )
            for k in (0, 1)
        ]
        for i in range(50)
    ]

    def run() -> object:
        return [metric.analyze_aggregates(a, b) for a, b in arms]

    return Contender("tea-tasting", len(arms), run)


def contenders() -> list[Contender]:
    """Ours, and those that are installed."""
    found = ours()
    for make in (gbstats, tea_tasting):
        try:
            found.append(make())
        except ImportError as error:
            print(f"{make.__name__}: skipped, there is no {error.name}.")
    return found


def measured(contender: Contender) -> float:
    """Microseconds of CPU time per analysis; repeated until 20 ms have passed."""
    repeats = 0
    began = time.process_time()
    while True:
        contender.run()
        repeats += 1
        spent = time.process_time() - began
        if spent > 0.02:
            return 1e6 * spent / (repeats * contender.analyses)


def main() -> None:
    """Measure in turn, and print ratios."""
    every = contenders()
    for each in every:
        each.run()
    times: dict[str, list[float]] = {each.name: [] for each in every}
    for _ in range(ROUNDS):
        for each in every:
            times[each.name].append(measured(each))
    floor = median(times[every[0].name])
    print(f"{os.cpu_count()} cores, numpy {np.__version__}, median of {ROUNDS}")
    print("| engine | microseconds per analysis | times ours |\n|---|--:|--:|")
    for name, spent in times.items():
        ratio = median(spent) / floor
        digits = max(0, 1 - math.floor(math.log10(ratio)))
        print(f"| {name} | {median(spent):,.2f} | {ratio:,.{digits}f} |")
    grow()


def grow() -> None:
    """What one call costs as it holds more."""
    every = [together(10**power) for power in range(6)]
    times: list[list[float]] = [[] for _ in every]
    for _ in range(ROUNDS):
        for each, spent in zip(every, times, strict=True):
            spent.append(measured(each))
    print("\n| analyses in one call | microseconds each | milliseconds in all |")
    print("|--:|--:|--:|")
    for each, spent in zip(every, times, strict=True):
        cost = median(spent)
        print(
            f"| {each.analyses:,} | {cost:,.2f} | {cost * each.analyses / 1000:,.2f} |"
        )


if __name__ == "__main__":
    main()
