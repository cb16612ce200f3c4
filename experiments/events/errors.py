"""What the event log refuses.

Problem
├── Invalid
│   ├── UnknownLogUrl   the URL names neither DuckDB nor PostgreSQL
│   ├── Unfoldable      a metric of a kind that the log cannot fold
│   ├── TooManyRows     a read would bring more than it may
│   └── BadCursor       a page is asked for after something that is no row
├── Conflict
│   ├── LogInUse        another process holds the embedded log
│   └── LogTooNew       the store was written by a newer version
└── NotFound
    ├── UnknownPhase    the phase was never published to the log
    └── UnknownMetric   the phase does not measure this metric
"""

from uuid import UUID

from core.problems import Conflict, Invalid, NotFound


class UnknownLogUrl(Invalid):
    """The URL of the event log names a store that does not exist."""

    def __init__(self, scheme: str) -> None:
        super().__init__(
            f"{scheme!r} is no event log: use duckdb:///path or postgresql://...",
            code="UNKNOWN_LOG_URL",
        )


class Unfoldable(Invalid):
    """A metric's kind is reserved and cannot be folded yet."""

    def __init__(self, metric: str, kind: str) -> None:
        super().__init__(
            f"Metric {metric} is {kind}, which cannot be measured yet.",
            code="METRIC_UNFOLDABLE",
        )


class UnreadableProperty(Invalid):
    """A filter, a value or a dimension reads a property that no event can carry."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name[:128]!r} is no property's key: it has 1 to 128 of "
            "A-Z a-z 0-9 _ . $ -",
            code="UNREADABLE_PROPERTY",
        )


class LogInUse(Conflict):
    """The embedded log has one process; a second needs PostgreSQL."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"Another process holds {path}. DuckDB has one writing process; "
            "for several set EVENTS_URL to postgresql://...",
            code="LOG_IN_USE",
        )


class LogTooNew(Conflict):
    """The log's tables come from a newer version of the program."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The log's tables have version {found}, this program knows {known}.",
            code="LOG_TOO_NEW",
        )


class UnknownPhase(NotFound):
    """The log has no design for this phase."""

    def __init__(self, phase_id: UUID) -> None:
        super().__init__(f"Phase {phase_id}")


class TooManyRows(Invalid):
    """A read of single rows that would pass its bound brings none of them."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"That is more than {limit:,} rows: ask for less at once.",
            code="TOO_MANY_ROWS",
        )
        self.limit = limit


class BadCursor(Invalid):
    """What a page is asked for after was not made by the page before."""

    def __init__(self) -> None:
        super().__init__("That cursor is none of ours.", code="BAD_CURSOR")


class UnknownMetric(NotFound):
    """The phase's design has no such metric."""

    def __init__(self, metric_id: UUID) -> None:
        super().__init__(f"Metric {metric_id}")
