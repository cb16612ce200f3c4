"""Many looks at one experiment: boundaries, sequences, and the split of units."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr

from benchmarks.calibration.claims import Band, Claim, Found, exact, rate
from benchmarks.calibration.draws import Floats, Path, blocks
from experiments.statistics.always_valid import asymptotic_sequences, harm_bound
from experiments.statistics.boundaries import Boundary, boundary
from experiments.statistics.directions import Better
from experiments.statistics.power import units_for_means
from experiments.statistics.spending import Spending
from experiments.statistics.srm import sequential_sample_ratio
from experiments.statistics.stagewise import stagewise

EACH = 50
"""New units of an arm at every look."""

NAMES = {Spending.OBRIEN_FLEMING: "O'Brien-Fleming", Spending.POCOCK: "Pocock"}

FOUR = ("normal", "Bernoulli .1", "Poisson .5", "lognormal 1.5")


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a look makes of each run, each (runs, looks)."""

    value: Floats
    standard_error: Floats
    score: Floats
    """Normal scores of Student's t."""
    n: Floats


def statistics(control: Path, treatment: Path, *, effect: float = 0.0) -> Statistics:
    """Welch's statistic at every look."""
    value = treatment.mean - control.mean + effect
    parts = [arm.variance / arm.n for arm in (control, treatment)]
    variance = np.maximum(parts[0] + parts[1], 1e-12)
    freedom = variance**2 / np.maximum(
        parts[0] ** 2 / (control.n - 1) + parts[1] ** 2 / (treatment.n - 1), 1e-30
    )
    error = np.sqrt(variance)
    return Statistics(
        value, error, scores(value / error, freedom), control.n + treatment.n
    )


def scores(statistic: Floats, freedom: Floats) -> Floats:
    """The normal scores that are as rare; see `evidence.normal_score`."""
    tail = np.maximum(stdtr(freedom, -np.abs(statistic)), 1e-300)
    found: Floats = np.copysign(ndtri(tail), statistic)
    return found


@cache
def even(spending: Spending, looks: int) -> Boundary:
    """The boundary of equally spaced looks."""
    steps = [(look + 1) / looks for look in range(looks)]
    return boundary(steps, spending=spending, alpha=0.05)


def limits(plan: Boundary) -> Floats:
    """Critical values by look; infinite where a look may not reject."""
    return np.array([np.inf if c is None else c for c in plan.critical])


def drawn(
    name: str, runs: int, looks: int, draw: np.random.Generator, *, each: int = EACH
) -> Statistics:
    """Two equal arms at every look."""
    arms = [blocks(name, runs, looks, each, draw) for _ in range(2)]
    return statistics(arms[0], arms[1])


def _wrong(
    spending: Spending, name: str, looks: int, runs: int, draw: np.random.Generator
) -> Found:
    each = EACH * 100 // looks
    found = drawn(name, runs, looks, draw, each=each)
    crossed = np.abs(found.score) >= limits(even(spending, looks))
    return rate(int(crossed.any(axis=1).sum()), runs)


