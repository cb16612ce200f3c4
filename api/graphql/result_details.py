"""What stands behind a metric's row as it is read: segments, curves and steps."""

from dataclasses import dataclass

import strawberry

from api.graphql.result_enums import Registration
from api.graphql.result_readings import (
    Estimate,
    FamilyReading,
    Reading,
    ValidReading,
    reading_fields,
)
from api.graphql.scalars import Long
from api.policies import Policy, policed
from experiments.analysis import results

MAX_POINTS = 200
"""Points of a curve that are shown; a longer one is thinned out evenly."""


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """One level of one result, for a page of all of them."""

    of: results.SegmentResult
    level: results.SegmentLevel


@policed(Policy.READ)
@strawberry.type(
    description="One variant against the control among the units of one level. The "
    "fields of the reading are unadjusted and those of a fixed horizon."
)
class SegmentEffect(Reading):
    """A reading of one level."""

    variant: str = strawberry.field(description="The variant's key.")
    dimension: str = strawberry.field(description="Which attribute of the plan.")
    level: str = strawberry.field(description="Which of its levels, fixed at launch.")
    registration: Registration = strawberry.field(
        description="EXPLORATORY in all metrics but the primary one."
    )
    valid: ValidReading | None = strawberry.field(
        description="Before the horizon, the interval that holds at every look."
    )
    family: FamilyReading | None = strawberry.field(
        description="Its p-value among all segments of the primary metric."
    )
    excluded: str | None = strawberry.field(
        description="Why it may not be read, such as too few units."
    )

    @classmethod
    def at(cls, place: SegmentPlace) -> "SegmentEffect":
        """From a report."""
        part, level = place.of, place.level
        return cls(
            **reading_fields(level.reading),
            variant=part.arm,
            dimension=part.dimension,
            level=level.level,
            registration=part.registration,
            valid=None if level.valid is None else ValidReading.of(level.valid),
            family=None if level.adjusted is None else FamilyReading.of(level.adjusted),
            excluded=level.unavailable,
        )


@policed(Policy.READ)
@strawberry.type(
    description="Whether a variant's effect differs between the levels of a dimension."
)
class SegmentHeterogeneity:
    """Cochran's Q."""

    variant: str = strawberry.field(description="The variant's key.")
    dimension: str = strawberry.field(description="Which attribute of the plan.")
    statistic: float | None = strawberry.field(
        description="Chi-square; null where fewer than two levels can be read."
    )
    degrees: int | None = strawberry.field(description="Its degrees of freedom.")
    p_value: float | None = strawberry.field(description="At a fixed horizon.")
    note: str = strawberry.field(description="What limits it; empty for nothing.")

    @classmethod
    def of(cls, part: results.SegmentResult) -> "SegmentHeterogeneity":
        """From a report."""
        found = part.heterogeneity
        return cls(
            variant=part.arm,
            dimension=part.dimension,
            statistic=None if found is None else found.statistic,
            degrees=None if found is None else found.degrees,
            p_value=None if found is None else found.p_value,
            note=part.note,
        )


@policed(Policy.READ)
@strawberry.type(description="Those without the event after so many days.")
class SurvivalPoint:
    """A point of a curve."""

    day: int = strawberry.field(description="Full days since the window opened.")
    at_risk: Long = strawberry.field(description="Units without it a day before.")
    events: Long = strawberry.field(description="Units that had it on this day.")
    share: float = strawberry.field(description="Still without it, of all.")
    ci_low: float = strawberry.field(description="Lower end.")
    ci_high: float = strawberry.field(description="Upper end.")

    @classmethod
    def of(cls, part: results.CurvePoint) -> "SurvivalPoint":
        """From a report."""
        return cls(
            day=part.day,
            at_risk=Long(part.at_risk),
            events=Long(part.events),
            share=part.share,
            ci_low=part.low,
            ci_high=part.high,
        )


