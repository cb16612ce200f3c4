"""When a look is due, and what each one makes of every metric and arm."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from experiments.analysis.cuts import FULL_CYCLE, boundary_plan, same_day
from experiments.analysis.dealing import FEW_ACCOUNTS
from experiments.analysis.labels import HorizonState
from experiments.analysis.readings import arm_states, state_of
from experiments.analysis.taken import Line
from experiments.analysis.verdicts import missing
from experiments.analysis.wording import planned
from experiments.design import MetricKind, PhaseDesign, UnitKind
from experiments.events.state import PhaseState


@dataclass(frozen=True, slots=True)
class DueLook:
    """A look that is to be taken now."""

    number: int
    cut: datetime
    horizon: HorizonState


def due_look(
    design: PhaseDesign,
    state: PhaseState,
    lines: Sequence[Line],
    *,
    cut: datetime | None,
) -> DueLook | None:
    """The look to take of this state, or None.

    Args:
        design: The frozen phase.
        state: Its state; at a cut, complete up to exactly that instant.
        lines: What earlier looks made of it.
        cut: The scheduled instant that this is, if it is one.
    """
    if boundary_plan(design) is None:
        ready = not lines and waiting_for(design, state, lines) is None
        return DueLook(1, state.watermark, HorizonState.AT) if ready else None
    last = max(lines, key=lambda line: line.number, default=None)
    number = 1 if last is None else last.number + 1
    if _nothing_more_comes(design, state):
        if last is not None and (_passed(lines) or _is_final(design, last)):
            return None
        return DueLook(number, state.watermark, _horizon(design, state, lines))
    if cut is None or not _may_cut(design, state, last, cut):
        return None
    return DueLook(number, cut, _horizon(design, state, lines))


def _may_cut(
    design: PhaseDesign, state: PhaseState, last: Line | None, cut: datetime
) -> bool:
    """Whether a daily look may be taken of this state."""
    plan = boundary_plan(design)
    if plan is None or cut != state.watermark or design.ended_at is not None:
        return False
    if last is None:
        return _first_waits(design, state) is None
    return last.cut < cut and not same_day(plan, last.cut, cut)


def waiting_for(
    design: PhaseDesign, state: PhaseState, lines: Sequence[Line] = ()
) -> str | None:
    """What the next look waits for, as a clause; None where no look is awaited.

    A single look is due when the primary metric has matured in the planned number of
    units over all arms and a full week has passed, or when the phase is over and
    nothing more can mature. An import is read once it is finished and counted: its
    outcomes may arrive long after the exposures that they belong to.
    """
    if design.imported and not (design.finished_import and state.backlog == 0):
        return "the import is not finished"
    if boundary_plan(design) is not None:
        return _daily(design, state, lines)
    return None if lines else _once(design, state)


def _once(design: PhaseDesign, state: PhaseState) -> str | None:
    matured = matured_units(design, state)
    if matured >= design.units_in_play:
        if design.imported or state.watermark - design.started_at >= FULL_CYCLE:
            return None
        return "less than a full week has passed"
    if _nothing_more_comes(design, state):
        return None
    return _progress(design, matured)


def information(design: PhaseDesign, state: PhaseState) -> float:
    """Matured units over planned ones, at the primary metric.

    Both are of the arms that are left: dropping one neither adds units to the others
    nor takes any from them.
    """
    return matured_units(design, state) / max(design.units_in_play, 1)


def matured_units(design: PhaseDesign, state: PhaseState) -> int:
    """Units whose window has closed in the primary metric, over all arms in play."""
    states = arm_states(state.metrics)
    return sum(state_of(states, design.primary, a.key).raw.n for a in design.in_play)


def _daily(design: PhaseDesign, state: PhaseState, lines: Sequence[Line]) -> str | None:
    if _passed(lines) or (lines and _is_final(design, lines[-1])):
        return None
    if _nothing_more_comes(design, state):
        return None
    if not lines:
        waiting = _first_waits(design, state)
        if waiting is not None:
            return waiting
    return _progress(design, matured_units(design, state))


def _first_waits(design: PhaseDesign, state: PhaseState) -> str | None:
    """What the first daily look waits for beside its hour."""
    if state.watermark - design.started_at < FULL_CYCLE:
        return "less than a full week has passed"
    states = arm_states(state.metrics)
    arms = {a.key: state_of(states, design.primary, a.key) for a in design.in_play}
    control = arms.pop(design.control.key)
    # Below that the look reads the accounts themselves, whatever it finds there.
    dealt = design.unit is UnitKind.ACCOUNT and any(
        arm.raw.n < FEW_ACCOUNTS for arm in (control, *arms.values())
    )
    found = (
        missing(
            design.primary,
            design.unit,
            control,
            treatment,
            survival=state.survival,
            dealt=dealt and design.primary.kind is not MetricKind.QUANTILE,
        )
        for treatment in arms.values()
    )
    return next((each for each in found if each is not None), None)


def _progress(design: PhaseDesign, matured: int) -> str:
    verb = "has" if matured == 1 else "have"
    return (
        f"{matured:,} of {planned(design.units_in_play, design.unit)} "
        f"{verb} been observed for long enough"
    )


def _horizon(
    design: PhaseDesign, state: PhaseState, lines: Sequence[Line]
) -> HorizonState:
    if _passed(lines):
        return HorizonState.AFTER
    if information(design, state) >= 1.0:
        return HorizonState.AT
    return HorizonState.BEFORE


def _passed(lines: Sequence[Line]) -> bool:
    """Whether a look at the horizon was taken."""
    return any(line.horizon is not HorizonState.BEFORE for line in lines)


def _is_final(design: PhaseDesign, line: Line) -> bool:
    """Whether a look was taken after the end, when nothing more could come."""
    return design.ended_at is not None and line.cut >= design.ended_at


def _nothing_more_comes(design: PhaseDesign, state: PhaseState) -> bool:
    """Whether everyone who will ever be in the phase is in the state, and matured.

    A live phase is known up to the watermark, which waits for whatever came before it.
    """
    if any(metric.maturing for metric in state.metrics):
        return False
    if design.imported:
        return True
    return design.ended_at is not None and state.watermark >= design.ended_at
