"""The readings of one comparison as they are read: what each of them allows."""

from typing import Any

import strawberry

from api.graphql.result_enums import Family, LiftStatus, Method, ValidMethod, Verdict
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
    critical: float = strawberry.field(
        description="Standard errors from the estimate to each end."
    )
    level: float = strawberry.field(
        description="Two-sided error rate that it keeps, over all looks."
    )
    relative: Relative | None = strawberry.field(
        description="The same, as a share of the control; null where it is not stated."
    )

    @classmethod
    def of(cls, part: results.Valid) -> "ValidReading":
        """From a report."""
        return cls(
            method=part.method,
            ci_low=part.low,
            ci_high=part.high,
            p_value=part.p_value,
            critical=part.critical,
            level=part.level,
            relative=None if part.relative is None else Relative.of(part.relative),
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
    std_err: float | None = strawberry.field(
        description="Standard error of the difference."
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
        return cls(**reading_fields(part))


@policed(Policy.READ)
@strawberry.type(
    description="The effect after an early stop, corrected for having stopped because "
    "of it: the median-unbiased estimate with its stage-wise interval."
)
class UnbiasedReading:
    """What impact is computed from after an early stop."""

    look: int = strawberry.field(description="The look at which the boundary was met.")
    value: float = strawberry.field(description="The difference, in its unit.")
    ci_low: float = strawberry.field(description="Lower end.")
    ci_high: float = strawberry.field(description="Upper end.")
    p_value: float = strawberry.field(description="Two-sided, of the ordering.")

    @classmethod
    def of(cls, part: results.Unbiased) -> "UnbiasedReading":
        """From a report."""
        return cls(
            look=part.look,
            value=part.value,
            ci_low=part.low,
            ci_high=part.high,
            p_value=part.p_value,
        )


@policed(Policy.READ)
@strawberry.type(
    description="A posterior of the relative lift; a reading, never a rule to stop by."
)
class BayesReading:
    """Beliefs after the data."""

    chance_to_win: float = strawberry.field(description="That the variant is better.")
    loss_if_shipped: float = strawberry.field(
        description="Expected lift lost by shipping, should the variant be worse."
    )
    loss_if_kept: float = strawberry.field(
        description="Expected lift lost by not shipping, should it be better."
    )
    mean: float = strawberry.field(description="Of the lift: 0.05 is 5%.")
    ci_low: float = strawberry.field(description="Lower end of its credible interval.")
    ci_high: float = strawberry.field(description="Upper end of it.")
    prior_deviation: float = strawberry.field(
        description="Standard deviation of the prior on the lift, around 0."
    )

    @classmethod
    def of(cls, part: results.Bayes) -> "BayesReading":
        """From a report."""
        return cls(
            chance_to_win=part.chance_to_win,
            loss_if_shipped=part.loss_if_shipped,
            loss_if_kept=part.loss_if_kept,
            mean=part.mean,
            ci_low=part.low,
            ci_high=part.high,
            prior_deviation=part.prior_deviation,
        )


@policed(Policy.READ)
@strawberry.type(description="A p-value among those that share an error rate.")
class FamilyReading:
    """One member of a family."""

    family: Family = strawberry.field(description="Which tests share it.")
    size: int = strawberry.field(description="How many they are.")
    p_value: float = strawberry.field(description="Adjusted for all of them.")
    rejected: bool = strawberry.field(description="Whether it is clear among them.")

    @classmethod
    def of(cls, part: results.FamilyAdjusted) -> "FamilyReading":
        """From a report."""
        return cls(
            family=part.family,
            size=part.size,
            p_value=part.p_value,
            rejected=part.rejected,
        )


@policed(Policy.READ)
@strawberry.type(
    description="Whether a few large values decide: both readings at a fixed horizon."
)
class CapDependence:
    """The verdict with and without the cap."""

    raw: Verdict = strawberry.field(description="Without the cap.")
    capped: Verdict = strawberry.field(description="With it.")
    agrees: bool = strawberry.field(description="Whether they are the same.")
    note: str = strawberry.field(description="Said as a clause.")

    @classmethod
    def of(cls, part: results.Whale) -> "CapDependence":
        """From a report."""
        return cls(raw=part.raw, capped=part.capped, agrees=part.agrees, note=part.note)


@policed(Policy.READ)
@strawberry.type(
    description="What the estimate was adjusted for, as the plan fixed it, and gained."
)
class AdjustmentGain:
    """Covariates and what they explain."""

    columns: list[str] = strawberry.field(
        description="Covariates used, such as `before` or `country=FR`."
    )
    folded: list[str] = strawberry.field(
        description="Levels with too few units, counted with the others."
    )
    covered: float | None = strawberry.field(
        description="Share of the units whose days before exposure are in the log."
    )
    variance_reduction: float | None = strawberry.field(
        description="Share of the variance that is gone."
    )
    control_slope: float | None = strawberry.field(
        description="Slope on the value before exposure, in the control."
    )
    treatment_slope: float | None = strawberry.field(
        description="The same in the variant."
    )
    note: str = strawberry.field(
        description="Why nothing was adjusted, or what was used instead."
    )

    @classmethod
    def of(cls, part: results.AdjustmentSummary) -> "AdjustmentGain":
        """From a report."""
        return cls(
            columns=list(part.columns),
            folded=list(part.folded),
            covered=part.covered,
            variance_reduction=part.variance_reduction,
            control_slope=part.control_slope,
            treatment_slope=part.treatment_slope,
            note=part.note,
        )


def reading_fields(part: results.Reading) -> dict[str, Any]:
    """The fields of `Reading`, for it and for what extends it."""
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
        "std_err": part.standard_error,
        "relative": None if relative is None else Relative.of(relative),
        "unavailable": part.unavailable,
    }
