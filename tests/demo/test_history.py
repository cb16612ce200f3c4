"""The demo's history is the same everywhere and holds exactly the truth it states."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest

from api.demo.activity import History
from api.demo.definitions import PROJECT_ID
from api.demo.people import ACCOUNTS, USERS, People
from api.demo.plan import DAYS, EXPERIMENTS, METRICS, OTHERS, DemoExperiment
from api.demo.voices import nps_answers, tickets
from experiments.assignment.seeds import phase_seed
from experiments.events.log import EXPOSURE, NewEvent
from experiments.measurement import check_metric

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def history() -> History:
    seeds = {e.key: phase_seed(PROJECT_ID, e.key, 1) for e in (*EXPERIMENTS, *OTHERS)}
    return History(People(), BEGAN, seeds)


@pytest.fixture(scope="module")
def told(history: History) -> list[NewEvent]:
    return [event for chunk in history.chunks() for event in chunk]


def test_every_account_has_a_member(history: History) -> None:
    sizes = np.bincount(history.people.account_of)
    assert (len(sizes), int(sizes.sum()), int(sizes.min())) == (ACCOUNTS, USERS, 1)


def test_the_same_history_is_told_every_time(history: History) -> None:
    again = History(People(), BEGAN, history.seeds)
    assert next(iter(history.chunks())) == next(iter(again.chunks()))
    assert list(nps_answers(People())) == list(nps_answers(People()))
    assert list(tickets(People())) == list(tickets(People()))


def test_events_are_unique_ordered_and_within_the_history(
    history: History, told: list[NewEvent]
) -> None:
    instants = [event.occurred_at for event in told if event.occurred_at is not None]
    assert instants == sorted(instants)
    assert instants[0] >= BEGAN
    assert (instants[-1] - BEGAN).days < DAYS
    assert len({event.id for event in told}) == history.total() == len(told)
    names = Counter(event.name for event in told)
    assert {spec.event_name for spec in METRICS.values()} <= set(names)
    newcomers = int(history.people.is_newcomer.sum())
    others = sum(each.exposed_users or 0 for each in OTHERS)
    assert names[EXPOSURE] == ACCOUNTS + newcomers + USERS + others


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: e.key)
def test_each_arm_has_exactly_its_true_share(
    history: History, told: list[NewEvent], experiment: DemoExperiment
) -> None:
    event = METRICS[experiment.hypothesis.metric_key or ""].event_name
    happened = {one.user_id for one in told if one.name == event}
    people, arms = history.people, history.arms[experiment.key]
    members = [
        n for n in range(USERS) if not experiment.targeting or people.is_newcomer[n]
    ]
    effect = experiment.effect
    for arm, rate in enumerate((effect.control, effect.treatment)):
        mine = [n for n in members if arms[n] == arm]
        share = sum(people.user_id(n) in happened for n in mine) / len(mine)
        assert share == pytest.approx(rate, abs=1 / len(mine))


def test_phases_reach_what_they_planned(history: History) -> None:
    newcomers = int(history.people.is_newcomer.sum())
    there = {"reports-limit": ACCOUNTS, "team-setup": newcomers, "pin-cart": USERS}
    for experiment in EXPERIMENTS:
        assert there[experiment.key] >= experiment.planned_units


def test_four_hundred_answers_are_complete_and_score_25() -> None:
    done = [answer for answer in nps_answers(People()) if answer.completed]
    groups = Counter(
        "promoter" if a.score >= 9 else "passive" if a.score >= 7 else "detractor"
        for a in done
    )
    assert groups == {"promoter": 180, "passive": 140, "detractor": 80}
    assert all(answer.text for answer in done)
    assert len({answer.text for answer in done}) > 250
    assert sum(not a.completed for a in nps_answers(People())) == 37


def test_the_unhappy_name_what_they_are_unhappy_with() -> None:
    for answer in nps_answers(People()):
        assert (answer.topic is not None) == (answer.score <= 6)


def test_five_hundred_tickets_are_opened_in_order_and_most_are_closed() -> None:
    told = list(tickets(People()))
    assert [ticket.number for ticket in told] == list(range(1, 501))
    assert [t.day for t in told] == sorted(t.day for t in told)
    assert 0 < sum(ticket.closed_day is None for ticket in told) < 100


@pytest.mark.parametrize("key", METRICS)
def test_every_metric_can_be_defined(key: str) -> None:
    check_metric(METRICS[key])
