"""When facts become an insight, and how it is put into words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class InsightKind(StrEnum):
    """What an insight came from."""

    VERDICT = "VERDICT"
    TAG_THRESHOLD = "TAG_THRESHOLD"
    THEME_THRESHOLD = "THEME_THRESHOLD"
    BLOCKER = "BLOCKER"
    MANUAL = "MANUAL"


class EvidenceKind(StrEnum):
    """What a piece of evidence is."""

    COMMENT = "COMMENT"
    SNAPSHOT = "SNAPSHOT"
    EXPERIMENT = "EXPERIMENT"
    RESPONSE = "RESPONSE"
    TAG = "TAG"


@dataclass(frozen=True, slots=True)
class EvidenceRef:
    """A piece of evidence, by its kind and id."""

    kind: EvidenceKind
    target_id: UUID


CONCLUSIONS = ("SHIP", "DONT_SHIP", "NO_MEANINGFUL_DIFFERENCE", "INCONCLUSIVE")
"""Recommendations that end a phase; the others say to wait or to repair."""


@dataclass(frozen=True, slots=True)
class VerdictFacts:
    """What an analysis concluded, in plain values."""

    experiment_id: UUID
    experiment_key: str
    phase: int
    snapshot_id: UUID
    inputs_hash: str
    verdict: str
    recommendation: str
    headline: str
    metric: str
    effect: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    units: int | None = None

    @property
    def topic(self) -> str:
        """What it is about, the same for every look at the experiment."""
        return f"experiment:{self.experiment_key}"

    @property
    def dedupe_key(self) -> str:
        """One insight for each conclusion of a phase."""
        return f"verdict:{self.experiment_id}:{self.phase}:{self.recommendation}"

    def facts(self) -> dict[str, Any]:
        """What routing rules see."""
        return {
            "experiment": self.experiment_key,
            "phase": self.phase,
            "verdict": self.verdict,
            "recommendation": self.recommendation,
            "metric": self.metric,
            "effect": self.effect,
            "low": self.low,
            "high": self.high,
            "units": self.units,
        }


@dataclass(frozen=True, slots=True)
class Voices:
    """Who stands behind a tag in a window. An account has one voice."""

    voices: int
    accounts: int
    people: int
    comments: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many voices in how many days make an insight."""

    minimum: int
    window: timedelta

    def crossed(self, heard: Voices, last: datetime | None, at: datetime) -> bool:
        """Whether an insight is due: enough voices, and none in this window yet."""
        rested = last is None or last + self.window <= at
        return rested and heard.voices >= self.minimum


@dataclass(frozen=True, slots=True)
class TagFacts:
    """A tag that many speak of."""

    tag_id: UUID
    slug: str
    name: str
    heard: Voices
    window: timedelta

    @property
    def topic(self) -> str:
        """What it is about, the same for every window."""
        return f"tag:{self.slug}"

    def statement(self) -> str:
        """One sentence for people."""
        if self.heard.accounts:
            who = _counted(self.heard.accounts, "account")
        else:
            who = _counted(self.heard.people, "person", "people")
        days = _counted(self.window.days, "day")
        comments = _counted(self.heard.comments, "comment")
        return f"{who} spoke of \u201c{self.name}\u201d in {days} ({comments})."

    def facts(self) -> dict[str, Any]:
        """What routing rules see."""
        return {
            "tag": self.slug,
            "tagName": self.name,
            "voices": self.heard.voices,
            "accounts": self.heard.accounts,
            "people": self.heard.people,
            "comments": self.heard.comments,
            "windowDays": self.window.days,
        }


def routable(kind: InsightKind, topic: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of an insight as a routing condition sees them."""
    known = {name: value for name, value in facts.items() if value is not None}
    return {**known, "kind": kind.value, "topic": topic}


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