def _always(name: str, looks: int, runs: int, draw: np.random.Generator) -> Found:
    hits, piece = 0, max(1, 400_000 // looks)
    for start in range(0, runs, piece):
        found = drawn(name, min(piece, runs - start), looks, draw)
        sequences = asymptotic_sequences(
            found.value,
            found.standard_error,
            found.n,
            planned=2 * EACH * looks,
            alpha=0.05,
        )
        crossed = (sequences.low > 0.0) | (sequences.high < 0.0)
        hits += int(crossed.any(axis=1).sum())
    return rate(hits, runs)


def _alarms(name: str, looks: int, runs: int, draw: np.random.Generator) -> Found:
    """False alarms of the one-sided bound; its critical value depends on n alone."""
    found = drawn(name, runs, looks, draw)
    critical = np.array(
        [
            harm_bound(
                0.0,
                1.0,
                n=int(n),
                planned=2 * EACH * looks,
                alpha=0.05,
                better=Better.HIGHER,
            ).critical
            for n in found.n[0]
        ]
    )
    rang = found.value / found.standard_error < -critical
    return rate(int(rang.any(axis=1).sum()), runs)


def _split(alpha: float, runs: int, draw: np.random.Generator) -> Found:
    counts = draw.binomial(1_000, 0.5, (runs, 60))
    observed = np.cumsum(np.stack([counts, 1_000 - counts], axis=2), axis=1)
    wrong = sum(
        float(sequential_sample_ratio(path, [0.5, 0.5]).p_value[-1]) <= alpha
        for path in observed
    )
    return rate(wrong, runs)


LOOKS = 100


@cache
def _effect() -> float:
    """The effect that the fixed test sees with 80% at these looks' last."""
    drift = float(ndtri(0.975) + ndtri(0.8))
    found: float = drift * math.sqrt(2.0 / (EACH * LOOKS))
    planned = units_for_means(
        control_variance=1.0,
        treatment_variance=1.0,
        minimum_effect=found,
        alpha=0.05,
        power=0.8,
        ratio=1.0,
    )
    assert abs(planned - EACH * LOOKS) <= 1
    return found


def _designed(runs: int, draw: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Look at which each run stopped (0: never), and whether the fixed test saw it."""
    arms = [blocks("normal", runs, LOOKS, EACH, draw) for _ in range(2)]
    found = statistics(arms[0], arms[1], effect=_effect())
    crossed = np.abs(found.score) >= limits(even(Spending.OBRIEN_FLEMING, LOOKS))
    stop = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, 0)
    return stop.astype(float), np.abs(found.score[:, -1]) >= float(ndtri(0.975))


def _relative_power(runs: int, draw: np.random.Generator) -> Found:
    stop, fixed = _designed(runs, draw)
    whole = rate(int((stop > 0).sum()), runs)
    share = float(fixed.mean())
    return Found(whole.value / share, whole.low / share, whole.high / share)


def _expected_units(runs: int, draw: np.random.Generator) -> Found:
    stop, _ = _designed(runs, draw)
    return exact(float(np.where(stop > 0, stop, LOOKS).mean()) / LOOKS)


STAGES = 5


def _stopped(runs: int, draw: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Each run's unbiased estimate and upper end, less the truth; normal data."""
    plan = even(Spending.OBRIEN_FLEMING, STAGES)
    steps = np.arange(1, STAGES + 1) / STAGES
    truth = 2.8
    walk = np.cumsum(draw.standard_normal((runs, STAGES)) / STAGES**0.5, axis=1)
    found = (walk + truth * steps) / np.sqrt(steps)
    crossed = np.abs(found) >= limits(plan)
    look = np.where(crossed.any(axis=1), crossed.argmax(axis=1), STAGES - 1)
    for row, stop in zip(found, look, strict=True):
        read = stagewise(
            plan,
            look=int(stop) + 1,
            statistic=float(row[stop]),
            standard_error=float(1.0 / np.sqrt(steps[stop])),
            confidence=0.95,
        )
        yield read.value - truth, float(read.low <= truth <= read.high)


def _median(runs: int, draw: np.random.Generator) -> Found:
    return rate(sum(value > 0.0 for value, _ in _stopped(runs, draw)), runs)


def _stage_coverage(runs: int, draw: np.random.Generator) -> Found:
    return rate(int(sum(inside for _, inside in _stopped(runs, draw))), runs)


def _boundary_claims() -> Iterator[Claim]:
    for spending, label in NAMES.items():
        for looks in (14, 100):
            for name in ("normal", "Bernoulli .1", "lognormal, capped"):
                yield Claim(
                    f"{label}, {looks} looks, {name}",
                    "no effect is found at any look in 5%",
                    10_000,
                    1_000 if looks == 14 else 300,
                    Band(0.040, 0.056),
                    partial(_wrong, spending, name, looks),
                )
        yield Claim(
            f"{label}, 100 looks, lognormal without a cap",
            "no effect is found at any look in at most 5%",
            10_000,
            300,
            Band(0.0, 0.056),
            partial(_wrong, spending, "lognormal 1.5", 100),
        )


def _sequence_claims() -> Iterator[Claim]:
    for looks in (100, 1_000):
        for name in FOUR:
            yield Claim(
                f"Asymptotic sequence, {looks:,} looks, {name}",
                "no effect is found at any look in at most 5%, and not never",
                4_000,
                1_000 if looks == 100 else 100,
                Band(0.005, 0.056),
                partial(_always, name, looks),
            )
    for name in ("normal", "lognormal 1.5"):
        yield Claim(
            f"Harm alarm, 100 looks, {name}",
            "a harmless guardrail rings at any look in at most 5%",
            4_000,
            500,
            Band(0.005, 0.056),
            partial(_alarms, name, 100),
        )


CLAIMS = (
    *_boundary_claims(),
    *_sequence_claims(),
    *(
        Claim(
            f"Sequential SRM, 60 looks, {alpha}",
            "a true split is doubted at any look in at most alpha",
            20_000,
            2_000,
            Band(0.0, alpha),
            partial(_split, alpha),
        )
        for alpha in (0.01, 0.001)
    ),
    Claim(
        "O'Brien-Fleming, power at the design",
        "100 looks keep 97% of the fixed test's power",
        10_000,
        2_000,
        Band(0.97, 1.0),
        _relative_power,
    ),
    Claim(
        "O'Brien-Fleming, units at the design",
        "100 looks need on average at most 80% of the planned units",
        10_000,
        2_000,
        Band(0.0, 0.8),
        _expected_units,
    ),
    Claim(
        "After a stop: estimate",
        "the unbiased estimate is too high as often as too low",
        4_000,
        60,
        Band(0.49, 0.51),
        _median,
    ),
    Claim(
        "After a stop: coverage",
        "the stage-wise interval holds the truth in 95%",
        4_000,
        60,
        Band(0.94, 0.96),
        _stage_coverage,
    ),
)
