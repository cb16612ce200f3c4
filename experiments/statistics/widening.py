"""How much the values of treated units vary, where the treatment moves their mean."""

from experiments.statistics.checks import finite
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.ranges import number, size


def widened_variance(
    *, variance: float, effect: float, level: float, counted: float = 0.0
) -> float:
    """Variance of a unit's value where a treatment moves the mean in proportion.

    A treatment that multiplies what units do by q = 1 + effect / level multiplies the
    variance of amounts by q squared (a constant coefficient of variation). Where
    events are counted, the part that is the chance of single events grows with q
    alone, as a Poisson's does: the variance is q * counted + q**2 * (variance -
    counted). That is the negative binomial's of constant dispersion, and exactly p(1 -
    p) for values of 0 and 1.

    It is never less than `variance`: no plan rests on a treatment that makes units
    more alike.

    Args:
        variance: Of a unit's value without the treatment, in the metric's unit
            squared.
        effect: By how much the mean moves, in the metric's unit; above 0 is away from
            0.
        level: What the effect is a share of: the mean of values from 0 up, or of their
            sizes where some are negative; above 0, in the metric's unit.
        counted: The variance that counting single events brings, from 0: the mean of
            a count, the mean over the mean of the denominator for a ratio of counts, 0
            for amounts. In the metric's unit squared.

    Raises:
        InvalidArgument: An argument is out of its range.

    Reference:
        G. van Belle, D. C. Martin (1993), "Sample size as a function of coefficient of
        variation and ratio of means", The American Statistician 47. H. Zhu, H. Lakkis
        (2014), "Sample size calculation for comparing two negative binomial rates",
        Statistics in Medicine 33. C. N. Morris (1982), "Natural exponential families
        with quadratic variance functions", Annals of Statistics 10.

    Example:
        >>> widened_variance(variance=100.0, effect=0.5, level=10.0)
        110.25
        >>> round(widened_variance(variance=0.21, effect=0.1, level=0.3,
        ...     counted=0.3), 6)
        0.24
    """
    before = size("variance", variance)
    if finite("counted", counted) < 0.0:
        raise InvalidArgument("counted", f"must not be negative, not {counted}")
    times = max(1.0 + number("effect", effect) / size("level", level), 0.0)
    moved = times * counted + times**2 * (before - counted)
    return max(moved, before)
