"""Where a statistic stands at its next look, if it has not stopped before."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]

FAR = 8.0
"""A standard normal statistic is beyond it once in 8e14; boundaries end here."""

SMALLEST_RISE = 1e-3
"""A smaller relative rise of information is no new look: the statistic is nearly the
one before, and to tell them apart would take a grid of many thousand nodes."""

PANEL = 16
"""Gauss-Legendre nodes of a panel."""

PANEL_SPREADS = 6.0
"""Widest panel, in standard deviations of a step; halving it changes no critical value
by 1e-10."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The statistic's density at its last look, on the paths that went on.

    The statistic z at information I is normal with mean drift * sqrt(I) and variance 1,
    and z * sqrt(I) has independent increments.

    Attributes:
        information: Information at the last look; 0 before the first.
        drift: Mean of the statistic at information 1.
        nodes: (m,) float64, values of the statistic within the boundary.
        masses: (m,) float64, density at the nodes times the weights of the quadrature.

    Reference:
        P. Armitage, C. K. McPherson, B. C. Rowe (1969), "Repeated significance tests on
        accumulating data", Journal of the Royal Statistical Society A 132; with
        panels of Gauss-Legendre nodes, whose error falls exponentially.
    """

    information: float
    drift: float
    nodes: Floats
    masses: Floats

    @classmethod
    def start(cls, drift: float) -> "Walk":
        """Stand at zero, before anything is known."""
        return cls(0.0, drift, np.zeros(1), np.ones(1))

    def rises(self, information: float) -> bool:
        """Whether a look at this information tells more than the last one did."""
        return information > self.information * (1.0 + SMALLEST_RISE)

    def above(self, critical: float, information: float) -> float:
        """Probability of getting here and finding a statistic above `critical`."""
        return float(self.masses @ ndtr(-self._scaled(critical, information)))

    def below(self, critical: float, information: float) -> float:
        """Probability of getting here and finding a statistic below `critical`."""
        return float(self.masses @ ndtr(self._scaled(critical, information)))

    def density(self, values: Floats, information: float) -> Floats:
        """Density of the statistic at the next look.

        Args:
            values: (k,) float64, values of the statistic.
            information: Information at the next look, above the last one's.

        Returns:
            (k,) float64.
        """
        scaled = self._scaled(values[:, None], information)
        slope = math.sqrt(information / (information - self.information))
        kernel = np.exp(-0.5 * scaled * scaled)
        return kernel @ self.masses * (slope / math.sqrt(2.0 * math.pi))

    def quantile(self, tail: float, information: float) -> float:
        """The value that is exceeded at the next look with probability `tail`.

        Newton's method on the logarithm of the tail, which is concave: from the
        right of the root it approaches monotonically. Where the tail is too small for a
        number the interval is halved.

        Args:
            tail: Probability, above 0 and below 1/2.
            information: Information at the next look, above the last one's.

        Returns:
            The value, at most FAR.
        """
        if tail <= max(ndtr(-FAR), self.above(FAR, information)):
            return FAR
        low, high = -FAR, FAR
        value = min(-float(ndtri(tail)), FAR)
        for _ in range(100):
            mass = self.above(value, information)
            low, high = (value, high) if mass > tail else (low, value)
            moved = (low + high) / 2.0
            if mass > 1e-250:
                slope = float(self.density(np.array([value]), information)[0]) / mass
                newton = value + math.log(mass / tail) / slope
                moved = newton if low <= newton <= high else moved
            if abs(moved - value) < 1e-12:
                break
            value = moved
        return value

    def onward(
        self, low: float, high: float, information: float, later: Sequence[float]
    ) -> "Walk":
        """Go on from a look whose statistic was between `low` and `high`.

        Args:
            low: The boundary below, or minus infinity.
            high: The boundary above.
            information: Information at the look, above the last one's.
            later: Information at the looks to come; the nodes are as dense as the
                shortest step from here needs.
        """
        centre = self.drift * math.sqrt(information)
        low = max(low, centre - FAR - 1.0)
        high = min(max(high, low + 1e-3), max(centre, low) + FAR + 1.0)
        spread = math.sqrt(1.0 - self.information / information)
        following = min(
            (known for known in later if known > information * (1.0 + SMALLEST_RISE)),
            default=math.inf,
        )
        spread = min(spread, math.sqrt(following / information - 1.0))
        unit, weights = _quadrature(math.ceil((high - low) / (PANEL_SPREADS * spread)))
        nodes = low + (high - low) * unit
        masses = self.density(nodes, information) * weights * (high - low)
        return Walk(information, self.drift, nodes, masses)

    def _scaled(self, values: "Floats | float", information: float) -> Floats:
        rise = information - self.information
        mean = self.nodes * math.sqrt(self.information) + self.drift * rise
        scaled: Floats = (values * math.sqrt(information) - mean) / math.sqrt(rise)
        return scaled


@lru_cache(maxsize=256)
def _quadrature(panels: int) -> tuple[Floats, Floats]:
    """Nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(PANEL)
    left = np.arange(panels)[:, None]
    return (
        ((left + (nodes + 1.0) / 2.0) / panels).ravel(),
        np.tile(weights / (2.0 * panels), panels),
    )
