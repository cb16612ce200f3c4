"""Unit values drawn for tests, and their summaries."""

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.crossproducts import Moments

Floats = NDArray[np.float64]


def drawn_arm(seed: int, n: int, *, effect: float = 0.0, covariates: int = 2) -> Floats:
    """Outcome and covariates per unit: (n, 1 + covariates), skewed and related."""
    generator = np.random.default_rng(seed)
    z = generator.lognormal(0.0, 0.7, (n, covariates))
    slopes = np.arange(1, covariates + 1) * (1.0 + 0.2 * effect)
    y = 3.0 + effect + z @ slopes + generator.normal(0.0, 1.0 + effect, n)
    return np.column_stack([y, z])


def drawn_pair(
    seed: int, n: int, *, effect: float = 0.4, covariates: int = 2
) -> tuple[Floats, Floats]:
    """A control and a treatment of other sizes."""
    return (
        drawn_arm(seed, n, covariates=covariates),
        drawn_arm(seed + 1, n + n // 3, effect=effect, covariates=covariates),
    )


def summarised(arms: tuple[Floats, Floats]) -> tuple[Moments, Moments]:
    """The moments of both arms."""
    return Moments.of(arms[0]), Moments.of(arms[1])


def least_squares(design: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Coefficients, residuals and (X'X)^-1, by QR on the rows themselves."""
    q, r = np.linalg.qr(design)
    inverse = np.linalg.inv(r)
    coefficients = inverse @ (q.T @ y)
    return coefficients, y - design @ coefficients, inverse @ inverse.T
