"""The launch checklist, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from experiments.design import Direction, MetricKind, MetricRole, SourceValue, UnitKind
from experiments.drafts import Draft, Measure
from experiments.eligibility.segments import SegmentRule
from experiments.models import Experiment, Metric, Variant
from experiments.readiness import (
    Neighbour,
    Severity,
    blockers,
    launch_checks,
    neighbour_checks,
    segment_checks,
    targeting_checks,
    treated_by,
)
from experiments.treatments import TreatmentKind

AT = datetime(2026, 1, 1, tzinfo=UTC)


def metric(key: str, **changes: Any) -> Metric:
    parts: dict[str, Any] = {
        "project_id": UUID(int=1),
        "key": key,
        "name": key,
        "kind": MetricKind.COUNT,
        "event_name": key,
        "value": SourceValue.ONE,
        "direction": Direction.INCREASE,
        "created_at": AT,
    }
    return Metric(**(parts | changes))


def draft(**changes: Any) -> Draft:
    parts: dict[str, Any] = {
        "project_id": UUID(int=1),
        "key": "short-form",
        "name": "Shorter form",
        "treatment": TreatmentKind.FEATURE,
        "unit": UnitKind.USER,
        "statement": "Fewer fields, more sign-ups.",
        "hypothesis_metric": "paid",
        "hypothesis_direction": Direction.INCREASE,
        "minimum_effect": 0.01,
        "planned_units": 1_000,
        "created_at": AT,
        "updated_at": AT,
    }
    variants = tuple(
        Variant(
            experiment_id=UUID(int=2),
            position=position,
            key=key,
            name=key,
            weight=0.5,
            is_control=position == 0,
            payload={"value": position},
        )
        for position, key in enumerate(("long", "short"))
    )
    measures = (
        Measure(metric("paid"), MetricRole.PRIMARY, None),
        Measure(metric("tickets"), MetricRole.GUARDRAIL, None),
    )
    return Draft(Experiment(**(parts | changes)), variants, measures)


def test_a_whole_draft_has_nothing_left_to_do() -> None:
    assert launch_checks(draft()) == ()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((1, 2.5), False),
        (({"a": 1}, {}), False),
        ((True, 1), True),
        (("7", 7), True),
        ((None, "x"), True),
        (([], {}), True),
    ],
)
def test_arms_that_serve_other_types_are_worth_knowing(
    values: tuple[Any, Any], told: bool
) -> None:
    started = draft()
    for variant, value in zip(started.variants, values, strict=True):
        variant.payload = {"value": value}
    found = [(check.code, check.severity) for check in launch_checks(started)]
    assert found == ([("VALUE_TYPES", Severity.WARNING)] if told else [])


def test_a_list_compared_with_another_attribute_is_worth_knowing() -> None:
    plans = SegmentRule("paying", 1, attribute="plan", listed=("pro",))
    inner = SegmentRule("inner", 1, condition={"role": {"$notInGroup": "paying"}})
    for source, wrong in (
        ({"plan": {"$inGroup": "paying"}}, []),
        ({"country": {"$not": {"$inGroup": "paying"}}}, ["country"]),
        ({"$or": [{"country": {"$inGroup": "paying"}}]}, ["country"]),
        ({"$savedGroup": {"id": "paying", "attributeKey": "country"}}, []),
    ):
        found = segment_checks(source, [plans])
        assert [each.message.rpartition(" ")[2] for each in found] == [
            f"{name}." for name in wrong
        ]
    (check,) = segment_checks({"$savedGroup": {"id": "inner"}}, [plans, inner])
    assert (check.code, check.severity) == ("SEGMENT_ATTRIBUTE", Severity.WARNING)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"statement": "  "}, "HYPOTHESIS_STATEMENT"),
        ({"hypothesis_metric": None}, "HYPOTHESIS_METRIC"),
        ({"hypothesis_metric": "tickets"}, "HYPOTHESIS_NOT_PRIMARY"),
        ({"hypothesis_direction": None}, "HYPOTHESIS_DIRECTION"),
        ({"minimum_effect": None}, "HYPOTHESIS_MDE"),
        ({"planned_units": None}, "PLANNED_UNITS"),
        ({"targeting": {"plan": {"$like": "f"}}}, "TARGETING"),
        ({"treatment": TreatmentKind.FREEMIUM_LIMIT}, "DISCLOSURE_MISSING"),
    ],
)
def test_what_is_missing_blocks_the_start(changes: dict[str, Any], code: str) -> None:
    assert code in blockers(launch_checks(draft(**changes)))


def test_two_primaries_block_the_start() -> None:
    whole = draft()
    twice = replace(
        whole,
        measures=(
            *whole.measures,
            Measure(metric("other"), MetricRole.PRIMARY, None),
        ),
    )
    assert blockers(launch_checks(twice)) == ("PRIMARY_METRIC",)


def test_an_archived_metric_blocks_the_start() -> None:
    whole = draft()
    gone = Measure(metric("paid", archived_at=AT), MetricRole.PRIMARY, None)
    checks = launch_checks(replace(whole, measures=(gone, whole.measures[1])))
    assert blockers(checks) == ("METRIC_ARCHIVED",)


def test_a_cap_may_be_left_to_its_quantile_by_an_import_only() -> None:
    whole = draft()
    open_cap = Measure(metric("paid", cap_quantile=0.999), MetricRole.PRIMARY, None)
    uncapped = replace(whole, measures=(open_cap, whole.measures[1]))
    assert blockers(launch_checks(uncapped)) == ("CAP_UNRESOLVED",)
    assert launch_checks(uncapped, importing=True) == ()


def test_no_guardrail_and_no_coverage_are_worth_knowing() -> None:
    whole = draft(coverage=0.0)
    checks = launch_checks(replace(whole, measures=whole.measures[:1]))
    assert {check.code for check in checks} == {"NO_GUARDRAIL", "COVERAGE_ZERO"}
    assert {check.severity for check in checks} == {Severity.WARNING}
    assert blockers(checks) == ()


def limit(value: int) -> dict[str, Any]:
    """A limit of reports."""
    return {
        "meter": "reports",
        "kind": "STOCK",
        "value": value,
        "disclosure": {"text": "Some are free."},
    }


def limits(**changes: Any) -> Draft:
    """A draft whose variants are limits."""
    whole = draft(treatment=TreatmentKind.FREEMIUM_LIMIT, **changes)
    for variant in whole.variants:
        variant.payload = limit(100 - 40 * variant.position)
    return whole


@pytest.mark.parametrize(
    ("targeting", "named"),
    [
        ({"plan": "free"}, ["plan"]),
        ({"$or": [{"mrr_minor": {"$gt": 0}}, {"plan": "free"}]}, ["mrr_minor", "plan"]),
        ({"country": "de"}, []),
        (None, []),
    ],
)
def test_targeting_by_what_the_treatment_changes_is_worth_knowing(
    targeting: dict[str, Any] | None, named: list[str]
) -> None:
    found = targeting_checks(limits(), targeting or {})
    assert [check.code for check in found] == ["TARGETING_CHANGES"] * len(named)
    assert {check.severity for check in found} <= {Severity.WARNING}
    assert all(name in check.message for name, check in zip(named, found, strict=True))


def test_a_feature_changes_nothing_that_targeting_reads() -> None:
    assert targeting_checks(draft(), {"plan": "free"}) == ()


def test_neighbours_are_named_but_for_those_of_its_own_layer() -> None:
    layer_id = UUID(int=9)
    neighbours = [Neighbour(f"e{number}", None, frozenset()) for number in range(7)] + [
        Neighbour("kept-apart", layer_id, frozenset({"reports"}))
    ]
    (found,) = neighbour_checks(draft(layer_id=layer_id), neighbours)
    assert (found.code, found.severity) == ("OVERLAP", Severity.INFO)
    assert "e0, e1, e2, e3, e4 and 2 more" in found.message
    assert neighbour_checks(draft(), []) == ()


def test_the_same_meter_in_two_experiments_is_a_warning() -> None:
    whole = limits()
    assert treated_by(whole) == {"reports"}
    neighbours = [
        Neighbour("other-limit", None, frozenset({"reports"}), name="Other limit"),
        Neighbour("something", None, frozenset({"exports"})),
    ]
    same, other = neighbour_checks(whole, neighbours)
    assert (same.code, same.severity) == ("OVERLAP_SAME_TREATMENT", Severity.WARNING)
    assert "flow from Other limit." in same.message
    assert "something" in other.message
