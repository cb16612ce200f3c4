"""How many units, how long, and what each week and each rule would show."""

from dataclasses import replace
from typing import Any

import pytest

from experiments.errors import DesignInvalid
from experiments.plan import StoppingRule
from experiments.readiness.enrolment import days_until, enrolled
from experiments.readiness.questions import Baseline, Clusters, Question, Widening
from experiments.readiness.sizing import (
    looks_of,
    margin_shown,
    minimum_effect,
    power_of,
    size_of,
    sized,
)

SHARE = Baseline(0.04, 0.04 * 0.96, binary=True)
PAID = Question(SHARE, 0.01)
MINUTES = Question(Baseline(10.0, 100.0, binary=False), 0.5)
REVENUE = Question(Baseline.assumed(10.0, 400.0, Widening.AMOUNTS), 2.0)
VISITS = Question(Baseline.assumed(4.0, 9.0, Widening.COUNTS), 0.4)


def test_a_point_on_four_per_cent_takes_6745_units_an_arm() -> None:
    size = sized(PAID)
    assert size.per_arm == (6_745, 6_745)
    assert (size.total, size.days, size.weeks, size.curve) == (13_490, None, None, ())


def test_nine_hundred_a_day_are_fifteen_days_and_so_three_weeks() -> None:
    size = sized(PAID, [900.0])
    assert (size.days, size.weeks) == (15, 3)


def test_accounts_of_ten_alike_users_are_978_an_arm() -> None:
    size = sized(replace(PAID, clusters=Clusters(10, 0.0, 0.05)))
    assert size.per_arm == (978, 978)


def test_half_a_minute_on_ten_takes_6280_units_an_arm() -> None:
    assert sized(MINUTES).per_arm == (6_280, 6_280)


def test_what_was_known_before_saves_units() -> None:
    plain, known = sized(MINUTES), sized(replace(MINUTES, explained=0.25))
    assert known.total == pytest.approx(0.75 * plain.total, abs=4)


def test_more_arms_share_the_error_rate() -> None:
    thirds = replace(PAID, weights=(1 / 3, 1 / 3, 1 / 3))
    halved = replace(PAID, alpha=0.025)
    assert sized(thirds).per_arm[0] == sized(halved).per_arm[0]


def test_the_smallest_treatment_sets_the_size() -> None:
    uneven = sized(replace(PAID, weights=(0.5, 0.4, 0.1)))
    assert uneven.total > sized(replace(PAID, weights=(0.4, 0.3, 0.3))).total
    assert uneven.per_arm[0] == pytest.approx(5 * uneven.per_arm[2], rel=0.001)


def test_looking_every_day_costs_a_few_units_and_pocock_more() -> None:
    gentle = sized(replace(PAID, stopping=StoppingRule.OBRIEN_FLEMING))
    level = sized(replace(PAID, stopping=StoppingRule.POCOCK))
    assert 1.02 < gentle.inflation < 1.05
    assert 1.15 < level.inflation < 1.30
    assert gentle.total == pytest.approx(13_490 * gentle.inflation, abs=2)


def test_no_effect_has_no_sign() -> None:
    falling = replace(PAID, effect=-0.01, stopping=StoppingRule.OBRIEN_FLEMING)
    none, *_ = sized(falling).stops
    assert str(none.effect) == "0.0"


def test_a_rule_is_rehearsed_under_none_the_effect_and_twice_it() -> None:
    size = sized(replace(PAID, stopping=StoppingRule.OBRIEN_FLEMING))
    none, wanted, twice = size.stops
    assert [each.effect for each in size.stops] == [0.0, 0.01, 0.02]
    assert none.stopped == pytest.approx(0.05, abs=1e-6)
    assert wanted.stopped == pytest.approx(0.8, abs=0.01)
    assert none.expected_fraction > wanted.expected_fraction > twice.expected_fraction
    assert twice.expected_fraction < 0.55
    assert sized(PAID).stops == ()


def test_the_curve_meets_the_effect_in_the_week_that_is_needed() -> None:
    curve = sized(PAID, [900.0]).curve
    assert [each.week for each in curve] == list(range(1, 27))
    assert [round(each.power, 2) for each in curve[:3]] == [0.48, 0.77, 0.91]
    effects = [each.minimum_effect for each in curve]
    assert effects == sorted(effects, key=lambda each: -(each or 0))
    assert (effects[1] or 0) > 0.01 > (effects[2] or 0)


@pytest.mark.parametrize("question", [PAID, MINUTES, replace(PAID, effect=-0.01)])
def test_what_the_units_show_is_the_effect_that_they_were_counted_for(
    question: Question,
) -> None:
    total = sized(question).total
    assert minimum_effect(question, total) == pytest.approx(question.effect, rel=0.001)
    assert power_of(question, total) == pytest.approx(0.8, abs=0.001)


def test_too_few_units_show_nothing_that_is_possible() -> None:
    assert minimum_effect(PAID, 3) is None
    assert minimum_effect(MINUTES, 0) is None
    assert power_of(MINUTES, 0) == 0.0


def test_more_guardrails_need_wider_margins() -> None:
    rating = Baseline(0.4, 0.16, binary=False)
    three = margin_shown(rating, (20_000, 20_000), power=0.8, guardrails=3)
    one = margin_shown(rating, (20_000, 20_000), power=0.8, guardrails=1)
    assert three == pytest.approx(0.01316, abs=1e-5)
    assert one < three


def test_the_first_rush_is_not_the_pace() -> None:
    daily = [5_000.0, *[100.0] * 13]
    assert days_until(5_000, daily) == 1
    assert days_until(6_301, daily) == 15
    assert enrolled(daily, 21) == 5_000 + 20 * 100
    assert days_until(1, []) is None
    assert days_until(10, [0.0] * 14) is None


def test_looks_begin_after_a_full_week_and_have_an_end() -> None:
    assert [looks_of(days) for days in (1, 7, 8, 20, 500)] == [1, 1, 2, 14, 60]


def test_a_size_survives_its_document() -> None:
    from dataclasses import asdict

    size = sized(replace(PAID, stopping=StoppingRule.OBRIEN_FLEMING), [900.0])
    assert size_of(asdict(size)) == size


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"alpha": 0.5}, "alpha"),
        ({"power": 1.0}, "power"),
        ({"power": 0.01}, "power"),
        ({"effect": 0.0}, "minimumEffect"),
        ({"effect": float("nan")}, "minimumEffect"),
        ({"effect": 0.97}, "minimumEffect"),
        ({"effect": -0.05}, "minimumEffect"),
        ({"baseline": Baseline(0.0, 0.0, binary=True)}, "baseline"),
        ({"baseline": Baseline(1.0, 0.0, binary=False)}, "variance"),
        ({"baseline": Baseline(1.0, 1e80, binary=False)}, "minimumEffect"),
        ({"baseline": Baseline.assumed(1e-90, 1, Widening.AMOUNTS)}, "minimumEffect"),
        ({"weights": (1.0,)}, "weights"),
        ({"weights": (0.5, 0.6)}, "weights"),
        ({"weights": (1.0, 0.0)}, "weights"),
        ({"explained": 1.0}, "explained"),
        ({"clusters": Clusters(0.5)}, "clusters"),
        ({"clusters": Clusters(2, -1.0)}, "clusters"),
        ({"clusters": Clusters(2, 0.0, 1.5)}, "clusters"),
    ],
)
def test_a_question_that_no_size_answers_is_refused(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(DesignInvalid) as refused:
        sized(replace(PAID, **changes))
    assert refused.value.path == (field,)
