"""The states of an experiment, without a database."""

import pytest

from core.problems import IllegalTransition
from experiments.lifecycle import (
    TRANSITIONS,
    ExperimentStatus,
    Step,
    allowed_transitions,
    target_of,
)

S = ExperimentStatus


def test_a_draft_may_start_or_be_put_away() -> None:
    assert allowed_transitions(S.DRAFT) == (S.RUNNING, S.ARCHIVED)


def test_a_running_experiment_is_paused_or_stopped_but_never_decided() -> None:
    assert set(allowed_transitions(S.RUNNING)) == {S.PAUSED, S.STOPPED}
    with pytest.raises(IllegalTransition) as refused:
        target_of(S.RUNNING, Step.DECIDE)
    assert (refused.value.source, refused.value.target) == ("RUNNING", "DECIDED")


@pytest.mark.parametrize("source", list(S))
@pytest.mark.parametrize("step", list(Step))
def test_a_step_leads_where_the_table_says_or_is_refused(source: S, step: Step) -> None:
    transition = TRANSITIONS[step]
    if source in transition.sources:
        assert target_of(source, step) is transition.target
        leads_on = transition.target is not source
        assert (transition.target in allowed_transitions(source)) is leads_on
    else:
        with pytest.raises(IllegalTransition):
            target_of(source, step)


def test_nothing_leaves_the_archive() -> None:
    assert allowed_transitions(S.ARCHIVED) == ()


def test_only_an_operator_pauses_and_says_why() -> None:
    assert TRANSITIONS[Step.PAUSE].role == "OPERATOR"
    assert TRANSITIONS[Step.PAUSE].needs_reason
    assert TRANSITIONS[Step.STOP].needs_reason
