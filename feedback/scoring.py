"""Order the backlog by one formula: reach x impact x confidence / effort."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_CONFIDENCE = 0.8


@dataclass(frozen=True, slots=True)
class Score:
    """A RICE score with its parts. Reach counts accounts, one each however loud."""

    reach: int
    impact: float
    confidence: float
    effort: float

    @property
    def value(self) -> float:
        """What the backlog is ordered by."""
        return self.reach * self.impact * self.confidence / self.effort

    def breakdown(self) -> dict[str, float]:
        """The parts by name."""
        return {
            "reach": self.reach,
            "impact": self.impact,
            "confidence": self.confidence,
            "effort": self.effort,
            "value": self.value,
        }


def score(facts: Mapping[str, Any], confidence: float | None) -> Score | None:
    """Score an insight from its facts; None where nobody was counted."""
    reach = facts.get("voices")
    if not isinstance(reach, int):
        return None
    return Score(
        reach=reach,
        impact=1.0,
        confidence=DEFAULT_CONFIDENCE if confidence is None else confidence,
        effort=1.0,
    )
