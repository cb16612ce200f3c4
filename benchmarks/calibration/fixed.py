"""One look: type I, coverage, power, and the laws that samples merge by."""

import math
from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
from scipy.special import ndtri
from scipy.stats import kstest

from benchmarks.calibration.claims import Band, Claim, Found, about, exact, rate
from benchmarks.calibration.draws import (
    KINDS,
    NORMAL,
    Floats,
    Kind,
    Units,
    blocks,
    units,
    visits,
)
from experiments.statistics.adjustment import cuped
from experiments.statistics.batch import Comparisons, LiftCode, compare_many
from experiments.statistics.batch_arms import (
    Arms,
    CovariedArms,
    Pairs,
    adjusted,
    independent,
    means,
    ratios,
)
from experiments.statistics.crossproducts import CrossProducts, Moments
from experiments.statistics.power import units_for_means

UNITS = 1_000
PIECE = 500

Intervals = tuple[Floats, Floats, Floats]
"""p-values and the ends of the intervals, (runs,) each."""

Reader = Callable[[Units, Units], Intervals]


def _mean_arm(arm: Units) -> Arms:
    n = np.full(arm.y.shape[0], float(arm.y.shape[1]))
    return means(n, arm.y.mean(axis=1), arm.y.var(axis=1, ddof=1))


def _ratio_arm(arm: Units) -> Arms:
    y, d = arm.y, arm.visits
    n = np.full(y.shape[0], float(y.shape[1]))
    means_of = np.column_stack([y.mean(axis=1), d.mean(axis=1)])
    y, d = y - means_of[:, :1], d - means_of[:, 1:]
    products = [np.einsum("ij,ij->i", a, b) for a, b in ((y, y), (y, d), (d, d))]
    return ratios(n, means_of, np.column_stack(products))


def covaried(arm: Units) -> CovariedArms:
    """Sums of an outcome and the value before, of every run."""
    y, z = arm.y, arm.before
    n = np.full(y.shape[0], float(y.shape[1]))
    centre = y.mean(axis=1), z.mean(axis=1)
    y, z = y - centre[0][:, None], z - centre[1][:, None]
    products = [np.einsum("ij,ij->i", a, b) for a, b in ((y, y), (y, z), (z, z))]
    return CovariedArms(n, *centre, *products)


def read_welch(control: Units, treatment: Units) -> Intervals:
    """Welch's comparison of every run."""
    pairs = independent(_mean_arm(control), _mean_arm(treatment))
    return _intervals(compare_many(pairs, confidence=0.95))


def read_ratio(control: Units, treatment: Units) -> Intervals:
    """The delta method's comparison of every run."""
    pairs = independent(_ratio_arm(control), _ratio_arm(treatment))
    return _intervals(compare_many(pairs, confidence=0.95))


def read_lin(control: Units, treatment: Units) -> Intervals:
    """Lin's comparison of every run."""
    pairs = adjusted(covaried(control), covaried(treatment))
    return _intervals(compare_many(pairs, confidence=0.95))


def read_cuped(control: Units, treatment: Units) -> Intervals:
    """What other tools call CUPED, run by run."""
    found = [
        cuped(*arms, confidence=0.95).difference
        for arms in zip(_moments(control), _moments(treatment), strict=True)
    ]
    columns = [(each.p_value, each.low, each.high) for each in found]
    p_value, low, high = np.array(columns).T
    return p_value, low, high


def _moments(arm: Units) -> Iterator[Moments]:
    sums = covaried(arm)
    for n, y, z, yy, yz, zz in zip(
        sums.n, sums.y, sums.z, sums.yy, sums.yz, sums.zz, strict=True
    ):
        yield Moments(int(n), np.array([y, z]), np.array([[yy, yz], [yz, zz]]))


def _intervals(found: Comparisons) -> Intervals:
    return found.p_value, found.low, found.high


def simulate(
    reader: Reader,
    kind: Kind,
    runs: int,
    draw: np.random.Generator,
    *,
    treated: bool,
    drawn: Callable[..., Units] = units,
) -> Intervals:
    """Read many experiments, in pieces that fit in memory."""
    found = []
    for start in range(0, runs, PIECE):
        shape = (min(PIECE, runs - start), UNITS)
        control = drawn(kind, shape, draw, treated=False)
        found.append(reader(control, drawn(kind, shape, draw, treated=treated)))
    p_value, low, high = (np.concatenate(column) for column in zip(*found, strict=True))
    return p_value, low, high


def _wrong(
    reader: Reader,
    kind: Kind,
    drawn: Callable[..., Units],
    runs: int,
    draw: np.random.Generator,
) -> Found:
    p_value, _, _ = simulate(reader, kind, runs, draw, treated=False, drawn=drawn)
    return rate(int((p_value <= 0.05).sum()), runs)


def _covered(
    reader: Reader,
    kind: Kind,
    drawn: Callable[..., Units],
    runs: int,
    draw: np.random.Generator,
) -> Found:
    _, low, high = simulate(reader, kind, runs, draw, treated=True, drawn=drawn)
    truth = kind.ratio_effect if drawn is visits else kind.effect
    return rate(int(((low <= truth) & (truth <= high)).sum()), runs)


