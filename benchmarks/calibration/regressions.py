"""A regression with a covariate, read at every look: its evidence at any time."""

import math
from functools import partial

import numpy as np

from benchmarks.calibration.claims import Band, Claim, Found, rate
from benchmarks.calibration.draws import CAP, SIGMA, Floats
from experiments.statistics.mixtures import normal_mixture_precision
from experiments.statistics.regression import regression_sequences

LOOKS = 100

EACH = 20
"""New units of an arm at every look."""

PIECE = 200


def _arm(
    capped: bool, runs: int, draw: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Sums of y, z and their products by look, each (runs, looks)."""
    shape = (runs, LOOKS * EACH)
    z = draw.standard_normal(shape)
    y = 0.6 * z + 0.8 * draw.standard_normal(shape)
    if capped:
        y = np.minimum(np.exp(SIGMA * y), CAP)
    parts = (y, z, y * y, y * z, z * z)
    sums = [
        np.cumsum(each.reshape(runs, LOOKS, EACH).sum(axis=2), axis=1) for each in parts
    ]
    return sums[0], sums[1], sums[2], sums[3], sums[4]


def evidence(capped: bool, runs: int, draw: np.random.Generator) -> Floats:
    """(runs, looks) logarithm of the evidence for an effect where there is none."""
    n = EACH * np.arange(1.0, LOOKS + 1.0)
    arms = [_arm(capped, runs, draw) for _ in range(2)]
    yy, yz, zz = (
        arms[0][k]
        - arms[0][i] * arms[0][j] / n
        + arms[1][k]
        - arms[1][i] * arms[1][j] / n
        for k, i, j in ((2, 0, 0), (3, 0, 1), (4, 1, 1))
    )
    slope = yz / zz
    gaps = [(arms[1][k] - arms[0][k]) / n for k in (0, 1)]
    degrees = np.broadcast_to(2.0 * n - 3.0, zz.shape)
    squares = 1.0 / (2.0 / n + gaps[1] ** 2 / zz)
    error = np.sqrt((yy - slope * yz) / degrees / squares)
    found = regression_sequences(
        ((gaps[0] - slope * gaps[1]) / error).ravel(),
        degrees.ravel(),
        squares.ravel(),
        precision=normal_mixture_precision(LOOKS * EACH / 2.0, alpha=0.05),
        alpha=0.05,
    )
    return found.log_evalue.reshape(zz.shape)


def _wrong(capped: bool, runs: int, draw: np.random.Generator) -> Found:
    hits = 0
    for start in range(0, runs, PIECE):
        found = evidence(capped, min(PIECE, runs - start), draw)
        hits += int((found > math.log(20.0)).any(axis=1).sum())
    return rate(hits, runs)


CLAIMS = tuple(
    Claim(
        f"Anytime regression, {LOOKS} looks, {name}",
        "no effect is found at any look in at most 5%, and not never",
        4_000,
        300,
        Band(0.005, 0.056),
        partial(_wrong, capped),
    )
    for name, capped in (("normal", False), ("lognormal, capped", True))
)
