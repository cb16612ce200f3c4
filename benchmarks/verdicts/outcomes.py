"""What units do over their windows, and what that is worth: the truth of each kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from experiments.design import Direction, MetricKind, SourceValue
from experiments.measurement import MetricSpec
from experiments.readiness.powering import baseline_of_means, baseline_of_ratios
from experiments.readiness.questions import Baseline

Floats: TypeAlias = NDArray[np.float64]

CAP = 60.0
"""What a unit's payments are cut at; one in a hundred pays more."""

TRUTH_DRAWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Doings:
    """Each unit's total, what it is divided by, and its total before exposure."""

    total: Floats
    base: Floats | None = None
    before: Floats | None = None


class Kind(Protocol):
    """A primary metric with the way in which units come to their values."""

    @property
    def spec(self) -> MetricSpec:
        """How it is measured, but for its window."""

    def draw(self, treated: NDArray[np.bool_], draw: np.random.Generator) -> Doings:
        """What each unit does, treated or not."""

    def baseline(self, doings: Doings) -> Baseline:
        """What a planner reads from the values of the past."""


@dataclass(frozen=True, slots=True)
class Converting:
    """Some units do it: 30% without the treatment, 45% with it."""

    spec: MetricSpec

    def draw(self, treated: NDArray[np.bool_], draw: np.random.Generator) -> Doings:
        """One or nothing."""
        rate = np.where(treated, 0.45, 0.30)
        return Doings((draw.random(treated.size) < rate).astype(np.float64))

    def baseline(self, doings: Doings) -> Baseline:
        """Its share."""
        mean = float(doings.total.mean())
        return Baseline(mean, mean * (1.0 - mean), binary=True)


@dataclass(frozen=True, slots=True)
class Paying:
    """Six in ten pay, some of them very much; who paid before pays alike."""

    spec: MetricSpec

    def draw(self, treated: NDArray[np.bool_], draw: np.random.Generator) -> Doings:
        """Amounts in whole cents."""
        size = treated.size
        habit = draw.normal(3.0, 0.45, size)
        amount = np.exp(draw.normal(habit, 0.4)) * np.where(treated, 1.45, 1.0)
        pays = draw.random(size) < 0.6
        paid = draw.random(size) < 0.6
        before: Floats = np.where(paid, np.exp(draw.normal(habit, 0.4)), 0.0)
        total: Floats = np.where(pays, amount, 0.0).round(2)
        return Doings(total, before=before.round(2))

    def baseline(self, doings: Doings) -> Baseline:
        """Of what is left below the cap: amounts."""
        return baseline_of_means(np.minimum(doings.total, CAP), event=0.0)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Orders per visit: 30%, with the treatment 38%; some units order more often."""

    spec: MetricSpec

    def draw(self, treated: NDArray[np.bool_], draw: np.random.Generator) -> Doings:
        """Orders and visits."""
        visits = 1 + draw.poisson(2.0, treated.size)
        rate = np.where(treated, 0.38, 0.30)
        chance = draw.beta(10 * rate, 10 * (1 - rate))
        orders = draw.binomial(visits, chance)
        return Doings(orders.astype(np.float64), visits.astype(np.float64))

    def baseline(self, doings: Doings) -> Baseline:
        """The ratio, of whole orders."""
        assert doings.base is not None
        return baseline_of_ratios(doings.total, doings.base, event=1.0)


def _spec(name: str, kind: MetricKind, event: str, **parts: object) -> MetricSpec:
    return MetricSpec(name, kind, event, Direction.INCREASE, **parts)  # type: ignore[arg-type]


KINDS: Mapping[str, Kind] = {
    "converted": Converting(_spec("Converted", MetricKind.CONVERSION, "converted")),
    "spent": Paying(
        _spec(
            "Spent",
            MetricKind.SUM,
            "paid",
            value=SourceValue.VALUE,
            cap=round(CAP * 100),
            steps=100,
            unit="EUR",
        )
    ),
    "ordered": Ordering(
        _spec(
            "Orders per visit",
            MetricKind.RATIO,
            "ordered",
            denominator_event="visited",
            denominator_value=SourceValue.ONE,
        )
    ),
}

GUARDRAIL = MetricSpec(
    "Complained", MetricKind.CONVERSION, "complained", Direction.DECREASE
)
COMPLAINING = 0.12


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so, as a power analysis would have it from much history."""

    baseline: Baseline
    effect: float


@cache
def truth_of(kind: str) -> Truth:
    """What the control is like, and the effect of the treatment."""
    draw = np.random.default_rng(20_260_302)
    seed = int(draw.integers(2**31))
    before, after = (
        KINDS[kind].baseline(
            KINDS[kind].draw(np.full(TRUTH_DRAWS, arm), np.random.default_rng(seed))
        )
        for arm in (False, True)
    )
    return Truth(before, after.mean - before.mean)
