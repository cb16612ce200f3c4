"""Every item that workers look at: in order, and not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from experiments.assignment.phases import LayerSlots, Serving
from experiments.design import Direction, MetricKind, UnitKind
from experiments.drafts import Draft
from experiments.plan import AnalysisPlan, Dimension, plan_document
from experiments.readiness import evidence
from experiments.readiness.evidence import gathered_evidence
from experiments.readiness.items import GATHERED, Found, ItemCode, ItemStatus
from experiments.readiness.metric_health import metric_health
from experiments.readiness.overlaps import Overlap, overlaps_of
from experiments.readiness.powering import explained_by, proposal_of
from experiments.readiness.situation import Seen, Situation, fingerprint
from tests.experiments.readiness.drafted import (
    AT,
    beside,
    draft,
    health,
    phase,
    seen,
    situation,
    trial,
    values,
)

OK, WARNING, BLOCKED = ItemStatus.OK, ItemStatus.WARNING, ItemStatus.BLOCKED


def gathered(where: Situation, log: Seen) -> dict[ItemCode, Found]:
    """Everything, with small rehearsals."""
    return dict(gathered_evidence(where, log, splits=100, shuffles=100))


def test_every_item_holds_where_all_is_in_order() -> None:
    found = gathered(situation(), seen())
    assert found.keys() == set(GATHERED)
    assert {code: each.status for code, each in found.items()} == dict.fromkeys(
        GATHERED, OK
    )
    assert all(each.message for each in found.values())


def test_power_says_units_days_and_whole_weeks() -> None:
    found = evidence.power(situation(), seen())
    assert found.evidence["size"]["total"] == 13_490
    assert (found.evidence["size"]["days"], found.evidence["size"]["weeks"]) == (15, 3)
    assert found.evidence["duration_days"] == 3 * 7 + 7
    assert found.message == (
        "13,490 units show the effect that matters: 15 days at this traffic, so 3 "
        "weeks of enrolment, and 28 days until the last one is counted."
    )


@pytest.mark.parametrize(
    ("written", "changes", "told"),
    [
        (draft(planned_units=5_000), {}, "5,000 units show 0.01"),
        (draft(), {"traffic": ()}, "nobody eligible"),
        (draft(), {"values": {}}, "assumed baseline"),
        (draft(), {"values": {"paid": values(0.04, 20)}}, "assumed baseline"),
        (draft(), {"values": {"paid": values(0.0, 400)}}, "assumed baseline"),
        (draft(minimum_effect=0.97), {}, "below 1"),
        (draft(minimum_effect=0.001, planned_units=None), {}, "weeks"),
    ],
)
def test_power_warns_of_what_takes_too_long_or_nobody_knows(
    written: Draft, changes: dict[str, Any], told: str
) -> None:
    found = evidence.power(situation(written), seen(**changes))
    assert found.status is WARNING
    assert told in found.message


def test_only_the_eligible_are_counted_in() -> None:
    half = phase("short-form", "a" * 16, condition={"plan": "pro"})
    found = proposal_of(situation(definition=half), seen())
    assert found is not None
    assert found.daily == pytest.approx([225.0] * 14)


def test_a_fall_that_is_hoped_for_is_sized_as_a_fall() -> None:
    written = draft(hypothesis_direction=Direction.DECREASE)
    found = proposal_of(situation(written), seen())
    assert found is not None
    assert found.question.effect == -0.01


def test_each_guardrail_is_told_the_margin_that_it_could_show() -> None:
    found = proposal_of(situation(), seen())
    assert found is not None
    error = (0.25 * 2 / 7_500) ** 0.5
    assert found.margins["kept"] == pytest.approx((1.644854 + 1.281552) * error, 1e-3)


def test_the_value_before_explains_its_share_of_the_variance() -> None:
    after = values(0.5)
    assert explained_by(after, after) == pytest.approx(0.95)
    half = replace(after, ids=after.ids[:1_000], y=after.y[:1_000])
    assert explained_by(half, after) == pytest.approx(0.5)
    other = replace(after, y=np.random.default_rng(9).integers(0, 2, 2_000))
    assert explained_by(other, after) < 0.01
    assert explained_by(values(0.5, 50), after) == 0.0


def test_ids_without_a_share_are_not_split() -> None:
    written = draft()
    written.variants[1].weight, written.variants[0].weight = 0.0, 1.0
    found = evidence.split_rehearsal(situation(written), seen(), 50)
    assert found.status is ItemStatus.NOT_APPLICABLE


def test_few_real_ids_are_made_up_to_a_thousand() -> None:
    found = evidence.split_rehearsal(situation(), seen(values={}), 50)
    assert (found.status, found.evidence["real_ids"]) == (OK, 400)
    assert "made up" in found.message


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (None, "0 units"),
        (values(0.5, 100), "100 units"),
        (values(0.0), "Nothing to replay"),
    ],
)
def test_too_little_history_is_not_replayed(history: Any, told: str) -> None:
    known = {} if history is None else {"paid": history}
    found = evidence.null_replay(situation(), seen(values=known), 50)
    assert found.status is WARNING
    assert told in found.message


def test_a_whale_makes_the_replay_a_warning() -> None:
    whale = values(0.0)
    whale.y[0] = 10**9
    found = evidence.null_replay(situation(), seen(values={"paid": whale}), 500)
    assert found.status is WARNING
    assert "due" in found.message


def test_nothing_beside_it_is_fine() -> None:
    assert evidence.overlap(situation(), seen()).status is OK


def test_two_splits_of_the_same_people_overlap_wholly() -> None:
    (found,) = overlaps_of(situation(**beside()), seen())
    assert (found.share, found.people) == (1.0, 400)
    assert not found.proposes_layer
    assert evidence.overlap(situation(**beside()), seen()).status is OK


def test_part_of_the_people_are_in_both() -> None:
    (found,) = overlaps_of(situation(**beside(coverage=0.4)), seen())
    assert found.share == pytest.approx(0.4, abs=0.07)
    paused = beside(serving=Serving.PAUSED)
    assert overlaps_of(situation(**paused), seen())[0].share == 0.0


def test_the_same_metric_on_the_same_people_is_a_warning() -> None:
    about = beside(primary="paid")
    named = replace(about["neighbours"]["beside"], name="The other form")
    where = situation(**about | {"neighbours": {"beside": named}})
    found = evidence.overlap(where, seen())
    assert found.status is WARNING
    assert "are in The other form too" in found.message
    assert "A layer would keep them apart" in found.message
    assert overlaps_of(where, seen())[0].proposes_layer


def limited() -> Draft:
    """A draft whose variants are limits of reports."""
    written = draft(treatment="FREEMIUM_LIMIT")
    for variant in written.variants:
        variant.payload = {"meter": "reports"}
    return written


def test_the_same_meter_on_the_same_people_blocks() -> None:
    where = situation(limited(), **beside(treats=frozenset({"reports"})))
    found = evidence.overlap(where, seen())
    assert found.status is BLOCKED
    assert "one layer" in found.message


def test_a_layer_keeps_the_same_meter_apart() -> None:
    def slots(start: float, end: float) -> LayerSlots:
        return LayerSlots("free", "c" * 16, ((start, end),))

    where = situation(
        limited(),
        **beside(treats=frozenset({"reports"}), layer=slots(0.5, 1.0)),
        definition=phase("short-form", "a" * 16, layer=slots(0.0, 0.5)),
    )
    (found,) = overlaps_of(where, seen())
    assert (found.share, found.apart, found.proposes_layer) == (0.0, True, False)
    assert evidence.overlap(where, seen()).status is OK


def test_who_was_exposed_to_a_neighbour_is_counted_as_far_as_was_read() -> None:
    where = situation(**beside())
    exposed = {"beside": frozenset({"u1", "u10", "u100"})}
    (found,) = overlaps_of(where, seen(exposed=exposed))
    ids = [f"u{number}" for number in range(2_000) if f"u{number}" <= "u100"]
    assert found.exposed == pytest.approx(3 / len(ids))
    assert overlaps_of(where, seen())[0].exposed is None
    assert Overlap.of(found.document() | {"more": 1}) == found


@pytest.mark.parametrize(
    ("flawed", "status", "told"),
    [
        ({"last_event_at": None, "events": 0, "days": ()}, WARNING, "two weeks"),
        ({"last_event_at": AT - timedelta(days=2)}, WARNING, "for a day"),
        ({"without_person": 100}, WARNING, "7% of the events name nobody"),
        ({"without_person": 700}, BLOCKED, "50% of the events name nobody"),
        ({"without_value": 700}, BLOCKED, "50% of the events carry no value"),
    ],
)
def test_events_that_are_late_or_not_whole_are_named(
    flawed: dict[str, Any], status: ItemStatus, told: str
) -> None:
    sources = {"paid": health(**flawed), "kept": health()}
    found = metric_health(situation(), seen(sources=sources))
    assert found.status is status
    assert f"paid: {told}" in found.message or told in found.message


def test_a_guardrail_with_broken_events_warns_only() -> None:
    sources = {"paid": health(), "kept": health(without_person=1_400)}
    assert metric_health(situation(), seen(sources=sources)).status is WARNING


def test_a_week_with_thrice_the_events_on_one_day_is_named() -> None:
    days = list(health().days)
    days[5] = replace(days[5], events=400)
    found = metric_health(situation(), seen(sources={"paid": health(days=tuple(days))}))
    assert "thrice" in found.message


def test_values_that_are_all_alike_and_empty_denominators_are_named() -> None:
    written = draft()
    written.measures[0].metric.kind = MetricKind.RATIO
    written.measures[0].metric.denominator_event = "visit"
    written.measures[0].metric.denominator_value = written.measures[0].metric.value
    written.measures[0].metric.name = "Paid per visit"
    found = metric_health(situation(written), seen(values={"paid": values(0.0)}))
    assert found.status is WARNING
    assert "Paid per visit: all units have the same value." in found.message
    assert "denominator" in found.message


@pytest.mark.parametrize(
    ("trials", "status", "told"),
    [
        ((), WARNING, "No exposure was seen of Long, Short"),
        ((trial("long"),), WARNING, "of Short"),
        ((trial("long"), trial("short"), trial("old")), WARNING, "none: old"),
        ((trial("long"), trial("short")), OK, "Every variant"),
    ],
)
def test_exposures_are_to_be_seen_in_a_trial(
    trials: Any, status: ItemStatus, told: str
) -> None:
    written = draft()
    for variant in written.variants:
        variant.name = variant.name.capitalize()
    found = evidence.exposure_seen(situation(written), seen(trials=trials))
    assert found.status is status
    assert told in found.message


@pytest.mark.parametrize(
    ("where", "status", "told"),
    [
        (situation(), OK, "100% of the people"),
        (situation(people=()), WARNING, "Nobody is on record"),
        (
            situation(
                definition=phase("short-form", "a" * 16, condition={"plan": "x"})
            ),
            WARNING,
            "Nobody on record is eligible",
        ),
        (
            situation(
                definition=phase("short-form", "a" * 16, condition={"role": {"$ne": 1}})
            ),
            WARNING,
            "reads role",
        ),
        (
            situation(
                draft(
                    plan=plan_document(
                        AnalysisPlan(dimensions=(Dimension("c", "country"),))
                    )
                )
            ),
            WARNING,
            "value of c,",
        ),
    ],
)
def test_somebody_is_to_be_eligible(
    where: Situation, status: ItemStatus, told: str
) -> None:
    found = evidence.population(where, seen())
    assert found.status is status
    assert told in found.message


def test_the_dry_run_gives_everyone_the_control() -> None:
    found = evidence.rollback(situation(), seen())
    assert found.status is OK
    assert found.evidence["served"] == "long"
    assert found.evidence["subjects"] == 400
    assert evidence.rollback(situation(people=()), seen()).status is OK


def test_an_override_outlives_the_kill_switch_and_is_told() -> None:
    kept = phase("short-form", "a" * 16, overrides={"id": {"u1": "short"}})
    found = evidence.rollback(situation(definition=kept), seen())
    assert (found.status, found.evidence["kept"]) == (OK, 1)


def test_a_design_edit_makes_another_fingerprint_and_a_name_does_not() -> None:
    whole = fingerprint(draft())
    assert fingerprint(draft(name="Another", version=7, status="IN_REVIEW")) == whole
    for changed in (
        draft(minimum_effect=0.02),
        draft(targeting={"plan": "free"}),
        draft(margin=None),
        draft(coverage=0.5),
    ):
        assert fingerprint(changed) != whole
    newer = draft()
    newer.measures[0].metric.version = 2
    assert fingerprint(newer) != whole


def test_accounts_are_looked_at_as_accounts() -> None:
    written = draft(unit=UnitKind.ACCOUNT)
    people = tuple({"accountId": f"a{number}"} for number in range(50))
    where = situation(
        written,
        people=people,
        definition=phase("short-form", "a" * 16, unit=UnitKind.ACCOUNT),
    )
    found = gathered(where, seen(values={}))
    assert found[ItemCode.POPULATION].evidence["eligible"] == 1.0
    assert found[ItemCode.SPLIT_REHEARSAL].evidence["real_ids"] == 50
    assert where.own.definition.phase_id == UUID(int=3)
