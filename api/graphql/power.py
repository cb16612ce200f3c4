"""Power analysis: how many units, how long, and what a stopping rule would do."""

import asyncio

import strawberry

from api.context import Context, Info
from api.graphql.experiment_enums import UnitKind
from api.graphql.plan import StoppingRule
from api.graphql.power_parts import PowerAnalysis
from api.policies import Policy
from core.clock import now
from experiments import queries
from experiments.design import MetricRole
from experiments.drafts import Measure
from experiments.errors import DesignInvalid, MetricUnknown
from experiments.freezing import metric_design
from experiments.readiness.baselines import Observed, inside_accounts, observed
from experiments.readiness.queries import accounts_of
from experiments.readiness.questions import (
    MAX_ARMS,
    Baseline,
    Clusters,
    Question,
    Widening,
)
from experiments.readiness.sizing import sized

_READ = {"policy": Policy.READ}
_DAY_SECONDS = 86_400

strawberry.enum(
    Widening,
    description="What an effect does to how much treated units vary.",
)


@strawberry.input(
    description="Units of measurement inside those that are randomised, such as the "
    "users of an account."
)
class ClustersInput:
    """Clusters."""

    size: float = strawberry.field(description="Mean number in one, 1 or more.")
    variation: float = strawberry.field(
        default=0.0, description="Standard deviation of the number over its mean."
    )
    correlation: float = strawberry.field(
        default=0.0, description="Correlation of the values inside one, 0 to 1."
    )

    def clusters(self) -> Clusters:
        """As the domain takes it."""
        return Clusters(self.size, self.variation, self.correlation)


@strawberry.input(
    description="A question of size: a baseline, or a metric whose own is read from "
    "the last weeks of this environment."
)
class PowerAnalysisInput:
    """What powerAnalysis takes."""

    metric: str | None = strawberry.field(
        default=None,
        description="The key of a metric whose values and traffic are read.",
    )
    unit: UnitKind = strawberry.field(
        default=UnitKind.USER, description="Of `metric`: whose values are read."
    )
    baseline: float | None = strawberry.field(
        default=None,
        description="Instead: the control's share, or with `variance` its mean.",
    )
    variance: float | None = strawberry.field(
        default=None, description="Of a unit's value; left out, `baseline` is a share."
    )
    widening: Widening = strawberry.field(
        default=Widening.AMOUNTS,
        description="With `variance`: how much more treated units vary. Of a share, "
        "and of a metric, that is known.",
    )
    minimum_effect: float = strawberry.field(
        description="The smallest difference that matters; negative for a fall."
    )
    relative: bool = strawberry.field(
        default=False,
        description="Whether `minimumEffect` is a share of the baseline.",
    )
    weights: list[float] = strawberry.field(
        default_factory=lambda: [0.5, 0.5],
        description="Shares of the arms, the control's first; they sum to 1.",
    )
    alpha: float = strawberry.field(
        default=0.05, description="Two-sided error rate over all arms."
    )
    power: float = strawberry.field(
        default=0.8, description="Chance of seeing the effect if it is there."
    )
    stopping: StoppingRule = strawberry.field(
        default=StoppingRule.FIXED_HORIZON, description="When it may be decided."
    )
    explained: float | None = strawberry.field(
        default=None,
        description="Share of the variance that the value before exposure explains, "
        "0 to below 1; left out, what was seen of the metric, else none.",
    )
    clusters: ClustersInput | None = strawberry.field(
        default=None, description="Left out, what is randomised is what is measured."
    )
    in_accounts: bool = strawberry.field(
        default=False,
        description="Of `metric`: randomise accounts while users are measured; size "
        "and correlation of accounts are read.",
    )
    daily_units: float | None = strawberry.field(
        default=None,
        description="Units that enrol a day; left out, the metric's traffic.",
    )
    window_days: float = strawberry.field(
        default=0.0, description="Without `metric`: days until a unit's value is whole."
    )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata=_READ,
        description="How many units show an effect, how long that takes at some "
        "traffic, what each week could show, and what the stopping rule would do.",
    )
    async def power_analysis(
        self, info: Info, input: PowerAnalysisInput
    ) -> PowerAnalysis | None:
        """Null, with DESIGN_INVALID and its path, for what no size answers."""
        seen, window = await _seen(info.context, input)
        clusters = await _clusters(info.context, input, seen)
        question = _question(input, seen, clusters)
        daily = _daily(input, seen, clusters)
        size = await asyncio.to_thread(sized, question, daily)
        return PowerAnalysis.of(
            question,
            size,
            daily=daily,
            window_days=window,
            units_seen=None if seen is None else seen.units,
        )


