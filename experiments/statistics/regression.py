"""A linear regression that may be read at every look, from moments alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.statistics.checks import fraction
from experiments.statistics.covariates import inverted, residual, usable_columns
from experiments.statistics.crossproducts import Floats, Moments
from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.ranges import size
from experiments.statistics.tails import Tail


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One coefficient at one look of a sequence of regressions.

    Attributes:
        value: Its least-squares estimate.
        standard_error: The usual one, for units that vary alike around the line.
        low: Lower end of the interval that holds at all looks together; None where so
            few units cannot bound it yet.
        high: Upper end; None with `low`.
        p_value: Always-valid p-value of this look alone, in (0, 1]; the smallest so
            far is valid too.
        log_evalue: Natural logarithm of the evidence that it is not 0.
    """

    value: float
    standard_error: float
    low: float | None
    high: float | None
    p_value: float
    log_evalue: float


@dataclass(frozen=True, slots=True, eq=False)
class RegressionSequences:
    """Many coefficients or looks at once, each (k,) float64.

    Attributes:
        log_evalue: Natural logarithm of the evidence against 0.
        critical: Standard errors to either end of the interval; infinite where so few
            units cannot bound it yet.
    """

    log_evalue: Floats
    critical: Floats


def regression_sequence(
    moments: Moments, *, precision: float, alpha: float
) -> tuple[Coefficient, ...]:
    """Read every coefficient of a regression with an intercept, at any look.

    Exact, from the first look on, where units vary normally and alike around the line;
    the covariates need no distribution. For the effect in a randomised experiment, one
    column is 1 in the treatment and 0 in the control.

    Args:
        moments: Moments of (y, x_1 ... x_p) of all units so far.
        precision: 1 / variance of the prior of a coefficient, in residual standard
            deviations; fixed before the first look. `normal_mixture_precision` of the
            column's planned sum of squares is the one that is tightest there.
        alpha: Chance that any interval of the sequence misses, in (0, 1).

    Returns:
        The intercept, then one entry per column.

    Raises:
        TooFewUnits: There are not more units than coefficients.
        NoVariation: Every unit lies on the line.
        InvalidArgument: A column tells nothing that the others do not, or an argument
            is out of its range.

    Reference:
        M. Lindon, D. W. Ham, M. Tingley, I. Bojinov (2022), "Anytime-valid linear
        models and regression adjusted causal inference in randomized experiments",
        theorem 3.2 with one coefficient tested.
    """
    slope, inverse, left = _fit(moments)
    degrees = moments.n - len(slope) - 1.0
    centre = moments.mean[1:]
    value = np.concatenate([[moments.mean[0] - slope @ centre], slope])
    spread = np.concatenate(
        [[1.0 / moments.n + centre @ inverse @ centre], np.diagonal(inverse)]
    )
    error = np.sqrt(left / degrees * spread)
    found = regression_sequences(
        value / error,
        np.full(value.size, degrees),
        1.0 / spread,
        precision=precision,
        alpha=alpha,
    )
    rows = zip(value, error, found.critical, found.log_evalue, strict=True)
    return tuple(_coefficient(*(float(each) for each in row)) for row in rows)


