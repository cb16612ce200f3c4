"""The launch checklist, rule by rule."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from experiments.design import Direction, MetricKind, MetricRole, SourceValue, UnitKind
from experiments.drafts import Draft, Measure
from experiments.models import Experiment, Metric, Variant
from experiments.readiness import Severity, blockers, launch_checks
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
