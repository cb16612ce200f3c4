"""Metrics and comparisons as they are read."""

from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.connection import Connection
from api.graphql.experiment_enums import Direction, MetricKind, MetricRole
from api.graphql.result_details import (
    FunnelStep,
    SegmentEffect,
    SegmentHeterogeneity,
    SegmentPlace,
    Survival,
    funnel_of,
)
from api.graphql.result_enums import (
    GuardrailOutcome,
    HorizonState,
    Registration,
    Verdict,
)
from api.graphql.result_guardrails import HarmReading, MarginReading, WorstCase
from api.graphql.result_lists import listed
from api.graphql.result_readings import (
    AdjustmentGain,
    BayesReading,
    CapDependence,
    FamilyReading,
    Reading,
    UnbiasedReading,
    ValidReading,
    reading_fields,
)
from api.graphql.result_series import (
    DayEffect,
    LookEffect,
    SeriesPlace,
    effects_by_day,
    effects_by_look,
)
from api.pagination import DEFAULT_PAGE
from api.policies import Policy, policed
from experiments.analysis import results
from experiments.analysis.disclosure import shows_effect
from experiments.analysis.series import SeriesKind


@policed(Policy.READ)
@strawberry.type(
    description="One variant against the control in one metric. The fields of the "
    "reading are those that count: adjusted where the plan says so, else capped where "
    "the metric has a cap, else raw."
)
class Comparison(Reading):
    """A reading with what follows from it."""

    variant: str = strawberry.field(description="The variant's key.")
    verdict: Verdict = strawberry.field(description="What the statistics say.")
    reason: str = strawberry.field(description="Why, as a clause.")
    guardrail: GuardrailOutcome | None = strawberry.field(
        description="Whether it stands in the way; null unless it is a guardrail."
    )
    valid: ValidReading | None = strawberry.field(
        description="Null before the look, and where too few units have matured."
    )
    raw: Reading = strawberry.field(description="On values as they are.")
    capped: Reading | None = strawberry.field(
        description="On values cut at the metric's cap; null without one."
    )
    adjusted: Reading | None = strawberry.field(
        description="Adjusted for what was known before exposure; null where the plan "
        "adjusts nothing."
    )
    adjustment: AdjustmentGain | None = strawberry.field(
        description="What it was adjusted for."
    )
    always_valid: ValidReading | None = strawberry.field(
        description="The interval that holds at every look, at the newest one. After "
        "the horizon it only informs."
    )
    unbiased: UnbiasedReading | None = strawberry.field(
        description="Where the boundary was crossed before the horizon."
    )
    bayes: BayesReading | None = strawberry.field(
        description="Null where there is no control to be a share of."
    )
    margin: MarginReading | None = strawberry.field(
        description="Of a guardrail with a registered margin."
    )
    worst: WorstCase | None = strawberry.field(
        description="Of a guardrail: how bad it can still be."
    )
    harm: HarmReading | None = strawberry.field(
        description="Of a guardrail that is watched: its alarm now."
    )
    family: FamilyReading | None = strawberry.field(
        description="Of a secondary metric: its p-value among all of them."
    )
    cap_dependence: CapDependence | None = strawberry.field(
        description="Whether the cap changes the answer; null without a cap."
    )
    registration: Registration = strawberry.field(
        description="Whether the question was asked before the answer was seen."
    )
    look: int | None = strawberry.field(
        description="The look whose state is read; null before the first."
    )
    horizon: HorizonState | None = strawberry.field(
        description="Where that look stands to the planned number of units."
    )

    @classmethod
    def between(cls, part: results.Comparison) -> "Comparison":
        """From a report."""
        shown = shows_effect(part)
        return cls(
            **reading_fields(part.decisive),
            variant=part.arm,
            verdict=part.verdict,
            reason=part.reason,
            guardrail=part.guardrail,
            valid=None if part.valid is None else ValidReading.of(part.valid),
            raw=Reading.of(part.raw),
            capped=None if part.capped is None else Reading.of(part.capped),
            adjusted=None if part.adjusted is None else Reading.of(part.adjusted),
            adjustment=None
            if part.adjustment is None
            else AdjustmentGain.of(part.adjustment),
            always_valid=None
            if part.always_valid is None
            else ValidReading.of(part.always_valid),
            unbiased=None
            if part.unbiased is None
            else UnbiasedReading.of(part.unbiased),
            bayes=None if part.bayes is None else BayesReading.of(part.bayes),
            margin=None if part.margin is None else MarginReading.of(part.margin),
            worst=None if part.worst is None else WorstCase.of(part.worst),
            harm=None if part.harm is None else HarmReading.of(part.harm, shown=shown),
            family=None if part.family is None else FamilyReading.of(part.family),
            cap_dependence=None if part.whale is None else CapDependence.of(part.whale),
            registration=part.registration,
            look=part.look,
            horizon=part.horizon,
        )


