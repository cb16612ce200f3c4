"""The states of an experiment, without a database."""

import pytest

from core.problems import IllegalTransition
from core.tenancy import Governance
from experiments.lifecycle import (
    BY_THE_SERVICE,
    TRANSITIONS,
    DecisionOutcome,
    ExperimentStatus,
    Standing,
    Step,
    allowed_transitions,
    leads_on,
    target_of,
)

S = ExperimentStatus
G = Governance


def test_a_draft_that_one_works_on_alone_may_start() -> None:
    assert allowed_transitions(Standing(S.DRAFT)) == (
        S.IN_REVIEW,
        S.SCHEDULED,
        S.RUNNING,
        S.ARCHIVED,
    )


@pytest.mark.parametrize("governance", [G.TEAM, G.STRICT])
def test_a_draft_of_a_team_is_submitted_first(governance: Governance) -> None:
    standing = Standing(S.DRAFT, governance)
    assert allowed_transitions(standing) == (S.IN_REVIEW, S.ARCHIVED)
    approved = Standing(S.APPROVED, governance, in_review=True, approved=True)
    assert allowed_transitions(approved) == (S.DRAFT, S.SCHEDULED, S.RUNNING)
    stale = Standing(S.APPROVED, governance, in_review=True)
    assert allowed_transitions(stale) == (S.DRAFT,)


@pytest.mark.parametrize(("in_review", "back"), [(True, S.APPROVED), (False, S.DRAFT)])
def test_a_schedule_that_is_given_up_leads_back_to_where_it_came_from(
    in_review: bool, back: S
) -> None:
    standing = Standing(S.SCHEDULED, in_review=in_review)
    assert allowed_transitions(standing) == (back, S.RUNNING)


def test_a_running_experiment_is_paused_or_stopped_but_never_decided() -> None:
    found = allowed_transitions(Standing(S.RUNNING))
    assert set(found) == {S.PAUSED, S.STOPPED, S.INVALIDATED}
    with pytest.raises(IllegalTransition) as refused:
        target_of(S.RUNNING, Step.DECIDE)
    assert (refused.value.source, refused.value.target) == ("RUNNING", "DECIDED")


@pytest.mark.parametrize("source", list(S))
@pytest.mark.parametrize("step", list(Step))
def test_a_step_leads_where_the_table_says_or_is_refused(source: S, step: Step) -> None:
    transition = TRANSITIONS[step]
    if source in transition.sources:
        assert target_of(source, step) is transition.target
        moves = transition.target is not source and step not in BY_THE_SERVICE
        every = [
            Standing(source, in_review=each, decision=DecisionOutcome.SHIP)
            for each in (True, False)
        ]
        reached = {target for each in every for target in allowed_transitions(each)}
        assert (transition.target in reached) is moves
    else:
        assert not leads_on(Standing(source), step)
        with pytest.raises(IllegalTransition):
            target_of(source, step)


@pytest.mark.parametrize("decision", list(DecisionOutcome))
def test_only_what_is_to_be_shipped_is(decision: DecisionOutcome) -> None:
    found = allowed_transitions(Standing(S.DECIDED, decision=decision))
    assert (S.SHIPPING in found) is (decision is DecisionOutcome.SHIP)


def test_nothing_leaves_the_archive() -> None:
    assert allowed_transitions(Standing(S.ARCHIVED)) == ()


def test_only_an_operator_pauses_and_says_why() -> None:
    assert TRANSITIONS[Step.PAUSE].role == "OPERATOR"
    assert TRANSITIONS[Step.PAUSE].needs_reason
    assert TRANSITIONS[Step.STOP].needs_reason
