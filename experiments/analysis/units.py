"""Differences that sums do not give: of quantiles, small arms and few accounts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from experiments.analysis.attempts import treatments
from experiments.analysis.covariates import RARE, is_adjusted, strata_levels
from experiments.analysis.dealing import FEW_ACCOUNTS, accounts_of, held
from experiments.analysis.effects import Effect, effect_from, steps
from experiments.analysis.readings import arm_states, state_of
from experiments.design import MetricDesign, MetricKind, PhaseDesign, UnitKind
from experiments.events.state import PhaseState
from experiments.events.study_units import UnitValues
from experiments.plan import AnalysisPlan
from experiments.statistics import clusters
from experiments.statistics.adjustment import SMALL_ARM
from experiments.statistics.clusters import Accounts, account_variance, bell_mccaffrey
from experiments.statistics.differences import Method
from experiments.statistics.errors import StatisticsError
from experiments.statistics.leverage import lin_by_unit
from experiments.statistics.proportions import MINIMUM_CELL
from experiments.statistics.quantiles import compare_quantiles, quantile_estimate
from experiments.statistics.samples import Estimate

LARGE_ARM = 1_000
"""Units from which sums say as much of an adjusted variance as the values do."""

LIMIT = 200_000
"""Units whose values are read at most; quantiles of more are not read."""

Floats = NDArray[np.float64]


def metrics_by_unit(design: PhaseDesign, state: PhaseState) -> tuple[MetricDesign, ...]:
    """The metrics whose look reads the values of single units."""
    return tuple(m for m in design.metrics if _reads_units(design, state, m))


def measure(
    design: PhaseDesign, metric: MetricDesign, values: UnitValues
) -> dict[str, Effect]:
    """Each treatment arm's difference, from units' values; without those that fail."""
    found = {}
    for arm in treatments(design):
        places = [values.arms.index(key) for key in (design.control.key, arm.key)]
        try:
            found[arm.key] = _effect(design, metric, values, places)
        except StatisticsError:
            continue
    return found


def agrees(
    design: PhaseDesign, metric: MetricDesign, state: PhaseState, values: UnitValues
) -> bool:
    """Whether values are those of the state, which may have moved in between."""
    states = arm_states(state.metrics)
    for place, key in enumerate(values.arms):
        inside = values.arm == place
        raw = state_of(states, metric, key).raw
        if int(inside.sum()) != raw.n or int(values.y[inside].sum()) != raw.y:
            return False
    return True


def _reads_units(design: PhaseDesign, state: PhaseState, metric: MetricDesign) -> bool:
    """Counts alone decide, and the outcome only where it is a count of conversions."""
    states, plan = arm_states(state.metrics), design.plan
    arms = [state_of(states, metric, arm.key) for arm in design.in_play]
    fewest = min(arm.raw.n for arm in arms)
    # All that are read: those of arms that were dropped are among them.
    units = sum(state_of(states, metric, arm.key).raw.n for arm in design.arms)
    if metric.kind is MetricKind.QUANTILE:
        return 0 < units <= LIMIT
    if fewest < 2 or units > LIMIT:
        return False
    by_account, adjusted = design.unit is UnitKind.ACCOUNT, is_adjusted(metric, plan)
    if by_account and fewest < FEW_ACCOUNTS:
        return True
    if metric.is_ratio:
        return by_account and fewest < clusters.CORRECTED_ACCOUNTS and not adjusted
    known = plan is not None and adjusted and (plan.lookback_days or plan.strata)
    if not (known and SMALL_ARM <= fewest < LARGE_ARM):
        return False
    cells = [cell for arm in arms for cell in (arm.raw.y, arm.raw.n - arm.raw.y)]
    return not metric.is_binary or min(cells) >= MINIMUM_CELL


def _effect(
    design: PhaseDesign, metric: MetricDesign, values: UnitValues, places: Sequence[int]
) -> Effect:
    inside = [values.arm == place for place in places]
    if metric.kind is MetricKind.QUANTILE:
        return _quantile(metric, [values.y[rows] / steps(metric) for rows in inside])
    left = [values.arms.index(arm.key) for arm in design.in_play]
    fewest = min(int((values.arm == at).sum()) for at in left)
    dealt = design.unit is UnitKind.ACCOUNT and fewest < FEW_ACCOUNTS
    if dealt or metric.is_ratio:
        arms = [_account(metric, values, rows) for rows in inside]
        return _accounts(arms, dealt=dealt)
    table = _columns(design.plan, metric, values, left)
    return effect_from(lin_by_unit(table[inside[0]], table[inside[1]], confidence=0.95))


def _columns(
    plan: AnalysisPlan | None,
    metric: MetricDesign,
    values: UnitValues,
    left: Sequence[int],
) -> Floats:
    """Every unit's outcome, what was before, and the indicators of its levels.

    They are those of `covariates.adjust`: a level that is rare in some arm that is left
    counts with the others.
    """
    y = values.y if metric.cap is None else values.capped_y
    scale = float(steps(metric))
    columns = [y / scale, values.x / scale, values.m.astype(np.float64)]
    levels = strata_levels(plan) if plan is not None and len(values.strata) else ()
    known, code = np.unique(values.strata.astype(str), return_inverse=True)
    for level in levels:
        holds = np.array([level.holds(each) for each in known], dtype=np.bool_)[code]
        counts = np.bincount(values.arm[holds], minlength=len(values.arms))
        if counts[left].min() >= RARE:
            columns.append(holds.astype(np.float64))
    return np.column_stack(columns)


def _quantile(metric: MetricDesign, arms: Sequence[Floats]) -> Effect:
    share = metric.quantile or 0.5
    control, treatment = (quantile_estimate(each, quantile=share) for each in arms)
    found = compare_quantiles(control, treatment, confidence=0.95)
    return Effect(
        method=found.method,
        value=found.value,
        standard_error=found.standard_error,
        degrees=found.degrees,
        control=control,
        treatment=treatment,
    )


def _account(
    metric: MetricDesign, values: UnitValues, rows: NDArray[np.bool_]
) -> Accounts:
    """Accounts that counted in the denominator, which alone have a mean.

    Where the metric is no ratio, each of them counts once.
    """
    y = values.y if metric.cap is None else values.capped_y
    if not metric.is_ratio:
        return Accounts(y[rows] / float(steps(metric)), np.ones(int(rows.sum())))
    used = rows & (values.d > 0)
    return Accounts(
        totals=y[used] / float(steps(metric)),
        sizes=values.d[used] / float(metric.denominator_steps),
    )


def _accounts(arms: Sequence[Accounts], *, dealt: bool) -> Effect:
    """CR2's estimate and error; where accounts are few, with all that a deal needs."""
    kept = [held(each) for each in arms]
    control, treatment = (accounts_of(each) for each in kept)
    found = bell_mccaffrey(control, treatment, confidence=0.95)
    estimates = [
        Estimate(
            each.totals.size,
            float(each.totals.sum() / each.sizes.sum()),
            account_variance(each)[0],
        )
        for each in (control, treatment)
    ]
    return Effect(
        method=Method.PERMUTATION if dealt else found.method,
        value=found.value,
        standard_error=found.standard_error,
        degrees=found.degrees,
        control=estimates[0],
        treatment=estimates[1],
        accounts=(kept[0], kept[1]) if dealt else None,
    )
