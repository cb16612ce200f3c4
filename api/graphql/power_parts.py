"""What a power analysis answers."""

from collections.abc import Mapping
from typing import Any

import strawberry

from api.graphql.scalars import Long
from api.policies import Policy, policed
from experiments.readiness.questions import Baseline, Question
from experiments.readiness.sizing import Size, size_of


@policed(Policy.READ)
@strawberry.type(description="What could be seen after so many weeks of enrolment.")
class PowerWeek:
    """A point of the curve."""

    week: int = strawberry.field(description="Whole weeks of enrolment.")
    units: Long = strawberry.field(description="Units in all arms by then.")
    minimum_effect: float | None = strawberry.field(
        description="The smallest effect seen with the power asked for; null where not "
        "even the largest possible one would be."
    )
    power: float = strawberry.field(
        description="Chance of seeing the effect that matters."
    )


@policed(Policy.READ)
@strawberry.type(description="What the stopping rule does if the truth is an effect.")
class PowerStop:
    """One truth."""

    effect: float = strawberry.field(description="The true difference.")
    expected_fraction: float = strawberry.field(
        description="Mean share of the planned units at the stop."
    )
    stopped: float = strawberry.field(
        description="Chance that the rule stops at all: the power, or without an "
        "effect the error rate."
    )


@policed(Policy.READ)
@strawberry.type(description="What the values of a unit are like before.")
class PowerBaseline:
    """What the size rests on."""

    mean: float = strawberry.field(description="Mean, or share, in the metric's unit.")
    variance: float = strawberry.field(description="Of a unit's value.")
    treatment_variance: float = strawberry.field(
        description="The same in a treatment arm, at the effect: the size is for both."
    )
    binary: bool = strawberry.field(description="Whether values are 0 or 1.")
    explained: float = strawberry.field(
        description="Share of the variance that the value before exposure explains."
    )
    units_seen: Long | None = strawberry.field(
        description="Units that it was seen in; null where it was assumed."
    )
    cluster_size: float | None = strawberry.field(
        description="Mean units in one that is randomised; null where it is one."
    )
    cluster_variation: float | None = strawberry.field(
        description="Their standard deviation over their mean."
    )
    cluster_correlation: float | None = strawberry.field(
        description="Correlation of the values inside one."
    )


@policed(Policy.READ)
@strawberry.type(
    description="How large an experiment has to be, and how long it takes."
)
class PowerAnalysis:
    """An answer."""

    units_per_arm: list[Long] = strawberry.field(
        description="Randomised units by arm, the control's first."
    )
    total: Long = strawberry.field(description="In all arms.")
    effect: float = strawberry.field(
        description="The effect that this shows, in the metric's unit."
    )
    inflation: float = strawberry.field(
        description="What daily looks cost: units over those that one look needs."
    )
    daily_units: float | None = strawberry.field(
        description="Units that would enrol a day; null where nobody knows."
    )
    days: Long | None = strawberry.field(
        description="Days of enrolment at that traffic; null without any."
    )
    weeks: Long | None = strawberry.field(
        description="The same in whole weeks, so that every weekday counts alike."
    )
    duration_days: float | None = strawberry.field(
        description="Those weeks and then the metric's full window."
    )
    baseline: PowerBaseline = strawberry.field(description="What it rests on.")
    curve: list[PowerWeek] = strawberry.field(
        description="By week of enrolment, at most 26; empty without traffic."
    )
    stops: list[PowerStop] = strawberry.field(
        description="Under no effect, the one that matters and twice it; empty for a "
        "fixed horizon."
    )

    @classmethod
    def of(
        cls,
        question: Question,
        size: Size,
        *,
        daily: tuple[float, ...],
        window_days: float,
        units_seen: int | None,
    ) -> "PowerAnalysis":
        """From the domain's."""
        clusters = question.clusters
        return cls(
            units_per_arm=[Long(each) for each in size.per_arm],
            total=Long(size.total),
            effect=question.effect,
            inflation=size.inflation,
            daily_units=sum(daily) / len(daily) if daily else None,
            days=None if size.days is None else Long(size.days),
            weeks=None if size.weeks is None else Long(size.weeks),
            duration_days=None if size.weeks is None else size.weeks * 7 + window_days,
            baseline=PowerBaseline(
                mean=question.baseline.mean,
                variance=question.baseline.variance,
                treatment_variance=question.baseline.moved(question.effect),
                binary=question.baseline.binary,
                explained=question.explained,
                units_seen=None if units_seen is None else Long(units_seen),
                cluster_size=None if clusters is None else clusters.size,
                cluster_variation=None if clusters is None else clusters.variation,
                cluster_correlation=None if clusters is None else clusters.correlation,
            ),
            curve=[
                PowerWeek(
                    week=each.week,
                    units=Long(each.units),
                    minimum_effect=each.minimum_effect,
                    power=each.power,
                )
                for each in size.curve
            ],
            stops=[
                PowerStop(
                    effect=each.effect,
                    expected_fraction=each.expected_fraction,
                    stopped=each.stopped,
                )
                for each in size.stops
            ],
        )

    @classmethod
    def of_document(cls, body: Mapping[str, Any]) -> "PowerAnalysis":
        """From evidence."""
        size = size_of(body["size"])
        base = Baseline(
            body["baseline"],
            body["variance"],
            body["binary"],
            level=body.get("level", 0.0),
            counted=body.get("counted", 0.0),
        )
        question = Question(base, body["effect"], explained=body["explained"])
        return cls.of(
            question,
            size,
            daily=tuple(body["daily"]),
            window_days=body["window_days"],
            units_seen=body["units_seen"],
        )
