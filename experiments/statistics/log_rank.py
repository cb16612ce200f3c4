"""Whether events come sooner in one arm, over the whole time that it was watched."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from experiments.statistics.checks import finite
from experiments.statistics.crossproducts import Floats
from experiments.statistics.errors import InvalidArgument, NoVariation
from experiments.statistics.survival import Hazards
from experiments.statistics.tails import normal_tail


class Weighting(StrEnum):
    """How much a block counts."""

    LOG_RANK = "LOG_RANK"
    GEHAN = "GEHAN"
    TARONE_WARE = "TARONE_WARE"
    PETO = "PETO"
    FLEMING_HARRINGTON = "FLEMING_HARRINGTON"


@dataclass(frozen=True, slots=True)
class LogRank:
    """A test of equal hazards in two arms.

    Attributes:
        observed: Events in the treatment arm.
        expected: Events that it would have, were the hazards equal.
        statistic: Standard normal; above 0 where the treatment has more events.
        chi_square: Its square, with one degree of freedom.
        p_value: Two-sided, in (0, 1].
        log_p_value: Natural logarithm of p.
    """

    observed: int
    expected: float
    statistic: float
    chi_square: float
    p_value: float
    log_p_value: float


def log_rank(control: Hazards, treatment: Hazards) -> LogRank:
    """Test whether both arms have the same hazard in every block.

    It is valid at one planned look, and strongest where the hazards are proportional.

    Args:
        control: Events and units at risk of the control arm.
        treatment: The same of the treatment arm.

    Raises:
        NoVariation: No block has units at risk in both arms and an event.

    Reference:
        N. Mantel (1966), "Evaluation of survival data and two new rank order
        statistics arising in its consideration", Cancer Chemotherapy Reports 50.
    """
    return weighted_log_rank(control, treatment, weighting=Weighting.LOG_RANK)


def weighted_log_rank(
    control: Hazards,
    treatment: Hazards,
    *,
    weighting: Weighting,
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Test for equal hazards with early or late blocks counting more.

    Args:
        control: Events and units at risk of the control arm.
        treatment: The same of the treatment arm.
        weighting: GEHAN counts a block by the units at risk, TARONE_WARE by their root,
            PETO by a share without an event, FLEMING_HARRINGTON by S^rho (1 - S)^gamma,
            S being the share without an event before the block, of both arms.
        rho: Weight of early blocks, at least 0; used by FLEMING_HARRINGTON.
        gamma: Weight of late blocks, at least 0; used by FLEMING_HARRINGTON.

    Raises:
        NoVariation: No block of any weight has units at risk in both arms and an event.
        InvalidArgument: `rho` or `gamma` is negative or not finite.

    Reference:
        T. R. Fleming, D. P. Harrington (1981), "A class of hypothesis tests for one and
        two sample censored survival data", Communications in Statistics A 10;
        E. A. Gehan (1965), Biometrika 52; R. E. Tarone, J. Ware (1977), Biometrika 64;
        R. Peto, J. Peto (1972), JRSS A 135.
    """
    for name, power in (("rho", rho), ("gamma", gamma)):
        if finite(name, power) < 0.0:
            raise InvalidArgument(name, f"must not be negative, not {power}")
    size = max(control.events.size, treatment.events.size)
    d0, n0, d1, n1 = (
        np.pad(column.astype(np.float64), (0, size - column.size))
        for arm in (control, treatment)
        for column in (arm.events, arm.at_risk)
    )
    d, n = d0 + d1, n0 + n1
    weight = _weights(weighting, d, n, rho, gamma)
    some, others = np.maximum(n, 1.0), np.maximum(n - 1.0, 1.0)
    expected = n1 * d / some
    variance = expected * (n0 / some) * (n - d) / others
    total = float(weight**2 @ variance)
    if total <= 0.0:
        raise NoVariation("treatment", "no event while both arms had units at risk")
    statistic = float(weight @ (d1 - expected)) / math.sqrt(total)
    tail = normal_tail(statistic)
    return LogRank(
        observed=int(treatment.events.sum()),
        expected=float(expected.sum()),
        statistic=statistic,
        chi_square=statistic**2,
        p_value=tail.p_value,
        log_p_value=tail.log_p_value,
    )


def _weights(
    weighting: Weighting, d: Floats, n: Floats, rho: float, gamma: float
) -> Floats:
    weight: Floats = np.ones_like(n)
    if weighting is Weighting.GEHAN:
        weight = n / float(n.max())
    elif weighting is Weighting.TARONE_WARE:
        weight = np.sqrt(n / float(n.max()))
    elif weighting is Weighting.PETO:
        weight = np.asarray(np.cumprod(1.0 - d / (n + 1.0)), dtype=np.float64)
    elif weighting is Weighting.FLEMING_HARRINGTON:
        after = np.cumprod(1.0 - d / np.maximum(n, 1.0))
        before = np.concatenate([[1.0], after[:-1]])
        weight = np.power(before, rho) * np.power(1.0 - before, gamma)
    return weight
