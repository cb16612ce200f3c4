"""An experiment with its parts, as a person writes it and as rules read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.design import Direction, MetricRole, UnitKind
from experiments.models import Experiment, Layer, Metric, Variant
from experiments.plan import AnalysisPlan, HarmAction, MarginKind, plan_of


@dataclass(frozen=True, slots=True)
class HypothesisSpec:
    """What is expected; parts may still be missing in a draft."""

    statement: str = ""
    metric_key: str | None = None
    direction: Direction | None = None
    minimum_effect: float | None = None


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """An arm to be."""

    key: str
    name: str
    weight: float
    is_control: bool
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MeasureSpec:
    """A metric to be measured, by key; a margin makes a guardrail prove itself."""

    metric_key: str
    role: MetricRole
    margin: float | None = None
    margin_kind: MarginKind = MarginKind.ABSOLUTE
    harm_action: HarmAction = HarmAction.ALERT


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """Slots of a layer: these ranges, or the first free part of this size.

    Without a key the experiment leaves its layer.
    """

    key: str | None
    ranges: Sequence[Sequence[float]] | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class PrerequisiteSpec:
    """Another experiment, of which a subject must have one of the variants."""

    experiment_key: str
    variants: Sequence[str]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric with its part in an experiment."""

    metric: Metric
    role: MetricRole
    margin: float | None
    margin_kind: MarginKind = MarginKind.ABSOLUTE
    harm_action: HarmAction = HarmAction.ALERT


@dataclass(frozen=True, slots=True)
class Draft:
    """An experiment, its arms in order and what it measures in order."""

    experiment: Experiment
    variants: tuple[Variant, ...]
    measures: tuple[Measure, ...]
    layer: Layer | None = None

    @property
    def hypothesis(self) -> HypothesisSpec:
        """The hypothesis so far."""
        return HypothesisSpec(
            statement=self.experiment.statement,
            metric_key=self.experiment.hypothesis_metric,
            direction=self.experiment.hypothesis_direction,
            minimum_effect=self.experiment.minimum_effect,
        )

    @property
    def primaries(self) -> tuple[Measure, ...]:
        """The metrics that are meant to decide."""
        return tuple(m for m in self.measures if m.role is MetricRole.PRIMARY)

    @property
    def plan(self) -> AnalysisPlan:
        """How it will be analysed."""
        return plan_of(self.experiment.plan)

    def facts(self) -> dict[str, Any]:
        """What the audit trail remembers of it."""
        experiment = self.experiment
        return {
            "name": experiment.name,
            "status": experiment.status,
            "unit": experiment.unit,
            "statement": experiment.statement,
            "hypothesis_metric": experiment.hypothesis_metric,
            "hypothesis_direction": experiment.hypothesis_direction,
            "minimum_effect": experiment.minimum_effect,
            "targeting": experiment.targeting,
            "coverage": experiment.coverage,
            "planned_units": experiment.planned_units,
            "plan": experiment.plan,
            "area": experiment.area,
            "exempt_from_holdouts": experiment.exempt_from_holdouts,
            "layer": self.layer
            and {"key": self.layer.key, "ranges": experiment.layer_ranges},
            "prerequisites": experiment.prerequisites,
            "variants": [
                [v.key, v.name, v.weight, v.is_control, v.payload]
                for v in self.variants
            ],
            "metrics": [
                [m.metric.key, m.role, m.margin, m.margin_kind, m.harm_action]
                for m in self.measures
            ],
            "version": experiment.version,
        }


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change: None leaves as it is, an empty targeting lets everyone in."""

    name: str | None = None
    unit: UnitKind | None = None
    hypothesis: HypothesisSpec | None = None
    variants: Sequence[VariantSpec] | None = None
    measures: Sequence[MeasureSpec] | None = None
    targeting: Mapping[str, Any] | None = None
    coverage: float | None = None
    planned_units: int | None = None
    plan: AnalysisPlan | None = None
    """How it will be analysed, whole."""
    area: str | None = None
    """An empty one puts it into no area."""
    layer: LayerSpec | None = None
    prerequisites: Sequence[PrerequisiteSpec] | None = None
    exempt_from_holdouts: bool | None = None
    exemption_reason: str = ""

    @property
    def touches_design(self) -> bool:
        """Whether it changes what a start freezes."""
        design = (
            self.unit,
            self.hypothesis,
            self.variants,
            self.measures,
            self.targeting,
            self.planned_units,
            self.plan,
            self.area,
            self.layer,
            self.prerequisites,
            self.exempt_from_holdouts,
        )
        return any(part is not None for part in design)
