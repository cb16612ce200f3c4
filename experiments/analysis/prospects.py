"""Whether going on can still change the answer; advice that binds nobody."""

import math
from datetime import timedelta

from experiments.analysis.attempts import treatments
from experiments.analysis.cuts import boundary_plan
from experiments.analysis.labels import HorizonState
from experiments.analysis.results import Futility
from experiments.analysis.sequence import final_critical, points_of
from experiments.analysis.taken import Taken
from experiments.design import PhaseDesign
from experiments.events.state import PhaseState
from experiments.statistics.errors import StatisticsError
from experiments.statistics.futility import EARLIEST, FUTILE, predictive_power

_DAY = timedelta(days=1)


def foresee(design: PhaseDesign, state: PhaseState, taken: Taken) -> Futility | None:
    """The chance that the most promising arm still crosses, at the newest look.

    None before half of the planned units, at the horizon and after a crossing.
    """
    plan = boundary_plan(design)
    if plan is None or not taken or design.ended_at is not None:
        return None
    found = [
        futility
        for arm in treatments(design)
        if (futility := _of_arm(design, state, taken, arm.key)) is not None
    ]
    crossed = any(line.crossed for line in taken.lines)
    if crossed or len(found) < len(treatments(design)):
        return None
    return max(found, key=lambda each: each.predictive_power)


def _of_arm(
    design: PhaseDesign, state: PhaseState, taken: Taken, arm: str
) -> Futility | None:
    plan = boundary_plan(design)
    lines = taken.of(design.primary, arm)
    last = lines[-1]
    if plan is None or last.horizon is not HorizonState.BEFORE:
        return None
    if not EARLIEST <= last.fraction < 1.0 or last.statistic is None:
        return None
    if last.level is None or last.information is None:
        return None
    try:
        critical = final_critical(plan, points_of(lines), last.level)
        power = predictive_power(
            last.statistic, fraction_done=last.fraction, critical=critical
        )
    except StatisticsError:
        return None
    days = _days_left(design, state, last.fraction)
    futile = power < FUTILE
    return Futility(
        arm, power, last.fraction, days, futile, _text(days) if futile else ""
    )


def _days_left(design: PhaseDesign, state: PhaseState, fraction: float) -> int | None:
    """Days to the planned number at the pace so far."""
    began = design.started_at + design.primary.closes_after
    running = state.watermark - began
    if running <= timedelta(0) or fraction <= 0.0:
        return None
    return math.ceil(round(running / _DAY * (1.0 - fraction) / fraction, 6))


def _text(days: int | None) -> str:
    if days is None:
        return "Going on will hardly change this: stop."
    unit = "day" if days == 1 else "days"
    return f"Going on will hardly change this: stop to save {days:,} {unit}."