@policed(Policy.READ)
@strawberry.type(description="One metric, as it was fixed when the phase began.")
class MetricResults:
    """A row of the scorecard for each variant."""

    part: strawberry.Private[results.MetricResult]
    place: strawberry.Private[SeriesPlace]
    metric: str = strawberry.field(description="The metric's key.")
    name: str = strawberry.field(description="For people.")
    kind: MetricKind = strawberry.field(description="How a unit's value is made.")
    role: MetricRole = strawberry.field(description="What it decides.")
    direction: Direction = strawberry.field(description="Which way is good.")
    unit: str = strawberry.field(description="What its values are counted in.")
    share: bool = strawberry.field(
        description="Whether its values are parts of 1, to be shown in per cent."
    )
    cap: float | None = strawberry.field(description="Where a unit's total is cut.")
    quantile: float | None = strawberry.field(
        description="Of QUANTILE: which quantile of units' totals is compared."
    )
    notes: list[str] = strawberry.field(
        description="What limits how far it may be read, each as a sentence."
    )
    comparisons: list[Comparison] = strawberry.field(
        description="One for each variant but the control."
    )

    @strawberry.field(
        description="The effect by the levels of the plan's dimensions, in their order."
    )
    def segments(
        self,
        dimension: str | None = None,
        variant: str | None = None,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[SegmentEffect]:
        """One page of levels, of all dimensions and variants unless narrowed."""
        found = [
            SegmentPlace(segment, level)
            for segment in self.part.segments
            if dimension in (None, segment.dimension) and variant in (None, segment.arm)
            for level in segment.levels
        ]
        return listed(
            found,
            SegmentEffect.at,
            name=f"segments {dimension} {variant}",
            first=first,
            after=after,
        )

    @strawberry.field(
        description="For each variant and dimension, whether the effect differs "
        "between levels."
    )
    def heterogeneity(self) -> list[SegmentHeterogeneity]:
        """One question for all levels of a dimension."""
        return [SegmentHeterogeneity.of(each) for each in self.part.segments]

    @strawberry.field(
        description="What each look found of a variant, in order: the effect by day "
        "since the start. Empty while effects are hidden."
    )
    async def effect_by_look(
        self,
        info: Info,
        variant: str,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[LookEffect]:
        """One page of looks."""
        return await effects_by_look(
            info.context, self.place, variant, first=first, after=after
        )

    @strawberry.field(
        description="The effect of a variant by day since exposure, over the units "
        "observed to the last day shown. Empty while effects are hidden, and of "
        "quantiles, which do not add up by day. Of a funnel, the steps done by then."
    )
    async def effect_since_exposure(
        self,
        info: Info,
        variant: str,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[DayEffect]:
        """One page of days."""
        kind = SeriesKind.SINCE_EXPOSURE
        return await effects_by_day(
            info.context, self.place, kind, variant, first=first, after=after
        )

    @strawberry.field(
        description="The effect of a variant among those first exposed on each UTC "
        "day. Empty while effects are hidden."
    )
    async def effect_by_cohort(
        self,
        info: Info,
        variant: str,
        first: int = DEFAULT_PAGE,
        after: str | None = None,
    ) -> Connection[DayEffect]:
        """One page of days."""
        return await effects_by_day(
            info.context,
            self.place,
            SeriesKind.COHORTS,
            variant,
            first=first,
            after=after,
        )

    @strawberry.field(description="Of TIME_TO_EVENT: one for each variant.")
    def survival(self) -> list[Survival]:
        """Curves beside the control's."""
        return [Survival.of(each) for each in self.part.survival]

    @strawberry.field(description="Of FUNNEL: its steps, for each variant.")
    def funnel(self) -> list[FunnelStep]:
        """In order."""
        return funnel_of(self.part.funnel)

    @classmethod
    def of(
        cls, part: results.MetricResult, phase_id: UUID, looks: int
    ) -> "MetricResults":
        """From a report of a phase that had so many looks."""
        shown = any(shows_effect(each) for each in part.comparisons)
        return cls(
            part=part,
            place=SeriesPlace(phase_id, part.key, looks if shown else 0),
            metric=part.key,
            name=part.name,
            kind=part.kind,
            role=part.role,
            direction=part.direction,
            unit=part.unit,
            share=part.share,
            cap=part.cap,
            quantile=part.quantile,
            notes=list(part.notes),
            comparisons=[Comparison.between(each) for each in part.comparisons],
        )
