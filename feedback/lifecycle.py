"""The states of a backlog item and the steps between them."""

from enum import StrEnum

from core.problems import IllegalTransition
from feedback.errors import ReasonRequired


class BacklogState(StrEnum):
    """Where an item stands on its way from a proposal to the people who asked."""

    PROPOSED = "PROPOSED"
    TRIAGED = "TRIAGED"
    PLANNED = "PLANNED"
    IN_EXPERIMENT = "IN_EXPERIMENT"
    SHIPPED = "SHIPPED"
    MEASURED = "MEASURED"
    CLOSED_LOOP = "CLOSED_LOOP"
    DECLINED = "DECLINED"
    REOPENED = "REOPENED"


_S = BacklogState
STEPS: dict[BacklogState, frozenset[BacklogState]] = {
    _S.PROPOSED: frozenset({_S.TRIAGED, _S.PLANNED, _S.DECLINED}),
    _S.TRIAGED: frozenset({_S.PLANNED, _S.DECLINED}),
    _S.PLANNED: frozenset({_S.IN_EXPERIMENT, _S.SHIPPED, _S.DECLINED}),
    _S.IN_EXPERIMENT: frozenset({_S.PLANNED, _S.SHIPPED, _S.DECLINED}),
    _S.SHIPPED: frozenset({_S.MEASURED, _S.REOPENED}),
    _S.MEASURED: frozenset({_S.CLOSED_LOOP, _S.REOPENED}),
    _S.CLOSED_LOOP: frozenset({_S.REOPENED}),
    _S.DECLINED: frozenset({_S.REOPENED}),
    _S.REOPENED: frozenset({_S.TRIAGED, _S.PLANNED, _S.DECLINED}),
}
_REASONED = frozenset({_S.DECLINED, _S.REOPENED})


def step(source: BacklogState, target: BacklogState, reason: str | None) -> None:
    """Refuse a step that the states do not allow.

    Raises:
        IllegalTransition: There is no such step.
        ReasonRequired: People will be told why, and nobody said.
    """
    if target not in STEPS[source]:
        raise IllegalTransition(source, target)
    if target in _REASONED and not (reason or "").strip():
        raise ReasonRequired(target)
