"""Which way of moving is good."""

from enum import StrEnum


class Better(StrEnum):
    """Whether more or less of a metric is wanted."""

    HIGHER = "HIGHER"
    LOWER = "LOWER"

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return 1.0 if self is Better.HIGHER else -1.0
