"""How long until an event, where not everyone has had it yet."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from experiments.statistics.checks import fraction
from experiments.statistics.crossproducts import Floats
from experiments.statistics.differences import Difference, Method, normal_difference
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.samples import Estimate

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Hazards:
    """Events and units at risk by block of time since exposure.

    Units may stop being watched after any block, or start late.

    Attributes:
        events: (b,) int64, units whose first event fell into the block.
        at_risk: (b,) int64, units watched through the block that had no event before.

    Raises:
        TooFewUnits: Nobody was at risk in the first block.
        InvalidArgument: The shapes differ, a count is negative, or there are more
            events than units at risk.
    """

    events: Counts
    at_risk: Counts

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        if self.events.ndim != 1 or self.events.shape != self.at_risk.shape:
            raise InvalidArgument("at_risk", "must have one entry per block of events")
        if (self.events < 0).any() or (self.events > self.at_risk).any():
            raise InvalidArgument("events", "must lie between 0 and the units at risk")
        if self.events.size == 0 or self.at_risk[0] == 0:
            raise TooFewUnits("at_risk", "nobody was at risk in the first block")

    @property
    def units(self) -> int:
        """Units ever at risk."""
        stayed = self.at_risk[:-1] - self.events[:-1]
        late = np.maximum(self.at_risk[1:] - stayed, 0)
        return int(self.at_risk[0] + late.sum())

    @property
    def censored(self) -> int:
        """Units that were watched for a while and had no event."""
        return self.units - int(self.events.sum())

    @property
    def observed(self) -> int:
        """Blocks through which at least one unit was watched, without a gap."""
        empty = np.flatnonzero(self.at_risk == 0)
        return int(empty[0]) if empty.size else self.at_risk.size


@dataclass(frozen=True, slots=True, eq=False)
class Survival:
    """Units of one arm by the block of their first event, or of their last watching.

    Attributes:
        events: (b,) int64, units whose first event fell into the block.
        censored: (b,) int64, units watched through the block, and no longer, without
            an event.

    Raises:
        InvalidArgument: The shapes differ, or a count is negative.
    """

    events: Counts
    censored: Counts

    def __post_init__(self) -> None:
        """Refuse what no arm can have."""
        if self.events.ndim != 1 or self.events.shape != self.censored.shape:
            raise InvalidArgument("censored", "must have one entry per block of events")
        for name in ("events", "censored"):
            if (getattr(self, name) < 0).any():
                raise InvalidArgument(name, "must not be negative")

    def hazards(self) -> Hazards:
        """The same units by block at risk.

        Raises:
            TooFewUnits: There are no units.
        """
        leaving = self.events + self.censored
        return Hazards(self.events, np.cumsum(leaving[::-1])[::-1])


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Share of units without an event after each block; see `kaplan_meier`.

    Attributes:
        survival: (b,) float64, share without an event after the block.
        standard_error: (b,) float64, Greenwood's.
        low: (b,) float64, lower ends of the intervals, each in [0, 1].
        high: (b,) float64, upper ends.
        median: Blocks after which half of the units had the event; None if not yet.
        median_low: Lower end of its interval; None if not known yet.
        median_high: Upper end; None if not known yet.
        events: Units that had the event.
        censored: Units that had not, when last watched.
        confidence: Coverage of the intervals, in (0, 1).
    """

    survival: Floats
    standard_error: Floats
    low: Floats
    high: Floats
    median: int | None
    median_low: int | None
    median_high: int | None
    events: int
    censored: int
    confidence: float


def kaplan_meier(hazards: Hazards, *, confidence: float) -> Curve:
    """Estimate the share of units without an event, block by block.

    Units that were not watched to the end count for as long as they were. The intervals
    are even on the log-log scale; before the first event they are the exact binomial's.

    Args:
        hazards: Events and units at risk of one arm.
        confidence: Coverage of the intervals, in (0, 1), such as 0.95.

    Returns:
        The curve over the blocks through which anyone was watched.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        E. L. Kaplan, P. Meier (1958), "Nonparametric estimation from incomplete
        observations", JASA 53; M. Greenwood (1926); R. Brookmeyer, J. Crowley (1982),
        "A confidence interval for the median survival time", Biometrics 38.

    Example:
        >>> counts = Survival(np.array([30, 20, 10]), np.array([0, 0, 40]))
        >>> curve = kaplan_meier(counts.hazards(), confidence=0.95)
        >>> curve.median, curve.censored
        (2, 40)
    """
    alpha = 1.0 - fraction("confidence", confidence)
    survival, spread = _product_limit(hazards)
    low, high = _log_log(hazards, survival, spread, alpha)
    return Curve(
        survival=survival,
        standard_error=survival * np.sqrt(spread),
        low=low,
        high=high,
        median=_first_below(survival),
        median_low=_first_below(low),
        median_high=_first_below(high),
        events=int(hazards.events.sum()),
        censored=hazards.censored,
        confidence=confidence,
    )


