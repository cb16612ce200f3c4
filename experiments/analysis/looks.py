"""When the one look is due, and the copy of the state that it keeps."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from experiments.analysis.readings import arm_states, state_of
from experiments.analysis.wording import planned
from experiments.design import PhaseDesign
from experiments.events.state import ArmMetricState, PhaseState, Sums

FULL_CYCLE = timedelta(days=7)
"""A look needs a whole week, so that every weekday is in it."""

_SUMS = ("n", "y", "yy", "d", "dd", "yd")


def waiting_for(design: PhaseDesign, state: PhaseState) -> str | None:
    """What the look is waiting for, as a clause; None when it is due.

    It is due when the primary metric has matured in the planned number of units over
    all arms and a full week has passed, or when the phase is over and nothing more can
    mature. An import is read once it is finished and counted: its outcomes may arrive
    long after the exposures that they belong to.
    """
    if design.imported and not (design.finished_import and state.backlog == 0):
        return "the import is not finished"
    matured = _matured(design, state)
    if matured >= design.planned_units:
        if design.imported or state.watermark - design.started_at >= FULL_CYCLE:
            return None
        return "less than a full week has passed"
    if _is_over(design, state) and not any(m.maturing for m in state.metrics):
        return None
    verb = "has" if matured == 1 else "have"
    return (
        f"{matured:,} of {planned(design.planned_units, design.unit)} "
        f"{verb} been observed for long enough"
    )


def information(design: PhaseDesign, state: PhaseState) -> float:
    """Matured units over planned ones, at the primary metric."""
    return _matured(design, state) / max(design.planned_units, 1)


def state_document(state: ArmMetricState) -> dict[str, Any]:
    """One arm's state as JSON.

    Sums are written as decimal strings: readers that keep numbers as doubles would
    lose digits past 2^53.
    """
    return {
        "arm": state.arm,
        "metric_id": str(state.metric_id),
        "raw": _sums_document(state.raw),
        "capped": None if state.capped is None else _sums_document(state.capped),
        "nonzero": state.nonzero,
        "maturing": state.maturing,
        "refused": state.refused,
    }


def state_from(document: dict[str, Any]) -> ArmMetricState:
    """The state that `state_document` wrote."""
    capped = document["capped"]
    return ArmMetricState(
        arm=document["arm"],
        metric_id=UUID(document["metric_id"]),
        raw=_sums_from(document["raw"]),
        capped=None if capped is None else _sums_from(capped),
        nonzero=document["nonzero"],
        maturing=document["maturing"],
        refused=document["refused"],
    )


def _matured(design: PhaseDesign, state: PhaseState) -> int:
    states = arm_states(state.metrics)
    return sum(state_of(states, design.primary, a.key).raw.n for a in design.arms)


def _is_over(design: PhaseDesign, state: PhaseState) -> bool:
    """Whether everyone who will ever be in the phase is in the state.

    A live phase is known up to the watermark, which waits for whatever came before it.
    """
    if design.imported:
        return True
    return design.ended_at is not None and state.watermark >= design.ended_at


def _sums_document(sums: Sums) -> dict[str, str]:
    return {name: str(getattr(sums, name)) for name in _SUMS}


def _sums_from(document: dict[str, str]) -> Sums:
    return Sums(**{name: int(document[name]) for name in _SUMS})
