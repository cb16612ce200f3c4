"""The steps of a ramp: what they must be, and what keeps one from going on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from experiments.governance.errors import RampInvalid

MAX_STEPS = 10
MAX_HOLD_HOURS = 24 * 90
MAX_UNITS = 2**53 - 1


@dataclass(frozen=True, slots=True)
class RampStep:
    """A coverage, and what must hold before the next step begins."""

    coverage: float
    hold_hours: float = 0.0
    minimum_units: int = 0
    """Exposed units of the phase, arms together."""
    needs_approval: bool = False
    """Whether a reviewer must let this step begin."""


class HoldReason(StrEnum):
    """Why a ramp does not go on."""

    PAUSED = "PAUSED"
    HOLD_TIME = "HOLD_TIME"
    SAMPLE = "SAMPLE"
    NO_RESULTS = "NO_RESULTS"
    SRM = "SRM"
    ALARM = "ALARM"
    APPROVAL = "APPROVAL"


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that a ramp waits for."""

    reason: HoldReason
    message: str


@dataclass(frozen=True, slots=True)
class RampFacts:
    """What is known of a ramp when it is looked at."""

    steps: tuple[RampStep, ...]
    step: int
    entered_at: datetime
    at: datetime
    pauses: Sequence[tuple[datetime, datetime | None]]
    exposed: int
    split_fits: bool | None
    """By the current snapshot; None before there is one."""
    alarms: int
    """Those in force: dismissed ones do not count."""
    approved: frozenset[int]
    """Indices of the steps that a person let begin."""

    @property
    def held_for(self) -> timedelta:
        """How long it has stood at its step, without the pauses."""
        stood = self.at - self.entered_at
        for begun, ended in self.pauses:
            start = max(begun, self.entered_at)
            stood -= max((ended or self.at) - start, timedelta())
        return stood


def checked_steps(steps: Sequence[RampStep]) -> tuple[RampStep, ...]:
    """The steps, if they are a ramp; none at all is one that takes full coverage.

    Raises:
        RampInvalid: There are too many, or one breaks a rule.
    """
    if len(steps) > MAX_STEPS:
        raise RampInvalid(f"A ramp has at most {MAX_STEPS} steps.", path=("steps",))
    before = 0.0
    for index, step in enumerate(steps):
        path = ("steps", str(index))
        if not before < step.coverage <= 1:
            raise RampInvalid(
                "Coverage rises from step to step, from above 0 up to 1.",
                path=(*path, "coverage"),
            )
        if not 0 <= step.hold_hours <= MAX_HOLD_HOURS:
            raise RampInvalid(
                f"A step is held for 0 to {MAX_HOLD_HOURS} hours.",
                path=(*path, "holdHours"),
            )
        if not 0 <= step.minimum_units <= MAX_UNITS:
            raise RampInvalid(
                "A step waits for 0 or more units.", path=(*path, "minimumUnits")
            )
        before = step.coverage
    if steps and steps[0].needs_approval:
        raise RampInvalid(
            "The first step begins with the start, which is what is approved.",
            path=("steps", "0", "needsApproval"),
        )
    return tuple(steps)


def steps_of(document: Sequence[Mapping[str, Any]]) -> tuple[RampStep, ...]:
    """The steps that were stored."""
    return msgspec.convert(list(document), tuple[RampStep, ...])


def steps_document(steps: Sequence[RampStep]) -> list[dict[str, Any]]:
    """The steps as JSON; `steps_of` reads them back."""
    document: list[dict[str, Any]] = msgspec.to_builtins(list(steps))
    return document


def reached(steps: Sequence[RampStep], coverage: float) -> int | None:
    """The index of the last step that this coverage has come to."""
    indices = [i for i, step in enumerate(steps) if step.coverage <= coverage]
    return indices[-1] if indices else None


def holds(facts: RampFacts) -> tuple[Hold, ...]:
    """Everything that keeps the next step from beginning; empty lets it begin."""
    here, following = facts.steps[facts.step], facts.steps[facts.step + 1]
    found = []
    if facts.pauses and facts.pauses[-1][1] is None:
        found.append(Hold(HoldReason.PAUSED, "The experiment is paused."))
    left = timedelta(hours=here.hold_hours) - facts.held_for
    if left > timedelta():
        hours = left.total_seconds() / 3600
        message = f"It is held for {here.hold_hours:g} h; {hours:.1f} h are left."
        found.append(Hold(HoldReason.HOLD_TIME, message))
    if facts.exposed < here.minimum_units:
        message = f"{facts.exposed} units were exposed; {here.minimum_units} are asked."
        found.append(Hold(HoldReason.SAMPLE, message))
    found += _health(facts)
    if following.needs_approval and facts.step + 1 not in facts.approved:
        message = f"Step {facts.step + 2} waits for a reviewer."
        found.append(Hold(HoldReason.APPROVAL, message))
    return tuple(found)


def _health(facts: RampFacts) -> list[Hold]:
    found = []
    if facts.split_fits is None:
        found.append(Hold(HoldReason.NO_RESULTS, "Nothing was analysed yet."))
    elif not facts.split_fits:
        found.append(Hold(HoldReason.SRM, "The arms' sizes contradict the split."))
    if facts.alarms:
        number = "An alarm is" if facts.alarms == 1 else f"{facts.alarms} alarms are"
        found.append(Hold(HoldReason.ALARM, f"{number} in force."))
    return found


def passed(facts: RampFacts) -> str:
    """Why the next step may begin, as a sentence."""
    number, total = facts.step + 2, len(facts.steps)
    hours = facts.held_for.total_seconds() / 3600
    return (
        f"Step {number} of {total}: held for {hours:.1f} h, {facts.exposed} units "
        "exposed, no alarm, and the split fits."
    )
