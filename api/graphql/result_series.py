"""How an effect came about, as it is read: look by look and day by day."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.connection import Connection, connected
from api.graphql.result_lists import listed
from api.graphql.result_readings import Estimate
from api.pagination import Order, paged
from api.policies import Policy, policed
from experiments.analysis import models, queries, series
from experiments.analysis.series import Series, SeriesKind, series_from

_IN_ORDER = Order(
    "look.number", models.Look.number, models.Look.id, int, descending=False
)


@dataclass(frozen=True, slots=True)
class SeriesPlace:
    """Which looks a metric's series may show: those that its snapshot knew."""

    phase_id: UUID
    metric_key: str
    last_look: int
    """0 where no effect may be shown."""


@policed(Policy.READ)
@strawberry.type(
    description="What one look found of one variant in one metric, as it was stored."
)
class LookEffect:
    """A point of the effect over the days since the start."""

    look: int = strawberry.field(description="Its number.")
    cut: datetime = strawberry.field(description="What it could see ended here.")
    information: float = strawberry.field(description="Matured over planned units.")
    estimate: float | None = strawberry.field(
        description="The difference that counted; null where nothing was comparable."
    )
    std_err: float | None = strawberry.field(description="Its standard error.")
    statistic: float | None = strawberry.field(
        description="As a standard normal one has it."
    )
    boundary: float | None = strawberry.field(
        description="What its size had to reach; null where the look could not reject."
    )
    ci_low: float | None = strawberry.field(
        description="Lower end, as many standard errors away as the boundary."
    )
    ci_high: float | None = strawberry.field(description="Upper end.")
    p_value: float | None = strawberry.field(
        description="Over all looks so far: repeated in the primary metric, "
        "always-valid in the others; null at a single look."
    )

    @classmethod
    def of(cls, row: models.Look) -> "LookEffect":
        """From a row."""
        error = _standard_error(row)
        reach = None if row.boundary is None or error is None else row.boundary * error
        ends = None if reach is None or row.estimate is None else (row.estimate, reach)
        return cls(
            look=row.number,
            cut=row.cut,
            information=row.information,
            estimate=row.estimate,
            std_err=error,
            statistic=row.statistic,
            boundary=row.boundary,
            ci_low=None if ends is None else ends[0] - ends[1],
            ci_high=None if ends is None else ends[0] + ends[1],
            p_value=row.p_value,
        )


@policed(Policy.READ)
@strawberry.type(
    description="One variant against the control on one day, read when the last look "
    "was taken: unadjusted, at a fixed 95%, and deciding nothing."
)
class DayEffect:
    """A point of a series."""

    day: int = strawberry.field(
        description="From 0: the 24 hours since exposure, or the day of exposure."
    )
    date: str | None = strawberry.field(
        description="The UTC day of exposure; null by day since exposure."
    )
    control: Estimate = strawberry.field(description="The control.")
    treatment: Estimate = strawberry.field(description="The variant.")
    absolute: float | None = strawberry.field(
        description="The difference; null where there are too few units."
    )
    ci_low: float | None = strawberry.field(description="Lower end, 95%.")
    ci_high: float | None = strawberry.field(description="Upper end, 95%.")

    @classmethod
    def of(cls, part: series.SeriesPoint) -> "DayEffect":
        """From a stored point."""
        return cls(
            day=part.day,
            date=part.date,
            control=Estimate.of(part.control),
            treatment=Estimate.of(part.treatment),
            absolute=part.absolute,
            ci_low=part.low,
            ci_high=part.high,
        )


async def effects_by_look(
    context: Context, place: SeriesPlace, variant: str, *, first: int, after: str | None
) -> Connection[LookEffect]:
    """One page of what the looks found, in order."""
    statement = queries.listed_looks(
        place.phase_id, metric_key=place.metric_key, arm=variant, last=place.last_look
    )
    async with context.readers() as session:
        page = await paged(session, statement, _IN_ORDER, first=first, after=after)
        return connected(page, LookEffect.of)


async def effects_by_day(
    context: Context,
    place: SeriesPlace,
    kind: SeriesKind,
    variant: str,
    *,
    first: int,
    after: str | None,
) -> Connection[DayEffect]:
    """One page of a series, as the newest look that the snapshot knew left it."""
    loader = context.loaders.of(series_by_look)
    found = await loader.load((place.phase_id, place.last_look))
    points = found.get((kind, place.metric_key, variant))
    return listed(
        () if points is None else points.points,
        DayEffect.of,
        name=f"{kind} {place.metric_key} {variant}",
        first=first,
        after=after,
    )


async def series_by_look(
    context: Context, places: Sequence[tuple[UUID, int]]
) -> list[Mapping[tuple[SeriesKind, str, str], Series]]:
    """The series of each phase up to a look, by kind, metric and variant."""
    found: list[Mapping[tuple[SeriesKind, str, str], Series]] = []
    async with context.readers() as session:
        for phase_id, last in places:
            study = await queries.study_upto(session, phase_id, last)
            stored = () if study is None else series_from(study.series)
            found.append({(s.kind, s.metric_key, s.arm): s for s in stored})
    return found


def _standard_error(row: models.Look) -> float | None:
    if row.precision:
        return 1.0 / math.sqrt(row.precision)
    if row.estimate and row.statistic:
        return abs(row.estimate / row.statistic)
    return None
