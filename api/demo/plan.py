"""The demo's experiments: their designs, and the effects that are there."""

from dataclasses import asdict, dataclass
from typing import Any

from experiments.design import (
    Direction,
    MetricKind,
    MetricRole,
    SourceValue,
    UnitKind,
)
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.lifecycle import DecisionOutcome
from experiments.measurement import MetricSpec
from experiments.treatments import TreatmentKind

DAYS = 90
"""How long the company's history is; it ends when the demo is seeded."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The truth about an experiment's primary metric."""

    control: float
    treatment: float
    verdict: str
    """What an analysis with enough data should say."""


@dataclass(frozen=True, slots=True)
class DemoExperiment:
    """An experiment as it was run, in days since the history began."""

    key: str
    name: str
    treatment: TreatmentKind
    unit: UnitKind
    hypothesis: HypothesisSpec
    variants: tuple[VariantSpec, ...]
    measures: tuple[MeasureSpec, ...]
    effect: Effect
    exposed_from: float
    exposed_until: float
    planned_units: int
    stopped_on: float | None = None
    decision: DecisionOutcome | None = None
    note: str = ""
    exposed_users: int | None = None
    """How many of the users come by; all whom it is for without."""
    targeting: dict[str, Any] | None = None

    def changes(self) -> Changes:
        """As the domain takes a draft."""
        return Changes(
            name=self.name,
            unit=self.unit,
            hypothesis=self.hypothesis,
            variants=self.variants,
            measures=self.measures,
            targeting=self.targeting,
            planned_units=self.planned_units,
        )


METRICS: dict[str, MetricSpec] = {
    "paid_conversion": MetricSpec(
        name="Paid conversion",
        kind=MetricKind.RATIO,
        event_name="plan_upgraded",
        direction=Direction.INCREASE,
        denominator_event="member_active",
        denominator_value=SourceValue.ONE,
        window_days=28,
        unit="%",
    ),
    "reports_created": MetricSpec(
        name="Reports created",
        kind=MetricKind.COUNT,
        event_name="report_created",
        direction=Direction.INCREASE,
        window_days=28,
        unit="reports",
    ),
    "aha": MetricSpec(
        name="First shared report",
        kind=MetricKind.CONVERSION,
        event_name="report_shared",
        direction=Direction.INCREASE,
        window_days=7,
    ),
    "checkout": MetricSpec(
        name="Checkout completed",
        kind=MetricKind.CONVERSION,
        event_name="checkout_completed",
        direction=Direction.INCREASE,
        window_days=7,
    ),
    "order_value": MetricSpec(
        name="Order value",
        kind=MetricKind.SUM,
        event_name="checkout_completed",
        value=SourceValue.VALUE,
        direction=Direction.INCREASE,
        window_days=7,
        cap=50_000,
        steps=1,
        unit="USD cents",
    ),
    "help_requests": MetricSpec(
        name="Help requests",
        kind=MetricKind.COUNT,
        event_name="help_requested",
        direction=Direction.DECREASE,
        window_days=7,
        unit="requests",
    ),
}


def _limit(key: str, name: str, value: int, *, is_control: bool) -> VariantSpec:
    return VariantSpec(
        key,
        name,
        0.5,
        is_control,
        {
            "meter": "reports",
            "kind": "FLOW",
            "value": value,
            "window": "MONTH",
            "enforcement": "HARD",
            "disclosure": {"text": f"The free plan has {value} reports a month."},
        },
    )


def _flow(key: str, name: str, version: int, *, is_control: bool) -> VariantSpec:
    invite = [{"key": "invite", "kind": "LIGHTBOX", "title": "Invite your team"}]
    steps = [
        {"key": "connect", "kind": "WALKTHROUGH", "title": "Connect your data"},
        {"key": "share", "kind": "TOOLTIP", "title": "Share your first report"},
    ]
    chosen = steps if is_control else invite + steps
    return VariantSpec(
        key,
        name,
        0.5,
        is_control,
        {"flow": "set-up", "version": version, "steps": chosen},
    )


