"""How an experiment is analysed: the plan as it is written and as it is read."""

import strawberry

from api.policies import Policy, policed
from experiments import plan as plans
from experiments.plan import Adjustment, HarmAction, MarginKind, StoppingRule

strawberry.enum(
    StoppingRule,
    description="When an effect may decide before the planned units are there. "
    "FIXED_HORIZON reads once, at the end; the others every day, OBRIEN_FLEMING "
    "against a boundary that is hard at first, POCOCK one that is nearly level.",
)
strawberry.enum(
    Adjustment,
    description="What an estimate is adjusted for. LIN: the value before exposure, "
    "whether there is one, and the strata.",
)
strawberry.enum(
    MarginKind,
    description="What a margin is measured in. RELATIVE: a share of the control's "
    "value, which is itself estimated.",
)
strawberry.enum(
    HarmAction, description="What happens when a guardrail's harm alarm rings."
)

__all__ = [
    "Adjustment",
    "AnalysisPlan",
    "AnalysisPlanInput",
    "Dimension",
    "DimensionInput",
    "HarmAction",
    "MarginKind",
    "StoppingRule",
]

_DEFAULT = plans.AnalysisPlan()


@policed(Policy.READ)
@strawberry.type(
    description="An attribute at exposure. A value that is not listed is in the level "
    "`other`, a missing one in `unknown`."
)
class Dimension:
    """One dimension of a plan."""

    key: str = strawberry.field(description="For programs.")
    attribute: str = strawberry.field(description="What exposures carry.")
    levels: list[str] = strawberry.field(
        description="Fixed at the start; a draft that lists none gets the most "
        "frequent values among the people on record."
    )
    stratum: bool = strawberry.field(
        description="Whether the estimate is adjusted for it."
    )
    segment: bool = strawberry.field(
        description="Whether the effect is shown by level, as one of a family."
    )


@policed(Policy.READ)
@strawberry.type(
    description="The choices that decide what a number means; frozen and hashed with "
    "the design."
)
class AnalysisPlan:
    """A plan."""

    stopping: StoppingRule = strawberry.field(description="When an effect may decide.")
    alpha: float = strawberry.field(
        description="Two-sided error rate of the primary hypothesis."
    )
    power: float = strawberry.field(
        description="Chance of seeing the smallest effect that matters, if it is there."
    )
    look_hour: int = strawberry.field(
        description="Local hour of the daily look, 0 to 23."
    )
    time_zone: str | None = strawberry.field(
        description="IANA name: the project's when the phase began; null in a draft."
    )
    adjustment: Adjustment = strawberry.field(description="Of the estimate.")
    lookback_days: int = strawberry.field(
        description="Days before exposure whose value is adjusted for; 0 uses none."
    )
    dimensions: list[Dimension] = strawberry.field(description="In order.")
    prior_deviation: float = strawberry.field(
        description="Standard deviation of the Bayesian reading's prior on the "
        "relative lift."
    )
    interim: bool = strawberry.field(
        description="Whether the effect is shown at every look; else only at the end."
    )

    @classmethod
    def of(
        cls, plan: plans.AnalysisPlan, *, time_zone: str | None = None
    ) -> "AnalysisPlan":
        """From the domain's."""
        return cls(
            stopping=plan.stopping,
            alpha=plan.alpha,
            power=plan.power,
            look_hour=plan.look_hour,
            time_zone=time_zone,
            adjustment=plan.adjustment,
            lookback_days=plan.lookback_days,
            dimensions=[
                Dimension(
                    key=each.key,
                    attribute=each.attribute,
                    levels=list(each.levels),
                    stratum=each.stratum,
                    segment=each.segment,
                )
                for each in plan.dimensions
            ],
            prior_deviation=plan.prior_deviation,
            interim=plan.interim,
        )


@strawberry.input(description="An attribute at exposure, and what it is used for.")
class DimensionInput:
    """One dimension."""

    key: str = strawberry.field(description="For programs; once in a plan.")
    attribute: str = strawberry.field(description="What exposures carry.")
    levels: list[str] = strawberry.field(
        default_factory=list,
        description="At most 20; left out, the start lists the most frequent values "
        "among the people on record.",
    )
    stratum: bool = strawberry.field(
        default=False, description="Whether the estimate is adjusted for it."
    )
    segment: bool = strawberry.field(
        default=True, description="Whether the effect is shown by level."
    )

    def dimension(self) -> plans.Dimension:
        """As the domain takes it."""
        return plans.Dimension(
            self.key, self.attribute, tuple(self.levels), self.stratum, self.segment
        )


@strawberry.input(
    description="How an experiment is analysed, whole: what is left out has its "
    "default."
)
class AnalysisPlanInput:
    """A plan to write down."""

    stopping: StoppingRule = strawberry.field(
        default=_DEFAULT.stopping, description="When an effect may decide."
    )
    alpha: float = strawberry.field(
        default=_DEFAULT.alpha,
        description="Two-sided error rate, above 0 and below 0.5.",
    )
    power: float = strawberry.field(
        default=_DEFAULT.power,
        description="Chance of seeing the smallest effect that matters: 0.5 or more, "
        "and below 1.",
    )
    look_hour: int = strawberry.field(
        default=_DEFAULT.look_hour,
        description="Hour of the daily look in the project's time zone, 0 to 23.",
    )
    adjustment: Adjustment = strawberry.field(
        default=_DEFAULT.adjustment, description="Of the estimate."
    )
    lookback_days: int = strawberry.field(
        default=_DEFAULT.lookback_days,
        description="Days before exposure whose value is adjusted for, 0 to 90.",
    )
    dimensions: list[DimensionInput] = strawberry.field(
        default_factory=list,
        description="At most 8. Those that are strata have 10 columns together: one "
        "for each level and one for all others.",
    )
    prior_deviation: float = strawberry.field(
        default=_DEFAULT.prior_deviation,
        description="Standard deviation of the prior on the relative lift; above 0 "
        "and at most 10.",
    )
    interim: bool = strawberry.field(
        default=_DEFAULT.interim,
        description="Whether the effect is shown at every look.",
    )

    def plan(self) -> plans.AnalysisPlan:
        """As the domain takes it."""
        return plans.AnalysisPlan(
            stopping=self.stopping,
            alpha=self.alpha,
            power=self.power,
            look_hour=self.look_hour,
            adjustment=self.adjustment,
            lookback_days=self.lookback_days,
            dimensions=tuple(each.dimension() for each in self.dimensions),
            prior_deviation=self.prior_deviation,
            interim=self.interim,
        )
