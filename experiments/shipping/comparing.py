"""Comparing two groups of units at a fixed horizon."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.wording import capitalised
from experiments.design import MetricDesign, MetricKind
from experiments.events.state import Sums
from experiments.statistics.differences import Difference
from experiments.statistics.errors import StatisticsError
from experiments.statistics.means import welch
from experiments.statistics.moments import pair_sample, sample
from experiments.statistics.ratios import delta, ratio
from experiments.statistics.samples import Estimate, PairSample, Sample

Integers = NDArray[np.int64]

_NO_MEAN = frozenset({MetricKind.QUANTILE, MetricKind.TIME_TO_EVENT, MetricKind.FUNNEL})


@dataclass(frozen=True, slots=True)
class Compared:
    """Two groups of units, and what differs; `unavailable` where that is not known."""

    metric_key: str
    control: Estimate | None
    treatment: Estimate | None
    difference: Difference | None
    unavailable: str = ""


def compared(
    metric: MetricDesign, control: Sums, treatment: Sums, *, confidence: float
) -> Compared:
    """Means by Welch, ratios by the delta method."""
    if metric.kind in _NO_MEAN:
        return _not("Only means and ratios are measured again.", metric)
    if not control.n or not treatment.n:
        return _not("One of the groups has no unit whose window has closed.", metric)
    try:
        if metric.is_ratio:
            pairs = _pair(metric, control), _pair(metric, treatment)
            found = delta(*pairs, confidence=confidence)
            return Compared(metric.key, ratio(pairs[0]), ratio(pairs[1]), found)
        samples = _sample(metric, control), _sample(metric, treatment)
        found = welch(*samples, confidence=confidence)
    except StatisticsError as error:
        return _not(f"{capitalised(error.reason)}.", metric)
    control_mean, treatment_mean = (each.estimate() for each in samples)
    return Compared(metric.key, control_mean, treatment_mean, found)


def column_sums(y: Integers, d: Integers) -> Sums:
    """Exact sums of columns in steps: squares of totals to 1e15 pass 64 bits."""
    return Sums(
        n=len(y),
        y=sum(y.tolist()),
        yy=_products(y, y),
        d=sum(d.tolist()),
        dd=_products(d, d),
        yd=_products(y, d),
    )


def _not(reason: str, metric: MetricDesign) -> Compared:
    return Compared(metric.key, None, None, None, reason)


def _sample(metric: MetricDesign, sums: Sums) -> Sample:
    steps = 1 if metric.is_binary else metric.numerator_steps
    return sample(n=sums.n, total=sums.y, squares=sums.yy, steps=steps)


def _pair(metric: MetricDesign, sums: Sums) -> PairSample:
    return pair_sample(
        n=sums.n,
        numerator=sums.y,
        numerator_squares=sums.yy,
        denominator=sums.d,
        denominator_squares=sums.dd,
        products=sums.yd,
        numerator_steps=metric.numerator_steps,
        denominator_steps=metric.denominator_steps,
    )


def _products(one: Integers, other: Integers) -> int:
    return sum(a * b for a, b in zip(one.tolist(), other.tolist(), strict=True))
