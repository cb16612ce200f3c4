"""What the event log refuses.

Problem
├── Invalid
│   ├── UnknownLogUrl   the URL names neither DuckDB nor PostgreSQL
│   └── Unfoldable      a metric of a kind that the log cannot fold
├── Conflict
│   ├── LogInUse        another process holds the embedded log
│   └── LogTooNew       the store was written by a newer version
└── NotFound
    └── UnknownPhase    the phase was never published to the log
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
