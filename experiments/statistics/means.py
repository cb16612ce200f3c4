"""Comparing two means."""

from experiments.statistics.differences import Difference, Method, welch_difference
from experiments.statistics.samples import Sample


def welch(control: Sample, treatment: Sample, *, confidence: float) -> Difference:
    """Compare two means without assuming equal variances.

    Args:
        control: Summary of the control arm.
        treatment: Summary of the treatment arm, in the same unit.
        confidence: Coverage of the interval, in (0, 1), such as 0.95.

    Raises:
        TooFewUnits: An arm has fewer than two units.
        NoVariation: Neither arm varies.
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        B. L. Welch (1947), "The generalization of 'Student's' problem when several
        different population variances are involved", Biometrika 34.

    Example:
        >>> control = Sample(n=900, mean=-4.0, deviations=25.0 * 899)
        >>> treatment = Sample(n=880, mean=-3.2, deviations=30.0 * 879)
        >>> round(welch(control, treatment, confidence=0.95).p_value, 5)
        0.00132
    """
    return welch_difference(
        control.estimate(),
        treatment.estimate(),
        confidence=confidence,
        method=Method.WELCH,
    )
