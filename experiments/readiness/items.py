"""The launch checklist as data: its items, their groups, and what may be waived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class ItemCode(StrEnum):
    """What is checked before a launch."""

    HYPOTHESIS = "HYPOTHESIS"
    METRICS = "METRICS"
    POWER = "POWER"
    SPLIT_REHEARSAL = "SPLIT_REHEARSAL"
    NULL_REPLAY = "NULL_REPLAY"
    OVERLAP = "OVERLAP"
    METRIC_HEALTH = "METRIC_HEALTH"
    EXPOSURE_SEEN = "EXPOSURE_SEEN"
    POPULATION = "POPULATION"
    IDENTITY = "IDENTITY"
    DISCLOSURE = "DISCLOSURE"
    FLOW_FROZEN = "FLOW_FROZEN"
    ETHICS = "ETHICS"
    ROLLBACK = "ROLLBACK"
    DECISION = "DECISION"
    SUPPORT = "SUPPORT"


class ItemGroup(StrEnum):
    """Who settles an item."""

    YOU_DECIDE = "YOU_DECIDE"
    WE_CHECKED = "WE_CHECKED"
    WORTH_KNOWING = "WORTH_KNOWING"


class ItemStatus(StrEnum):
    """How an item stands."""

    OK = "OK"
    WARNING = "WARNING"
    BLOCKED = "BLOCKED"
    WAITING = "WAITING"
    """Evidence is still being gathered."""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    WAIVED = "WAIVED"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the checklist says of an item beforehand."""

    group: ItemGroup
    title: str
    waivable: bool = True
    """Whether somebody may let it pass; never where a start could not be made."""
    gathered: bool = False
    """Whether its evidence is gathered by a worker."""
    checks: frozenset[str] = frozenset()
    """The codes of the draft's checks that belong to it."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """Who let an item pass, and why."""

    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule finds of one item."""

    status: ItemStatus
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a checklist, as it stands."""

    code: ItemCode
    status: ItemStatus
    message: str
    evidence: Mapping[str, Any]
    evaluated_at: datetime
    blocking: bool
    """Whether it keeps the experiment from being launched."""
    waivable: bool
    blockers: tuple[str, ...] = ()
    """Codes of the draft's own checks that cannot be waived."""
    waiver: Waiver | None = None

    @property
    def entry(self) -> Entry:
        """What the checklist says of it."""
        return CHECKLIST[self.code]


_YOU, _WE, _KNOW = ItemGroup
_C = ItemCode

CHECKLIST: Mapping[ItemCode, Entry] = MappingProxyType(
    {
        _C.HYPOTHESIS: Entry(
            _YOU,
            "What is expected, and the smallest effect that matters",
            waivable=False,
            checks=frozenset(
                {
                    "HYPOTHESIS_STATEMENT",
                    "HYPOTHESIS_METRIC",
                    "HYPOTHESIS_DIRECTION",
                    "HYPOTHESIS_MDE",
                    "HYPOTHESIS_NOT_PRIMARY",
                }
            ),
        ),
        _C.METRICS: Entry(
            _YOU,
            "One primary metric, and guardrails with margins",
            checks=frozenset({"PRIMARY_METRIC", "NO_GUARDRAIL", "GUARDRAILS"}),
        ),
        _C.DECISION: Entry(_YOU, "Who owns it, who decides, and by when"),
        _C.ETHICS: Entry(_YOU, "Fair to those who are in it"),
        _C.POWER: Entry(
            _WE,
            "Enough units in a time that is worth it",
            gathered=True,
            checks=frozenset({"PLANNED_UNITS"}),
        ),
        _C.SPLIT_REHEARSAL: Entry(
            _WE,
            "The split holds on real ids",
            gathered=True,
            checks=frozenset({"VARIANTS", "CONTROL", "WEIGHTS", "VALUE_TYPES"}),
        ),
        _C.NULL_REPLAY: Entry(
            _WE, "Nothing comes out where there is nothing", gathered=True
        ),
        _C.OVERLAP: Entry(
            _WE,
            "Others that run on the same people",
            gathered=True,
            checks=frozenset({"OVERLAP", "OVERLAP_SAME_TREATMENT"}),
        ),
        _C.METRIC_HEALTH: Entry(
            _WE,
            "The metrics' events come, and come whole",
            gathered=True,
            checks=frozenset({"METRIC_ARCHIVED", "CAP_UNRESOLVED"}),
        ),
        _C.EXPOSURE_SEEN: Entry(
            _WE, "Every variant's exposure was seen in a trial", gathered=True
        ),
        _C.POPULATION: Entry(
            _WE,
            "Somebody is eligible, and has the unit's id",
            gathered=True,
            checks=frozenset(
                {
                    "TARGETING",
                    "TARGETING_CHANGES",
                    "COVERAGE_ZERO",
                    "SEGMENT_ATTRIBUTE",
                    "PREREQUISITE_WAITING",
                    "PREREQUISITE_OVER",
                }
            ),
        ),
        _C.ROLLBACK: Entry(_WE, "Everyone gets the control back", gathered=True),
        _C.DISCLOSURE: Entry(
            _WE,
            "People are told of a limit before they meet it",
            waivable=False,
            checks=frozenset({"DISCLOSURE_MISSING"}),
        ),
        _C.FLOW_FROZEN: Entry(_WE, "The flow's version is frozen", waivable=False),
        _C.IDENTITY: Entry(_KNOW, "How visitors become users"),
        _C.SUPPORT: Entry(_KNOW, "Support knows of it"),
    }
)
"""In the order in which it is shown."""

GATHERED = tuple(code for code, entry in CHECKLIST.items() if entry.gathered)
"""Items whose evidence workers gather."""

ITEM_OF = MappingProxyType(
    {check: code for code, entry in CHECKLIST.items() for check in entry.checks}
)
"""The item of each of the draft's checks; any other belongs to the population."""


def blocking(items: Sequence[Item]) -> tuple[str, ...]:
    """What refuses a launch: the draft's own codes, else the items'."""
    codes: list[str] = []
    for item in items:
        if item.blocking:
            codes.extend(item.blockers or (item.code,))
    return tuple(dict.fromkeys(codes))
