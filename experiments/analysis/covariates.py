"""What an estimate is adjusted for: the days before exposure, and the strata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments.analysis.effects import Effect, effect_from, steps
from experiments.analysis.estimates import AdjustmentSummary
from experiments.design import MetricDesign, MetricKind
from experiments.events.state import Sums
from experiments.plan import MAX_STRATA_COLUMNS, UNKNOWN, Adjustment, AnalysisPlan
from experiments.statistics.adjustment import Adjusted, lin
from experiments.statistics.crossproducts import CrossProducts, rare_levels
from experiments.statistics.errors import StatisticsError
from experiments.statistics.proportions import MINIMUM_CELL
from experiments.statistics.ratio_adjustment import ratio_lin

RARE = 20
"""Units that a level needs in each arm; below it counts with the others."""

_UNADJUSTED = {MetricKind.QUANTILE, MetricKind.TIME_TO_EVENT}

Strata = Mapping[str, Sums]
"""Sums by combination of levels, as the log writes them."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm's decisive sums, in all and by combination of the strata's levels."""

    sums: Sums
    strata: Strata


@dataclass(frozen=True, slots=True)
class StrataLevel:
    """One indicator column: a place in the combinations, and what it is called."""

    dimension: int
    place: int
    name: str

    def holds(self, combination: str) -> bool:
        """Whether a unit with these places in the strata is in the level."""
        return combination.split(".")[self.dimension] == str(self.place)


def is_adjusted(metric: MetricDesign, plan: AnalysisPlan | None) -> bool:
    """Whether the plan adjusts this metric's estimate."""
    if plan is None or plan.adjustment is Adjustment.NONE:
        return False
    return metric.kind not in _UNADJUSTED


def adjust(
    metric: MetricDesign, plan: AnalysisPlan, arms: Sequence[Arm], index: int
) -> tuple[Effect | None, AdjustmentSummary]:
    """Compare one arm with the control as if both had the covariates of all.

    Which levels are folded is decided over all arms, so that every comparison has the
    same covariates; counts alone decide.

    Args:
        metric: What is measured.
        plan: What it is adjusted for.
        arms: The control, then the treatment arms.
        index: Which of them is compared with the control.

    Returns:
        None and the reason where the unadjusted reading stands.
    """
    if metric.is_binary and min(_smallest_cell(arms[i].sums) for i in (0, index)) < (
        MINIMUM_CELL
    ):
        return None, AdjustmentSummary((), note="too few conversions to adjust for")
    levels = strata_levels(plan) if all(_has_strata(arm) for arm in arms) else ()
    names = _names(metric, levels)
    found = [_products(metric, arm, levels) for arm in arms]
    first = len(names) - len(levels) + _outcomes(metric)
    rare = rare_levels(found, range(first, first + len(levels)), minimum=RARE)
    kept = [name for at, name in enumerate(names, _outcomes(metric)) if at not in rare]
    pair = [found[i].without(rare) for i in (0, index)]
    compare = ratio_lin if metric.is_ratio else lin
    try:
        control, treatment = (each.centred() for each in pair)
        adjusted = compare(control, treatment, confidence=0.95)
        effect = effect_from(adjusted)
    except StatisticsError as error:
        return None, AdjustmentSummary((), note=error.reason)
    folded = tuple(levels[at - first].name for at in rare)
    covered = _covered(arms) if plan.lookback_days else None
    return effect, _summary(_used(metric, adjusted, kept), adjusted, folded, covered)


def _summary(
    used: tuple[str, ...],
    adjusted: Adjusted,
    folded: tuple[str, ...],
    covered: float | None,
) -> AdjustmentSummary:
    before = bool(used) and used[0] == "before"
    return AdjustmentSummary(
        columns=used,
        folded=folded,
        covered=covered,
        variance_reduction=adjusted.variance_reduction,
        control_slope=adjusted.control_slopes[0] if before else None,
        treatment_slope=adjusted.treatment_slopes[0] if before else None,
        note="" if used else "nothing known before exposure varies",
    )


