"""The scheduled instants of looks: one a day, by the clock of the project."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from experiments.design import PhaseDesign
from experiments.plan import AnalysisPlan, StoppingRule

FULL_CYCLE = timedelta(days=7)
"""A look needs a whole week, so that every weekday is in it."""

_DAY = timedelta(days=1)


def boundary_plan(design: PhaseDesign) -> AnalysisPlan | None:
    """The plan of a phase that is looked at daily; None for one with a single look."""
    plan = design.plan
    if plan is None or design.imported or plan.stopping is StoppingRule.FIXED_HORIZON:
        return None
    return plan


def cut_on(plan: AnalysisPlan, day: date) -> datetime | None:
    """The cut of one local day, in UTC; None on a day that the zone left out.

    Of an hour that is there twice, the first; where clocks leap over it, the instant
    at which they do.
    """
    zone = ZoneInfo(plan.time_zone)
    wanted = datetime.combine(day, time(plan.look_hour), tzinfo=zone)
    instant = wanted.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wanted.replace(tzinfo=None):
        instant = _leap(zone, wanted)
    return instant if instant.astimezone(zone).date() == day else None


def next_cut(plan: AnalysisPlan, after: datetime) -> datetime:
    """The first cut later than an instant."""
    return next(cut for cut in _cuts(plan, after, range(-1, 5)) if cut > after)


def latest_cut(plan: AnalysisPlan, until: datetime) -> datetime:
    """The last cut that is no later than an instant."""
    return next(cut for cut in _cuts(plan, until, range(1, -5, -1)) if cut <= until)


def due_cut(
    design: PhaseDesign, *, attended: datetime | None, until: datetime
) -> datetime | None:
    """The one cut that a running phase is to be looked at, or None.

    Of several that were missed, the latest: the others have no look.

    Args:
        design: The frozen phase.
        attended: The last cut that its environment is done with.
        until: The instant up to which cuts are due.
    """
    plan = boundary_plan(design)
    if plan is None or design.ended_at is not None:
        return None
    cut = latest_cut(plan, until)
    if cut < design.started_at + FULL_CYCLE:
        return None
    return None if attended is not None and cut <= attended else cut


def scheduled_cut(design: PhaseDesign, after: datetime) -> datetime | None:
    """The next cut of a running phase that may be a look; None where none comes."""
    plan = boundary_plan(design)
    if plan is None or design.ended_at is not None:
        return None
    first = design.started_at + FULL_CYCLE - timedelta(microseconds=1)
    return next_cut(plan, max(after, first))


def same_day(plan: AnalysisPlan, one: datetime, other: datetime) -> bool:
    """Whether two instants are on one local day."""
    zone = ZoneInfo(plan.time_zone)
    return one.astimezone(zone).date() == other.astimezone(zone).date()


def _cuts(
    plan: AnalysisPlan, around: datetime, days: Iterable[int]
) -> Iterable[datetime]:
    today = around.astimezone(ZoneInfo(plan.time_zone)).date()
    for offset in days:
        cut = cut_on(plan, today + offset * _DAY)
        if cut is not None:
            yield cut


def _leap(zone: ZoneInfo, wanted: datetime) -> datetime:
    """The instant at which the clocks leap over a local time."""
    low = wanted.replace(fold=1).astimezone(UTC)
    high = wanted.replace(fold=0).astimezone(UTC)
    new = high.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).total_seconds() // 2)
        if middle.astimezone(zone).utcoffset() == new:
            high = middle
        else:
            low = middle
    return high
