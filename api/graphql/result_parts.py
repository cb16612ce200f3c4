"""Metrics, comparisons and readings as they are read."""

from typing import Any

import strawberry

from api.graphql.experiment_enums import Direction, MetricKind, MetricRole
from api.graphql.result_enums import (
    GuardrailOutcome,
    LiftStatus,
    Method,
    ValidMethod,
    Verdict,
)
from api.graphql.scalars import Long
from api.policies import Policy, policed
from experiments.analysis import results


@policed(Policy.READ)
@strawberry.type(description="What one variant's units did.")
class Estimate:
    """An arm's mean."""

    n: Long = strawberry.field(description="Units whose window has closed.")
    mean: float | None = strawberry.field(
        description="Per unit, a share of 1 for conversions; null while it is hidden."
    )
    std_err: float | None = strawberry.field(description="Standard error of the mean.")

    @classmethod
    def of(cls, part: results.ArmEstimate) -> "Estimate":
        """From a report."""
        return cls(n=Long(part.n), mean=part.mean, std_err=part.standard_error)


@policed(Policy.READ)
@strawberry.type(
    description="The difference as a share of the control, 0.05 for 5% more. Its "
    "interval excludes 0 exactly where the absolute one does."
)
class Relative:
    """Fieller's interval."""

    status: LiftStatus = strawberry.field(description="Whether it can be stated.")
    value: float | None = strawberry.field(description="The lift.")
    ci_low: float | None = strawberry.field(description="Lower end, 95%.")
    ci_high: float | None = strawberry.field(description="Upper end, 95%.")

    @classmethod
    def of(cls, part: results.Relative) -> "Relative":
        """From a report."""
        return cls(
            status=part.status, value=part.value, ci_low=part.low, ci_high=part.high
        )


@policed(Policy.READ)
@strawberry.type(
    description="The reading that is allowed at this look. Only it feeds the verdict."
)
class ValidReading:
    """What may be concluded from."""

    method: ValidMethod = strawberry.field(description="The rule that allows it.")
    ci_low: float = strawberry.field(description="Lower end of the difference.")
    ci_high: float = strawberry.field(description="Upper end of the difference.")
    p_value: float = strawberry.field(description="Two-sided.")

    @classmethod
    def of(cls, part: results.Valid) -> "ValidReading":
        """From a report."""
        return cls(
            method=part.method,
            ci_low=part.low,
            ci_high=part.high,
            p_value=part.p_value,
        )


@policed(Policy.READ)
@strawberry.type(description="Treatment against control, read once at a fixed horizon.")
class Reading:
    """A difference with its interval."""

    method: Method | None = strawberry.field(
        description="How they were compared; null where they were not."
    )
    control: Estimate = strawberry.field(description="The control.")
    treatment: Estimate = strawberry.field(description="The variant.")
    absolute: float | None = strawberry.field(
        description="Treatment minus control, in the metric's unit."
    )
    ci_low: float | None = strawberry.field(description="Lower end, 95%.")
    ci_high: float | None = strawberry.field(description="Upper end, 95%.")
    p_value: float | None = strawberry.field(description="Two-sided; never 0.")
    log_p_value: float | None = strawberry.field(
        description="Its natural logarithm, right however small p is."
    )
    relative: Relative | None = strawberry.field(
        description="Relative to the control; null where conversions are few."
    )
    unavailable: str | None = strawberry.field(
        description="Why there is no difference to show."
    )

    @classmethod
    def of(cls, part: results.Reading) -> "Reading":
        """From a report."""
        return cls(**_reading(part))


@policed(Policy.READ)
@strawberry.type(
    description="One variant against the control in one metric. The fields of the "
    "reading are those that count: capped where the metric has a cap."
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

    @classmethod
    def between(cls, part: results.Comparison) -> "Comparison":
        """From a report."""
        return cls(
            **_reading(part.decisive),
            variant=part.arm,
            verdict=part.verdict,
            reason=part.reason,
            guardrail=part.guardrail,
            valid=None if part.valid is None else ValidReading.of(part.valid),
            raw=Reading.of(part.raw),
            capped=None if part.capped is None else Reading.of(part.capped),
        )


@policed(Policy.READ)
@strawberry.type(description="One metric, as it was fixed when the phase began.")
class MetricResults:
    """A row of the scorecard for each variant."""

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
    comparisons: list[Comparison] = strawberry.field(
        description="One for each variant but the control."
    )

    @classmethod
    def of(cls, part: results.MetricResult) -> "MetricResults":
        """From a report."""
        return cls(
            metric=part.key,
            name=part.name,
            kind=part.kind,
            role=part.role,
            direction=part.direction,
            unit=part.unit,
            share=part.share,
            cap=part.cap,
            comparisons=[Comparison.between(each) for each in part.comparisons],
        )


def _reading(part: results.Reading) -> dict[str, Any]:
    relative = part.relative
    return {
        "method": part.method,
        "control": Estimate.of(part.control),
        "treatment": Estimate.of(part.treatment),
        "absolute": part.absolute,
        "ci_low": part.low,
        "ci_high": part.high,
        "p_value": part.p_value,
        "log_p_value": part.log_p_value,
        "relative": None if relative is None else Relative.of(relative),
        "unavailable": part.unavailable,
    }
