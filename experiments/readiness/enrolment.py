"""How units come in, day by day, from what was seen of the last ones."""

import math
from collections.abc import Sequence

DAYS_OF_WEEK = 7


def days_until(units: float, daily: Sequence[float]) -> int | None:
    """Days of enrolment until so many units are in; None where that never is.

    Args:
        units: The units that are needed.
        daily: Units that enrol on each day from the start; the mean of the last week
            goes on after them. Empty where nobody knows.
    """
    seen = 0.0
    for day, count in enumerate(daily, start=1):
        seen += count
        if seen >= units:
            return day
    each_day = pace(daily)
    if each_day <= 0:
        return None
    return len(daily) + math.ceil((units - seen) / each_day)


def enrolled(daily: Sequence[float], days: int) -> float:
    """Units that are in after so many days."""
    return sum(daily[:days]) + max(days - len(daily), 0) * pace(daily)


def pace(daily: Sequence[float]) -> float:
    """Units a day once the first rush is over: the mean of the last week."""
    last = daily[-DAYS_OF_WEEK:]
    return sum(last) / len(last) if last else 0.0