@policed(Policy.READ)
@strawberry.type(
    description="Time to an event in one variant against the control, by Kaplan and "
    "Meier: who has not had it yet is not counted as never having it."
)
class Survival:
    """Two curves with their tests."""

    variant: str = strawberry.field(description="The variant's key.")
    control: list[SurvivalPoint] = strawberry.field(
        description=f"The control's curve, thinned out to {MAX_POINTS} points."
    )
    treatment: list[SurvivalPoint] = strawberry.field(description="The variant's.")
    control_median: float | None = strawberry.field(
        description="Days until half had it; null where that is not reached."
    )
    treatment_median: float | None = strawberry.field(description="The variant's.")
    log_rank_p_value: float | None = strawberry.field(
        description="Whether the curves differ; null before the horizon."
    )
    log_rank_statistic: float | None = strawberry.field(description="Its chi-square.")
    horizon_days: int | None = strawberry.field(
        description="Up to which day the restricted means are taken."
    )
    restricted_mean: Reading | None = strawberry.field(
        description="Mean days without the event, up to the horizon."
    )
    note: str = strawberry.field(description="What limits it; empty for nothing.")

    @classmethod
    def of(cls, part: results.SurvivalResult) -> "Survival":
        """From a report."""
        mean = part.restricted_mean
        return cls(
            variant=part.arm,
            control=[SurvivalPoint.of(each) for each in thinned(part.control)],
            treatment=[SurvivalPoint.of(each) for each in thinned(part.treatment)],
            control_median=part.control_median,
            treatment_median=part.treatment_median,
            log_rank_p_value=part.log_rank_p_value,
            log_rank_statistic=part.log_rank_statistic,
            horizon_days=part.horizon_days,
            restricted_mean=None if mean is None else Reading.of(mean),
            note=part.note,
        )


@policed(Policy.READ)
@strawberry.type(
    description="How many of those exposed came at least this far, and the difference."
)
class FunnelStep:
    """A step of a funnel."""

    variant: str = strawberry.field(description="The variant's key.")
    step: int = strawberry.field(description="From 1.")
    name: str = strawberry.field(description="The event.")
    control: Estimate = strawberry.field(description="The control, of all exposed.")
    treatment: Estimate = strawberry.field(description="The variant, of all exposed.")
    absolute: float | None = strawberry.field(description="The difference of shares.")
    ci_low: float | None = strawberry.field(description="Lower end.")
    ci_high: float | None = strawberry.field(description="Upper end.")
    p_value: float | None = strawberry.field(description="At a fixed horizon.")
    control_onward: float | None = strawberry.field(
        description="Of those at the step before, who went on; not randomised."
    )
    treatment_onward: float | None = strawberry.field(description="The variant's.")
    biggest_drop: bool = strawberry.field(
        description="Whether the variant loses most of those at the step before here."
    )
    unavailable: str | None = strawberry.field(
        description="Why there is no difference to show."
    )

    @classmethod
    def of(cls, part: results.FunnelStep, *, biggest_drop: bool) -> "FunnelStep":
        """From a report."""
        return cls(
            variant=part.arm,
            step=part.step,
            name=part.name,
            control=Estimate.of(part.control),
            treatment=Estimate.of(part.treatment),
            absolute=part.absolute,
            ci_low=part.low,
            ci_high=part.high,
            p_value=part.p_value,
            control_onward=part.control_onward,
            treatment_onward=part.treatment_onward,
            biggest_drop=biggest_drop,
            unavailable=part.unavailable,
        )


def funnel_of(steps: tuple[results.FunnelStep, ...]) -> list[FunnelStep]:
    """The steps of all variants, each variant's largest loss marked."""
    worst: dict[str, results.FunnelStep] = {}
    for step in steps:
        if step.treatment_onward is None:
            continue
        found = worst.get(step.arm)
        if found is None or step.treatment_onward < (found.treatment_onward or 0.0):
            worst[step.arm] = step
    return [
        FunnelStep.of(step, biggest_drop=worst.get(step.arm) is step) for step in steps
    ]


def thinned(
    points: tuple[results.CurvePoint, ...],
) -> tuple[results.CurvePoint, ...]:
    """At most MAX_POINTS of a curve, evenly, with its ends."""
    if len(points) <= MAX_POINTS:
        return points
    last = len(points) - 1
    places = {round(step * last / (MAX_POINTS - 1)) for step in range(MAX_POINTS)}
    return tuple(points[place] for place in sorted(places))
