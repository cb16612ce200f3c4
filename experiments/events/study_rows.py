"""What every study shares: a bound on what is read, and exact sums from a row."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from experiments.events.errors import TooManyRows
from experiments.events.state import Sums
from experiments.events.store import Row, Session

Integers: TypeAlias = NDArray[np.int64]
Texts: TypeAlias = NDArray[np.object_]

DAY = 86_400_000
"""Milliseconds of 24 hours."""


async def read(
    session: Session, step: str, *, limit: int, **parameters: object
) -> list[Row]:
    """The rows of a step, which is asked for one more than it may have.

    Raises:
        TooManyRows: There are more than `limit`.
    """
    if limit < 1:
        raise ValueError(f"{limit} is no bound: it must be 1 or more.")
    rows = await session.run(step, limit=limit + 1, **parameters)
    if len(rows) > limit:
        raise TooManyRows(limit)
    return rows


def integers(values: Sequence[Any]) -> Integers:
    """A column of whole numbers."""
    return np.array(values, dtype=np.int64)


def texts(values: Sequence[Any]) -> Texts:
    """A column of texts, each kept as the object that it is."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def pairs_of(parts: Sequence[Any]) -> Sums:
    """Sums of (y, d) from n, y, yy, d, dd, yd as a store adds them."""
    n, y, yy, d, dd, yd = (int(part) for part in parts)
    return Sums(n=n, y=y, yy=yy, d=d, dd=dd, yd=yd)
