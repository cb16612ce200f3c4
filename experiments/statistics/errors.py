"""What the statistics refuse to compute.

StatisticsError (a ValueError)   names the argument that is at fault
├── InvalidArgument              not a number, out of range, or contradictory
├── TooFewUnits                  nothing can be said about variation yet
├── NoVariation                  every unit has the same value in both arms
└── NoisyDenominator             a ratio's denominator is too near zero
"""


class StatisticsError(ValueError):
    """A question that the given numbers cannot answer.

    Attributes:
        argument: Name of the argument at fault.
        reason: What is wrong with it, as a clause without a full stop.
    """

    def __init__(self, argument: str, reason: str) -> None:
        super().__init__(f"{argument}: {reason}")
        self.argument = argument
        self.reason = reason


class InvalidArgument(StatisticsError):
    """An argument is not a number, is out of its range, or contradicts another."""


class TooFewUnits(StatisticsError):
    """An arm has too few units for its variation to be known."""


class NoVariation(StatisticsError):
    """No unit differs from another, so chance cannot be measured."""


class NoisyDenominator(StatisticsError):
    """The mean of a ratio's denominator is less than five standard errors from zero."""
