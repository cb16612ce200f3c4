"""Looks, impact, futility and alarms of a snapshot as they are read."""

from datetime import datetime

import strawberry

from api.graphql.plan import HarmAction
from api.graphql.result_enums import HorizonState
from api.policies import Policy, policed
from experiments.analysis import results


@policed(Policy.READ)
@strawberry.type(
    description="One variant's primary statistic at a look, against its boundary: what "
    "a plot of the boundary is drawn from."
)
class LookPoint:
    """A point of the plot."""

    variant: str = strawberry.field(description="The variant's key.")
    statistic: float | None = strawberry.field(
        description="The effect over its standard error."
    )
    boundary: float | None = strawberry.field(
        description="What its size has to reach; null where the look cannot reject."
    )
    information: float | None = strawberry.field(
        description="1 / standard error squared."
    )
    crossed: bool = strawberry.field(description="Whether it reached it.")

    @classmethod
    def of(cls, part: results.LookArm) -> "LookPoint":
        """From a report."""
        return cls(
            variant=part.arm,
            statistic=part.statistic,
            boundary=part.boundary,
            information=part.information,
            crossed=part.crossed,
        )


@policed(Policy.READ)
@strawberry.type(
    description="One reading that spent error rate. Between looks nothing is concluded."
)
class Look:
    """A row of the looks."""

    number: int = strawberry.field(description="Counts up from 1.")
    cut: datetime = strawberry.field(description="What it could see ended here.")
    at: datetime = strawberry.field(description="When it was taken.")
    information: float = strawberry.field(description="Matured over planned units.")
    alpha_spent: float = strawberry.field(description="Error rate spent by then.")
    horizon: HorizonState = strawberry.field(
        description="Where it stands to the planned number of units."
    )
    variants: list[LookPoint] = strawberry.field(
        description="Each variant against its boundary; empty while effects are hidden."
    )

    @classmethod
    def of(cls, part: results.LookSummary) -> "Look":
        """From a report."""
        return cls(
            number=part.number,
            cut=part.cut,
            at=part.at,
            information=part.information,
            alpha_spent=part.alpha_spent,
            horizon=part.horizon,
            variants=[LookPoint.of(each) for each in part.arms],
        )


@policed(Policy.READ)
@strawberry.type(
    description="What shipping a variant would bring in the primary metric, over "
    "everyone and not only those exposed: from the reading that counts at the look, "
    "which after an early stop is the median-unbiased one."
)
class Impact:
    """A diluted effect."""

    variant: str = strawberry.field(description="The variant's key.")
    trigger_rate: float | None = strawberry.field(
        description="Units that meet the change, of all units seen since the phase "
        "began, as if everyone took part; null where nobody else was counted."
    )
    diluted_effect: float | None = strawberry.field(
        description="The effect per unit seen; null where values do not add up."
    )
    units_per_month: float | None = strawberry.field(
        description="Units that would meet the change in the 30 days before the look."
    )
    per_month: float | None = strawberry.field(
        description="The effect over all of them, in the metric's unit."
    )
    ci_low: float | None = strawberry.field(description="Lower end of it.")
    ci_high: float | None = strawberry.field(description="Upper end of it.")
    unbiased: bool = strawberry.field(
        description="Whether it was corrected for an early stop."
    )
    note: str = strawberry.field(description="What limits it; empty for nothing.")

    @classmethod
    def of(cls, part: results.Impact) -> "Impact":
        """From a report."""
        return cls(
            variant=part.arm,
            trigger_rate=part.trigger_rate,
            diluted_effect=part.diluted_effect,
            units_per_month=part.units_per_month,
            per_month=part.per_month,
            ci_low=part.low,
            ci_high=part.high,
            unbiased=part.unbiased,
            note=part.note,
        )


@policed(Policy.READ)
@strawberry.type(description="How likely a win has become; advice that binds nobody.")
class Futility:
    """A forecast at the newest look."""

    variant: str = strawberry.field(description="The most promising variant's key.")
    predictive_power: float = strawberry.field(
        description="Chance that it crosses by the planned number of units."
    )
    information: float = strawberry.field(description="Matured over planned units.")
    saved_days: int | None = strawberry.field(
        description="Days that stopping now saves, at the pace so far."
    )
    futile: bool = strawberry.field(description="Whether going on hardly pays.")
    text: str = strawberry.field(description="Said in a sentence; empty unless futile.")

    @classmethod
    def of(cls, part: results.Futility) -> "Futility":
        """From a report."""
        return cls(
            variant=part.arm,
            predictive_power=part.predictive_power,
            information=part.information,
            saved_days=part.saved_days,
            futile=part.futile,
            text=part.text,
        )


@policed(Policy.READ)
@strawberry.type(description="A guardrail that got worse beyond doubt, once for ever.")
class HarmAlarm:
    """What rang."""

    metric: str = strawberry.field(description="The guardrail's key.")
    variant: str = strawberry.field(description="The variant's key.")
    action: HarmAction = strawberry.field(description="What is to be done about it.")
    bound: float | None = strawberry.field(
        description="The difference at its best; null while effects are hidden."
    )
    at: datetime = strawberry.field(description="When it rang.")

    @classmethod
    def of(cls, part: results.Alarm, *, shown: bool) -> "HarmAlarm":
        """From a report."""
        return cls(
            metric=part.metric_key,
            variant=part.arm,
            action=part.action,
            bound=part.bound if shown else None,
            at=part.at,
        )