def regression_sequences(
    statistics: Floats,
    degrees: Floats,
    squares: Floats,
    *,
    precision: float,
    alpha: float,
) -> RegressionSequences:
    """Evidence and critical values of many Student's statistics.

    Args:
        statistics: (k,) float64, each coefficient over its standard error.
        degrees: (k,) float64, residual degrees of freedom, above 0.
        squares: (k,) float64, sum of squares of the column that the other columns do
            not explain: residual variance over the squared standard error.
        precision: As in `regression_sequence`.
        alpha: As in `regression_sequence`.

    Raises:
        InvalidArgument: The shapes differ, a number is not finite or out of its range.
    """
    size("precision", precision)
    fraction("alpha", alpha)
    if not statistics.shape == degrees.shape == squares.shape:
        raise InvalidArgument("squares", "the arrays must have one shape")
    if not (np.isfinite(statistics).all() and np.isfinite(degrees).all()):
        raise InvalidArgument("statistics", "must hold finite numbers")
    if not ((degrees > 0.0) & (squares > 0.0) & np.isfinite(squares)).all():
        raise InvalidArgument("squares", "must be above 0, as degrees must")
    share = precision / (precision + squares)
    ratio = np.square(np.minimum(np.abs(statistics), 1e150)) / degrees
    log_evalue = 0.5 * np.log(share)
    log_evalue += 0.5 * (degrees + 1.0) * (np.log1p(ratio) - np.log1p(share * ratio))
    wanted = -(2.0 * math.log(alpha) + np.log(share)) / (degrees + 1.0)
    room = -np.expm1(np.log(share) + wanted)
    bounded = room > 0.0
    squared = degrees * np.expm1(np.where(bounded, wanted, 0.0))
    critical = np.sqrt(squared / np.where(bounded, room, 1.0))
    return RegressionSequences(log_evalue, np.where(bounded, critical, np.inf))


def joint_log_evalue(
    moments: Moments, columns: Sequence[int], *, precision: float
) -> float:
    """Evidence that any of some coefficients is not 0: the F-test of every look.

    Args:
        moments: Moments of (y, x_1 ... x_p) of all units so far.
        columns: The columns that are tested, counted from 1, without repeats.
        precision: As in `regression_sequence`, for each of them.

    Returns:
        log E; without any effect E averages 1, so that it ever reaches 1 / alpha has at
        most probability alpha.

    Raises:
        TooFewUnits: There are not more units than coefficients.
        NoVariation: Every unit lies on the line.
        InvalidArgument: There is no such column, or a column tells nothing new.

    Reference:
        M. Lindon, D. W. Ham, M. Tingley, I. Bojinov (2022), "Anytime-valid linear
        models and regression adjusted causal inference in randomized experiments",
        theorem 3.2.
    """
    size("precision", precision)
    chosen = sorted(set(columns))
    if len(chosen) != len(columns) or not chosen:
        raise InvalidArgument("columns", "must name columns, each once")
    if not 1 <= chosen[0] <= chosen[-1] < len(moments.mean):
        raise InvalidArgument("columns", f"must lie in 1 to {len(moments.mean) - 1}")
    slope, inverse, left = _fit(moments)
    index = np.array(chosen) - 1
    tested, own = slope[index], np.linalg.inv(inverse[np.ix_(index, index)])
    shifted = own + precision * np.eye(len(index))
    explained = float(tested @ own @ tested)
    kept = precision * float(tested @ own @ np.linalg.solve(shifted, tested))
    degrees = moments.n - len(slope) - 1.0 + len(index)
    scale = len(index) * math.log(precision) - float(np.linalg.slogdet(shifted)[1])
    gain = math.log1p(explained / left) - math.log1p(kept / left)
    return 0.5 * (scale + degrees * gain)


def _fit(moments: Moments) -> tuple[Floats, Floats, float]:
    """Slopes, the inverse of the columns' products, and the residual sum of squares."""
    columns = len(moments.mean) - 1
    if moments.n <= columns + 1:
        raise TooFewUnits("n", "needs more units than coefficients")
    if len(usable_columns(moments, moments, each=True)) != columns:
        raise InvalidArgument("moments", "a column tells nothing that others do not")
    inverse = inverted(moments.deviations[1:, 1:])
    slope = inverse @ moments.deviations[1:, 0]
    left = residual(moments, slope)
    if left == 0.0:
        raise NoVariation("moments", "every unit lies on the line")
    return slope, inverse, left


def _coefficient(
    value: float, error: float, critical: float, log_evalue: float
) -> Coefficient:
    bounded = math.isfinite(critical)
    return Coefficient(
        value=value,
        standard_error=error,
        low=value - critical * error if bounded else None,
        high=value + critical * error if bounded else None,
        p_value=Tail.of_log(-max(log_evalue, 0.0)).p_value,
        log_evalue=log_evalue,
    )