@dataclass(frozen=True, slots=True)
class MeanTimes:
    """Mean time without an event within a horizon, in blocks, by arm.

    Attributes:
        control: Its estimate in the control arm.
        treatment: Its estimate in the treatment arm.
        difference: Treatment minus control.
        horizon: Blocks within which time was counted.
    """

    control: Estimate
    treatment: Estimate
    difference: Difference
    horizon: int


def compare_mean_times(
    control: Hazards, treatment: Hazards, *, horizon: int, confidence: float
) -> MeanTimes:
    """Compare restricted mean times without an event, whatever the curves' shapes.

    Args:
        control: Events and units at risk of the control arm.
        treatment: The same of the treatment arm.
        horizon: Blocks within which time is counted, fixed before the data were seen.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm was not watched up to the horizon.
        NoVariation: In neither arm did anyone have an event before the horizon.
        InvalidArgument: `horizon` is below 1, or `confidence` is not in (0, 1).

    Reference:
        P. Royston, M. K. B. Parmar (2013), "Restricted mean survival time", BMC Medical
        Research Methodology 13.
    """
    arms = [mean_time(arm, horizon=horizon) for arm in (control, treatment)]
    difference = normal_difference(
        arms[1].value - arms[0].value,
        math.sqrt(arms[0].variance + arms[1].variance),
        confidence=confidence,
        method=Method.SURVIVAL,
    )
    return MeanTimes(arms[0], arms[1], difference, horizon)


def mean_time(hazards: Hazards, *, horizon: int) -> Estimate:
    """Mean time without an event within a horizon, in blocks.

    An event counts at the end of its block.

    Args:
        hazards: Events and units at risk of one arm.
        horizon: Blocks within which time is counted.

    Raises:
        TooFewUnits: The arm was not watched up to the horizon.
        InvalidArgument: `horizon` is below 1.
    """
    if horizon < 1:
        raise InvalidArgument("horizon", f"must be at least 1 block, not {horizon}")
    if hazards.observed < horizon - 1:
        raise TooFewUnits("horizon", "nobody was watched for that long yet")
    survival, _ = _product_limit(hazards)
    steps = np.concatenate([[1.0], survival[: horizon - 1]])
    left = np.cumsum(steps[::-1])[::-1][1:]
    events, at_risk = (
        column[: horizon - 1].astype(np.float64)
        for column in (hazards.events, hazards.at_risk)
    )
    after = at_risk - events
    terms = events / (at_risk * np.where(after > 0.0, after, np.inf))
    return Estimate(
        n=hazards.units, value=float(steps.sum()), variance=float(left**2 @ terms)
    )


def _product_limit(hazards: Hazards) -> tuple[Floats, Floats]:
    """The curve, and Greenwood's sum up to each block; 0 where nobody is left."""
    last = hazards.observed
    events = hazards.events[:last].astype(np.float64)
    at_risk = hazards.at_risk[:last].astype(np.float64)
    after = at_risk - events
    survival = np.cumprod(after / at_risk)
    terms = events / (at_risk * np.where(after > 0.0, after, 1.0))
    spread = np.cumsum(np.where(after > 0.0, terms, 0.0))
    spread[survival == 0.0] = 0.0
    return np.asarray(survival, dtype=np.float64), spread


def _log_log(
    hazards: Hazards, survival: Floats, spread: Floats, alpha: float
) -> tuple[Floats, Floats]:
    critical = -float(ndtri(alpha / 2.0))
    inside = (survival > 0.0) & (survival < 1.0)
    log = np.log(np.where(inside, survival, 0.5))
    margin = critical * np.sqrt(spread) / -log
    low: Floats = np.where(inside, np.exp(log * np.exp(margin)), 0.0)
    high: Floats = np.where(inside, np.exp(log * np.exp(-margin)), 1.0)
    untouched = survival == 1.0
    least = hazards.at_risk[: survival.size].astype(np.float64)
    low = np.where(untouched, (alpha / 2.0) ** (1.0 / least), low)
    ended = np.flatnonzero(survival == 0.0)
    if ended.size and ended[0] > 0:
        high[ended] = high[ended[0] - 1]
    return low, high


def _first_below(curve: Floats) -> int | None:
    below = np.flatnonzero(curve <= 0.5)
    return int(below[0]) + 1 if below.size else None
