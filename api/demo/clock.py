"""A database clock that the seeding moves through the company's history."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True)
class HistoryClock:
    """Begins at an instant and stands still until it is moved."""

    began: datetime
    at: datetime

    def __call__(self) -> datetime:
        """The instant that rows are dated with."""
        return self.at

    def move(self, day: float) -> None:
        """Go to a day since the history began."""
        self.at = self.began + timedelta(days=day)