def _fieller(signal: float, runs: int, draw: np.random.Generator) -> Found:
    """Coverage of Fieller's set; where it has no ends, by the test that makes it."""
    truth, one = 0.05, np.ones(runs)
    control = signal + draw.standard_normal(runs)
    treatment = signal * (1.0 + truth) + draw.standard_normal(runs)
    pairs = Pairs(
        control,
        treatment,
        one,
        one,
        0.0 * one,
        2.0 * one,
        1e12 * one,
        np.zeros(runs, dtype=np.int8),
    )
    found = compare_many(pairs, confidence=0.95)
    bounded = found.lift_status == LiftCode.BOUNDED
    inside = (found.lift_low <= truth) & (truth <= found.lift_high)
    gap = np.abs(treatment - (1.0 + truth) * control)
    unbounded = gap <= found.critical * math.sqrt(1.0 + (1.0 + truth) ** 2)
    return rate(int(np.where(bounded, inside, unbounded).sum()), runs)


def _uniform(runs: int, draw: np.random.Generator) -> Found:
    p_value, _, _ = simulate(read_welch, NORMAL, runs, draw, treated=False)
    return exact(float(kstest(p_value, "uniform").pvalue))


DESIGN = 0.1
"""Effect that the power rows are designed for, in standard deviations."""


@cache
def _planned() -> int:
    return units_for_means(
        control_variance=1.0,
        treatment_variance=1.0,
        minimum_effect=DESIGN,
        alpha=0.05,
        power=0.8,
        ratio=1.0,
    )


def _power(runs: int, draw: np.random.Generator) -> Found:
    n = _planned()
    first, second = (blocks("normal", runs, 1, n, draw) for _ in range(2))
    arms = [
        means(arm.n[:, 0], arm.mean[:, 0] + shift, arm.variance[:, 0])
        for arm, shift in ((first, 0.0), (second, DESIGN))
    ]
    found = compare_many(independent(arms[0], arms[1]), confidence=0.95)
    return rate(int((found.p_value <= 0.05).sum()), runs)


def _formula(runs: int, draw: np.random.Generator) -> Found:
    """Planned units over those that really give 80%: powers are read as drifts."""
    power, wanted = _power(runs, draw), 0.8
    reach = float(ndtri(0.975))

    def needed(seen: float) -> float:
        return ((reach + float(ndtri(seen))) / (reach + float(ndtri(wanted)))) ** 2

    return Found(needed(power.value), needed(power.low), needed(power.high))


def _merge(runs: int, draw: np.random.Generator) -> Found:
    """Largest relative error of moments merged from random splits of the rows."""
    worst = 0.0
    for _ in range(runs):
        rows = draw.integers(-(10**6), 10**6, (int(draw.integers(20, 200)), 3))
        cuts = np.sort(draw.integers(1, len(rows), 3))
        parts = [part for part in np.split(rows, cuts) if len(part)]
        whole = CrossProducts.of(rows, steps=(1, 1, 1))
        sums = [CrossProducts.of(part, steps=(1, 1, 1)) for part in parts]
        added, merged = sums[0], Moments.of(parts[0].astype(np.float64))
        for sums_of, part in zip(sums[1:], parts[1:], strict=True):
            added, merged = (
                added + sums_of,
                merged.merge(Moments.of(part.astype(float))),
            )
        if added != whole:
            return exact(math.inf)
        truth = whole.centred()
        scale = np.sqrt(np.outer(*[np.diagonal(truth.deviations)] * 2))
        gap = np.abs(merged.deviations - truth.deviations) / scale
        worst = max(worst, float(gap.max()))
    return exact(worst)


def _kind_claims() -> Iterator[Claim]:
    readers: tuple[tuple[str, Reader, Callable[..., Units]], ...] = (
        ("Welch", read_welch, units),
        ("ratio", read_ratio, visits),
        ("CUPED", read_cuped, units),
        ("Lin", read_lin, units),
    )
    for name, reader, drawn in readers:
        for kind in KINDS:
            few = 300 if reader is read_cuped else 1_000
            parts = (reader, kind, drawn)
            yield Claim(
                f"{name}, {kind.name}: type I",
                "no effect is found in 5%",
                20_000,
                few,
                about(0.05, 0.006),
                partial(_wrong, *parts),
            )
            yield Claim(
                f"{name}, {kind.name}: coverage",
                "the interval holds a true effect in 95%",
                20_000,
                few,
                Band(0.944, 0.957),
                partial(_covered, *parts),
            )


CLAIMS = (
    *_kind_claims(),
    *(
        Claim(
            f"Fieller, baseline {signal:.0f} standard errors",
            "the relative interval holds the truth in 95%",
            100_000,
            20_000,
            Band(0.948, 0.952),
            partial(_fieller, signal),
        )
        for signal in (3.0, 5.0, 10.0, 30.0)
    ),
    Claim(
        "Welch, normal: uniform p-values",
        "Kolmogorov and Smirnov's p is above .001",
        20_000,
        2_000,
        Band(1e-3, 1.0),
        _uniform,
    ),
    Claim(
        "Power at the design",
        "the planned units see the planned effect in 80%",
        10_000,
        10_000,
        about(0.8, 0.015),
        _power,
    ),
    Claim(
        "Units by formula",
        "planned units over those that give 80%",
        100_000,
        20_000,
        about(1.0, 0.03),
        _formula,
    ),
    Claim(
        "Merge law",
        "sums of split rows are equal; merged moments agree to 1e-12",
        1_000,
        50,
        Band(0.0, 1e-12),
        _merge,
    ),
)