async def _seen(
    context: Context, given: PowerAnalysisInput
) -> tuple[Observed | None, float]:
    """What the metric that is named was like, and how long its window is."""
    if given.metric is None:
        if given.baseline is None:
            raise DesignInvalid("Give a baseline or a metric.", path=("baseline",))
        return None, given.window_days
    if given.baseline is not None or given.variance is not None:
        raise DesignInvalid("Give a baseline or a metric.", path=("metric",))
    async with context.readers() as session:
        found = await queries.metrics_by_keys(
            session, project_id=context.caller.project_id, keys=[given.metric]
        )
        at = await now(session)
    if given.metric not in found:
        raise MetricUnknown(given.metric, path=("metric",))
    design = metric_design(Measure(found[given.metric], MetricRole.PRIMARY, None))
    seen = await observed(
        context.log.studies,
        context.caller.environment_id,
        given.unit,
        design,
        at=at,
    )
    if seen is None:
        raise DesignInvalid(
            "Too few units of this environment have a value of it: give a baseline.",
            path=("metric",),
        )
    if seen.baseline.variance <= 0:
        raise DesignInvalid(
            f"All {seen.units:,} units that were seen have the same value of it: "
            "give a baseline.",
            path=("metric",),
        )
    return seen, design.closes_after.total_seconds() / _DAY_SECONDS


async def _clusters(
    context: Context, given: PowerAnalysisInput, seen: Observed | None
) -> Clusters | None:
    if given.clusters is not None:
        return given.clusters.clusters()
    if not given.in_accounts:
        return None
    path = ("inAccounts",)
    if seen is None or given.unit is not UnitKind.USER:
        raise DesignInvalid("That is read of a metric of users.", path=path)
    async with context.readers() as session:
        accounts = await accounts_of(
            session,
            context.caller.environment_id,
            [str(each) for each in seen.history.ids],
        )
    found = inside_accounts(seen, accounts)
    if found is None:
        raise DesignInvalid("Too few accounts are on record.", path=path)
    return found


def _question(
    given: PowerAnalysisInput, seen: Observed | None, clusters: Clusters | None
) -> Question:
    base = seen.baseline if seen is not None else _assumed(given)
    if len(given.weights) > MAX_ARMS:
        raise DesignInvalid(f"At most {MAX_ARMS} arms.", path=("weights",))
    effect = given.minimum_effect * (abs(base.mean) if given.relative else 1.0)
    explained = given.explained
    if explained is None:
        explained = 0.0 if seen is None else seen.explained
    return Question(
        baseline=base,
        effect=effect,
        weights=tuple(given.weights),
        alpha=given.alpha,
        power=given.power,
        stopping=given.stopping,
        explained=explained,
        clusters=clusters,
    )


def _assumed(given: PowerAnalysisInput) -> Baseline:
    mean = given.baseline or 0.0
    if given.variance is None:
        return Baseline(mean, mean * (1 - mean), binary=True)
    return Baseline.assumed(mean, given.variance, given.widening)


def _daily(
    given: PowerAnalysisInput, seen: Observed | None, clusters: Clusters | None
) -> tuple[float, ...]:
    """Randomised units a day: accounts come in with their users."""
    if given.daily_units is not None:
        if not 0 <= given.daily_units < 1e12:
            raise DesignInvalid("A number of units, 0 or more.", path=("dailyUnits",))
        return (given.daily_units,) if given.daily_units else ()
    if seen is None:
        return ()
    inside = clusters.size if clusters is not None and given.in_accounts else 1.0
    return tuple(each / inside for each in seen.daily)