EXPERIMENTS = (
    DemoExperiment(
        key="reports-limit",
        name="60 free reports a month instead of 100",
        treatment=TreatmentKind.FREEMIUM_LIMIT,
        unit=UnitKind.ACCOUNT,
        hypothesis=HypothesisSpec(
            "Teams that meet the limit sooner see what a paid plan is for, so more of "
            "their members upgrade.",
            "paid_conversion",
            Direction.INCREASE,
            0.005,
        ),
        variants=(
            _limit("hundred", "100 reports", 100, is_control=True),
            _limit("sixty", "60 reports", 60, is_control=False),
        ),
        measures=(
            MeasureSpec("paid_conversion", MetricRole.PRIMARY),
            MeasureSpec("reports_created", MetricRole.SECONDARY),
            MeasureSpec("help_requests", MetricRole.GUARDRAIL),
        ),
        effect=Effect(0.040, 0.048, "SHIP"),
        exposed_from=5,
        exposed_until=40,
        planned_units=2_400,
    ),
    DemoExperiment(
        key="team-setup",
        name="Invite the team before connecting data",
        treatment=TreatmentKind.ONBOARDING_FLOW,
        unit=UnitKind.USER,
        hypothesis=HypothesisSpec(
            "Who invites colleagues first has somebody to share a first report with.",
            "aha",
            Direction.INCREASE,
            0.03,
        ),
        variants=(
            _flow("data-first", "Set-up with data first", 1, is_control=True),
            _flow("team-first", "Set-up with the team first", 2, is_control=False),
        ),
        measures=(
            MeasureSpec("aha", MetricRole.PRIMARY),
            MeasureSpec("help_requests", MetricRole.GUARDRAIL),
        ),
        effect=Effect(0.35, 0.35, "NO_MEANINGFUL_DIFFERENCE"),
        exposed_from=10,
        exposed_until=60,
        planned_units=7_500,
        stopped_on=75,
        targeting={"newcomer": True},
    ),
    DemoExperiment(
        key="pin-cart",
        name="Pin the cart to the page",
        treatment=TreatmentKind.FEATURE,
        unit=UnitKind.USER,
        hypothesis=HypothesisSpec(
            "A cart that stays in sight is finished more often.",
            "checkout",
            Direction.INCREASE,
            0.005,
        ),
        variants=(
            VariantSpec("loose", "Cart in the menu", 0.5, True, {"value": False}),
            VariantSpec("pinned", "Cart pinned", 0.5, False, {"value": True}),
        ),
        measures=(
            MeasureSpec("checkout", MetricRole.PRIMARY),
            MeasureSpec("order_value", MetricRole.SECONDARY),
            MeasureSpec("help_requests", MetricRole.GUARDRAIL),
        ),
        effect=Effect(0.040, 0.048, "SHIP"),
        exposed_from=15,
        exposed_until=65,
        planned_units=20_000,
        stopped_on=80,
        decision=DecisionOutcome.SHIP,
        note="More carts are finished. Support has seen nothing unusual.",
    ),
)
"""Those in which something really happens, or is shown not to."""


def _switch(key: str, name: str) -> tuple[VariantSpec, ...]:
    return (
        VariantSpec("off", "As before", 0.5, True, {"value": False}),
        VariantSpec(key, name, 0.5, False, {"value": True}),
    )


OTHERS = (
    DemoExperiment(
        key="help-button",
        name="A help button on every page",
        treatment=TreatmentKind.FEATURE,
        unit=UnitKind.USER,
        hypothesis=HypothesisSpec(
            "Who finds help at once asks for it less often later.",
            "help_requests",
            Direction.DECREASE,
            0.01,
        ),
        variants=_switch("on", "Button on every page"),
        measures=(MeasureSpec("help_requests", MetricRole.PRIMARY),),
        effect=Effect(0.062, 0.062, "INCONCLUSIVE"),
        exposed_from=30,
        exposed_until=37,
        planned_units=8_000,
        stopped_on=45,
        decision=DecisionOutcome.INCONCLUSIVE,
        note="The page was redesigned before enough people had come by.",
        exposed_users=800,
    ),
    DemoExperiment(
        key="search-first",
        name="Start on the search instead of the list",
        treatment=TreatmentKind.FEATURE,
        unit=UnitKind.USER,
        hypothesis=HypothesisSpec(
            "Who searches finds a report sooner, and creates more of them.",
            "reports_created",
            Direction.INCREASE,
            0.1,
        ),
        variants=_switch("search", "Search first"),
        measures=(
            MeasureSpec("reports_created", MetricRole.PRIMARY),
            MeasureSpec("help_requests", MetricRole.GUARDRAIL),
        ),
        effect=Effect(0.78, 0.78, "KEEP_RUNNING"),
        exposed_from=86,
        exposed_until=90,
        planned_units=16_000,
        exposed_users=1_600,
    ),
)
"""Those that say nothing: one ended too early, one has only begun."""

DRAFT = "weekly-digest"


def draft() -> Changes:
    """What somebody is still writing: it has no size, and nobody has agreed to it."""
    return Changes(
        name="A weekly digest by mail",
        hypothesis=HypothesisSpec(
            "Who is told what changed comes back to look at it.",
            "reports_created",
            Direction.INCREASE,
            0.1,
        ),
        variants=_switch("digest", "Digest every Monday"),
        measures=(
            MeasureSpec("reports_created", MetricRole.PRIMARY),
            MeasureSpec("help_requests", MetricRole.GUARDRAIL),
        ),
    )


def truth() -> dict[str, Any]:
    """What really moves what, for a file that no part of the product reads."""
    return {
        experiment.key: {
            "metric": experiment.hypothesis.metric_key,
            "unit": experiment.unit.value,
            **asdict(experiment.effect),
            "trueDifference": round(
                experiment.effect.treatment - experiment.effect.control, 6
            ),
        }
        for experiment in (*EXPERIMENTS, *OTHERS)
    }
