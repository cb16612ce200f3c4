"""A Bayesian reading beside the others: shown, and never a reason to stop."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincc, betaln, erfcx, ndtr, ndtri

from experiments.statistics.checks import fraction
from experiments.statistics.directions import Better
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.proportions import Proportion
from experiments.statistics.ranges import number, size

REACH = 12.0
"""Standard deviations of a posterior share that the quadrature covers, each way."""

NODES = 256


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of a difference before the data: a normal distribution.

    Attributes:
        mean: Its mean.
        deviation: Its standard deviation, above 0.

    Raises:
        InvalidArgument: A number is not finite, or `deviation` is not above 0.
    """

    mean: float
    deviation: float

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        number("mean", self.mean)
        size("deviation", self.deviation)

    def of_share(self, baseline: float) -> "Prior":
        """The same belief in the metric's unit, where this one is relative.

        Args:
            baseline: The control's value; not 0.

        Raises:
            InvalidArgument: `baseline` is 0 or not finite.
        """
        scale = abs(number("baseline", baseline))
        return Prior(self.mean * scale, size("baseline", self.deviation * scale))


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed of a difference after the data.

    Attributes:
        mean: Its mean.
        deviation: Its standard deviation.
        low: Lower end of the central interval.
        high: Upper end of the central interval.
        chance_to_win: Probability that the treatment is better.
        treatment_loss: Expected loss from taking the treatment: what is given up, times
            how probable that is; in the unit of the difference.
        control_loss: Expected loss from keeping the control.
    """

    mean: float
    deviation: float
    low: float
    high: float
    chance_to_win: float
    treatment_loss: float
    control_loss: float


@dataclass(frozen=True, slots=True)
class ShareBelief:
    """What is believed of two proportions after the data.

    Attributes:
        chance_to_win: Probability that the treatment's share is the better one.
        treatment_loss: Expected loss from taking the treatment, as a share.
        control_loss: Expected loss from keeping the control, as a share.
    """

    chance_to_win: float
    treatment_loss: float
    control_loss: float


def posterior(
    value: float,
    standard_error: float,
    *,
    prior: Prior | None,
    better: Better,
    confidence: float,
) -> Posterior:
    """Combine an estimated difference with a prior.

    Not to be stopped on: at a hundred looks 'chance to win above 95%' is wrong in more
    than half of all experiments without an effect.

    Args:
        value: The estimated difference, absolute or relative.
        standard_error: Its standard error, above 0.
        prior: Normal prior in the same unit; None for a flat one.
        better: Whether a higher value is wanted.
        confidence: Content of the interval, in (0, 1), such as 0.95.

    Raises:
        InvalidArgument: An argument is not finite or out of its range.

    Reference:
        A. Gelman and others (2013), "Bayesian data analysis", 3rd edition, section 2.5.

    Example:
        >>> found = posterior(0.06, 0.028, prior=Prior(0.0, 0.1), better=Better.HIGHER,
        ...     confidence=0.95)
        >>> round(found.chance_to_win, 4), round(found.mean, 4)
        (0.9805, 0.0556)
    """
    data = size("standard_error", standard_error) ** -2.0
    belief = 0.0 if prior is None else prior.deviation**-2.0
    pull = 0.0 if prior is None else prior.mean * belief
    mean = number("value", (number("value", value) * data + pull) / (data + belief))
    deviation = size("standard_error", (data + belief) ** -0.5)
    reach = -float(ndtri((1.0 - fraction("confidence", confidence)) / 2.0)) * deviation
    gain = better.sign * mean / deviation
    return Posterior(
        mean=mean,
        deviation=deviation,
        low=mean - reach,
        high=mean + reach,
        chance_to_win=float(ndtr(gain)),
        treatment_loss=deviation * _loss(gain),
        control_loss=deviation * _loss(-gain),
    )


def share_belief(
    control: Proportion,
    treatment: Proportion,
    *,
    prior: tuple[float, float],
    better: Better,
) -> ShareBelief:
    """Compare two proportions, each with the same beta prior.

    Integrates on the arcsine scale, where a posterior share is nearly normal and its
    density is smooth up to the ends.

    Args:
        control: The control arm.
        treatment: The treatment arm.
        prior: Parameters of the beta distribution, each 1/2 to 1e12: (1, 1) is
            uniform, (1/2, 1/2) is Jeffreys'.
        better: Whether a higher share is wanted.

    Raises:
        InvalidArgument: A parameter is not in its range.

    Example:
        >>> found = share_belief(Proportion(1000, 120), Proportion(1000, 150),
        ...     prior=(1.0, 1.0), better=Better.HIGHER)
        >>> round(found.chance_to_win, 4)
        0.9751
    """
    if not all(0.5 <= parameter <= 1e12 for parameter in prior):
        raise InvalidArgument("prior", "its parameters must be 1/2 to 1e12")
    first, second = (_beta(arm, prior) for arm in (control, treatment))
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    low = min(_range(*first)[0], _range(*second)[0])
    high = max(_range(*first)[1], _range(*second)[1])
    start, end = _range(*second)
    angles = (start + end) / 2.0 + (end - start) / 2.0 * nodes
    sines = np.sin(angles) ** 2
    a, b = second
    log_density = (2.0 * a - 1.0) * np.log(np.sin(angles)) - betaln(a, b)
    log_density += (2.0 * b - 1.0) * np.log(np.cos(angles)) + math.log(2.0)
    masses = weights * np.exp(log_density) * (end - start) / 2.0
    ahead = float(masses @ betainc(*first, sines))
    behind = float(masses @ betaincc(*first, sines))
    angles = (low + high) / 2.0 + (high - low) / 2.0 * nodes
    sines = np.sin(angles) ** 2
    steps = weights * np.sin(2.0 * angles) * (high - low) / 2.0
    more = float(steps @ (betaincc(*second, sines) * betainc(*first, sines)))
    less = float(steps @ (betaincc(*first, sines) * betainc(*second, sines)))
    if better is Better.HIGHER:
        return ShareBelief(ahead / (ahead + behind), less, more)
    return ShareBelief(behind / (ahead + behind), more, less)


def _loss(gain: float) -> float:
    """Mean of what a standard normal shifted by `gain` falls short of zero."""
    if gain <= 0.0:
        density = math.exp(-gain * gain / 2.0) / math.sqrt(2.0 * math.pi)
        return density - gain * float(ndtr(-gain))
    density = math.exp(-gain * gain / 2.0) / math.sqrt(2.0 * math.pi)
    mills = math.sqrt(math.pi / 2.0) * float(erfcx(gain / math.sqrt(2.0)))
    return max(density * (1.0 - gain * mills), 0.0)


def _beta(arm: Proportion, prior: tuple[float, float]) -> tuple[float, float]:
    return arm.successes + prior[0], arm.n - arm.successes + prior[1]


def _range(a: float, b: float) -> tuple[float, float]:
    """Where a beta distribution lies on the arcsine scale, but for 1e-30."""
    centre = math.asin(math.sqrt(a / (a + b)))
    reach = REACH / (2.0 * math.sqrt(a + b))
    return max(centre - reach, 0.0), min(centre + reach, math.pi / 2.0)
