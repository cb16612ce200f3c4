"""The events of one experiment, in the order in which they arrive."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.verdicts.cases import Case, Situation
from benchmarks.verdicts.outcomes import (
    COMPLAINING,
    GUARDRAIL,
    KINDS,
    Doings,
    Floats,
)
from experiments.assignment.columns import arms
from experiments.assignment.ranges import bucket_ranges
from experiments.assignment.units import HASH_VERSION
from experiments.design import SourceValue, UnitKind
from experiments.events.log import EXPOSURE, NewEvent

RAMP_DAYS = 2
LATE = 0.05
LATE_DAYS = (1.0, 4.0)
MOMENT = 1e-4
"""Days that an event takes to arrive that is not late."""
SPARE = 1.08
"""Units that come by over those that are planned."""
VARIANTS = ("control", "treatment")


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, and when it is received in days since the start."""

    day: float
    event: NewEvent


@dataclass(frozen=True, slots=True)
class Units:
    """Who is in the experiment."""

    ids: NDArray[np.str_]
    day: Floats
    arm: NDArray[np.int8]
    members: NDArray[np.int64]
    """Users of each; one where users are the units."""


@dataclass(frozen=True, slots=True)
class _Story:
    """Who was there, and what they did."""

    case: Case
    units: Units
    start: datetime
    draw: np.random.Generator

    def exposures(self) -> Iterator[Arrival]:
        """The first member meets the variant, the others in the days after."""
        for row, unit in enumerate(self.units.ids):
            for member in range(int(self.units.members[row])):
                later = self.draw.random() * 2.0 if member else 0.0
                day = float(self.units.day[row]) + later
                event = NewEvent(
                    id=f"{unit}:x{member}",
                    name=EXPOSURE,
                    occurred_at=self.start + timedelta(days=day),
                    experiment_key=self.case.key,
                    variant_key=VARIANTS[self.units.arm[row]],
                    **self._subject(row, member),
                )
                yield Arrival(day + MOMENT, event)

    def outcomes(self, doings: Doings) -> Iterator[Arrival]:
        """What decides the primary metric."""
        spec = KINDS[self.case.kind].spec
        if spec.value is SourceValue.VALUE:
            yield from self._paid(spec.event_name, doings.total)
            if self.case.history and doings.before is not None:
                yield from self._paid_before(spec.event_name, doings.before)
            return
        yield from self._counted(spec.event_name, doings.total)
        if doings.base is not None and spec.denominator_event is not None:
            yield from self._counted(spec.denominator_event, doings.base)

    def happened(
        self, name: str, which: NDArray[np.bool_], times: int = 1
    ) -> Iterator[Arrival]:
        """One event of each unit that did it."""
        for row in np.flatnonzero(which):
            yield self._sent(int(row), name, times)

    def _counted(self, name: str, counts: Floats) -> Iterator[Arrival]:
        for times in range(1, int(counts.max(initial=0.0)) + 1):
            yield from self.happened(name, counts >= times, times)

    def _paid(self, name: str, totals: Floats) -> Iterator[Arrival]:
        """Each total in two payments."""
        for row in np.flatnonzero(totals > 0.0):
            whole = Decimal(f"{totals[row]:.2f}")
            part = (whole * Decimal("0.4")).quantize(Decimal("0.01"))
            for number, value in enumerate((part, whole - part)):
                yield self._sent(int(row), name, number, value)

    def _paid_before(self, name: str, totals: Floats) -> Iterator[Arrival]:
        """What units paid in the weeks before they were exposed."""
        for row in np.flatnonzero(totals > 0.0):
            day = float(self.units.day[row] - self.draw.uniform(1.0, 20.0))
            event = NewEvent(
                id=f"{self.units.ids[row]}:before",
                name=name,
                occurred_at=self.start + timedelta(days=day),
                value=Decimal(f"{totals[row]:.2f}"),
                **self._subject(int(row), 0),
            )
            yield Arrival(max(day, 0.0) + MOMENT, event)

    def _sent(
        self, row: int, name: str, number: int, value: Decimal | None = None
    ) -> Arrival:
        """One event at any time of the unit's window; one in twenty is days late."""
        inside = self.draw.random() * (self.case.window_days - 0.01)
        day = float(self.units.day[row]) + MOMENT + inside
        late = self.draw.uniform(*LATE_DAYS) if self.draw.random() < LATE else 0.0
        member = int(self.draw.integers(int(self.units.members[row])))
        event = NewEvent(
            id=f"{self.units.ids[row]}:{name}{number}",
            name=name,
            occurred_at=self.start + timedelta(days=day),
            value=value,
            **self._subject(row, member),
        )
        return Arrival(day + MOMENT + late, event)

    def _subject(self, row: int, member: int) -> dict[str, Any]:
        unit = str(self.units.ids[row])
        if self.case.unit is UnitKind.USER:
            return {"user_id": unit}
        return {"user_id": f"{unit}m{member}", "account_id": unit}


def arrivals(case: Case, seed: str, start: datetime) -> list[Arrival]:
    """Everything that is sent of a case, by the instant of receipt."""
    draw = case.draws()
    story = _Story(case, enrolled(case, seed, draw), start, draw)
    treated = story.units.arm == 1
    works = case.situation is not Situation.NO_EFFECT
    doings = KINDS[case.kind].draw(treated & works, draw)
    harmed = case.situation is Situation.HARMED
    rate = COMPLAINING + np.where(treated & harmed, case.harm, 0.0)
    complains = draw.random(treated.size) < rate
    found = [
        *story.exposures(),
        *story.outcomes(doings),
        *story.happened(GUARDRAIL.event_name, complains),
    ]
    return sorted(found, key=lambda each: each.day)


def enrolled(case: Case, seed: str, draw: np.random.Generator) -> Units:
    """Who comes by, bucketed by the service's own hash at the day's coverage."""
    full = RAMP_DAYS * case.coverage + case.enrolment_days - RAMP_DAYS
    daily = SPARE * case.size.total / full
    count = round(daily * case.enrolment_days)
    letter = "a" if case.unit is UnitKind.ACCOUNT else "u"
    ids = np.array([f"{case.number}{letter}{number}" for number in range(count)])
    day = np.sort(draw.random(count)) * case.enrolment_days
    weights = [0.5, 0.5]
    first, later = (
        arms(ids, seed, HASH_VERSION, bucket_ranges(2, coverage, weights))
        for coverage in (case.coverage, 1.0)
    )
    arm = np.where(day < RAMP_DAYS, first, later)
    members = np.ones(count, np.int64)
    if case.unit is UnitKind.ACCOUNT:
        members += draw.poisson(1.0, count)
    inside = arm >= 0
    return Units(ids[inside], day[inside], arm[inside], members[inside])