def _covered(arms: Sequence[Arm]) -> float | None:
    """Share of the units whose days before exposure are in the log."""
    units = sum(arm.sums.n for arm in arms)
    return 1.0 - sum(arm.sums.m for arm in arms) / units if units else None


def _used(
    metric: MetricDesign, adjusted: Adjusted, names: Sequence[str]
) -> tuple[str, ...]:
    """A ratio's two columns before exposure are one covariate there."""
    listed = ["before", *names[2:]] if metric.is_ratio else list(names)
    return tuple(listed[column - 1] for column in adjusted.columns)


def _names(metric: MetricDesign, levels: Sequence[StrataLevel]) -> list[str]:
    before = ["before", "before"] if metric.is_ratio else ["before"]
    return [*before, "not in the log before", *(level.name for level in levels)]


def _outcomes(metric: MetricDesign) -> int:
    return 2 if metric.is_ratio else 1


def strata_levels(plan: AnalysisPlan) -> tuple[StrataLevel, ...]:
    """The indicator columns: listed levels first, so that they fill the plan's room."""
    listed, missing = [], []
    for at, dimension in enumerate(plan.strata):
        for place, level in enumerate(dimension.levels):
            listed.append(StrataLevel(at, place, f"{dimension.key}={level}"))
        unknown = len(dimension.levels) + 1
        missing.append(StrataLevel(at, unknown, f"{dimension.key}={UNKNOWN}"))
    return tuple([*listed, *missing][:MAX_STRATA_COLUMNS])


def _has_strata(arm: Arm) -> bool:
    return bool(arm.strata) and sum(s.n for s in arm.strata.values()) == arm.sums.n


def _products(
    metric: MetricDesign, arm: Arm, levels: Sequence[StrataLevel]
) -> CrossProducts:
    """Exact cross products of the outcome, what was before, and the indicators."""
    s = arm.sums
    unit = steps(metric)
    base = [metric.denominator_steps] if metric.is_ratio else []
    inside = [_inside(metric, arm.strata, level) for level in levels]
    shared = [[_both(arm.strata, one, other) for other in levels] for one in levels]
    rows = [
        *(
            [*row, *(totals[i] for totals, _ in inside)]
            for i, row in enumerate(_plain(metric, s))
        ),
        *([*totals, *both] for (totals, _), both in zip(inside, shared, strict=True)),
    ]
    return CrossProducts(
        n=s.n,
        totals=(*_totals(metric, s), *(n for _, n in inside)),
        products=tuple(tuple(row) for row in rows),
        steps=(unit, *base, unit, *base, 1, *(1 for _ in levels)),
    )


def _plain(metric: MetricDesign, s: Sums) -> list[list[int]]:
    """Products of the outcome and what was before; x and w are 0 where m is 1."""
    if not metric.is_ratio:
        return [[s.yy, s.yx, s.ym], [s.yx, s.xx, 0], [s.ym, 0, s.m]]
    return [
        [s.yy, s.yd, s.yx, s.yw, s.ym],
        [s.yd, s.dd, s.dx, s.dw, s.dm],
        [s.yx, s.dx, s.xx, s.xw, 0],
        [s.yw, s.dw, s.xw, s.ww, 0],
        [s.ym, s.dm, 0, 0, s.m],
    ]


def _totals(metric: MetricDesign, sums: Sums) -> list[int]:
    if metric.is_ratio:
        return [sums.y, sums.d, sums.x, sums.w, sums.m]
    return [sums.y, sums.x, sums.m]


def _inside(
    metric: MetricDesign, strata: Strata, level: StrataLevel
) -> tuple[list[int], int]:
    """Totals over the units of one level, and how many they are."""
    members = [sums for combination, sums in strata.items() if level.holds(combination)]
    columns = [_totals(metric, sums) for sums in members]
    width = len(_totals(metric, Sums()))
    totals = [sum(column[i] for column in columns) for i in range(width)]
    return totals, sum(sums.n for sums in members)


def _both(strata: Strata, one: StrataLevel, other: StrataLevel) -> int:
    return sum(
        sums.n
        for combination, sums in strata.items()
        if one.holds(combination) and other.holds(combination)
    )


def _smallest_cell(sums: Sums) -> int:
    return min(sums.y, sums.n - sums.y)
