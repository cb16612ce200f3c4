"""The checklist evaluated: each item as it should be, and not."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from core.audit import ActorKind
from core.tenancy import Governance
from experiments.design import MetricKind
from experiments.drafts import Draft
from experiments.readiness.checks import LaunchCheck, Severity, launch_checks
from experiments.readiness.items import (
    CHECKLIST,
    GATHERED,
    Item,
    ItemCode,
    ItemGroup,
    ItemStatus,
    blocking,
)
from experiments.readiness.models import LaunchEvidence, LaunchNotes, LaunchWaiver
from experiments.readiness.records import item_document, item_of
from experiments.readiness.rules import RULES, Standing, evaluated
from experiments.readiness.situation import fingerprint
from tests.experiments.readiness.drafted import AT, HERE, draft, metric

OK, WARNING, BLOCKED = ItemStatus.OK, ItemStatus.WARNING, ItemStatus.BLOCKED
WAITING, APART = ItemStatus.WAITING, ItemStatus.NOT_APPLICABLE
SAID: dict[str, Any] = {
    "decider": "Bob",
    "decision_date": date(2026, 6, 1),
    "ethics": "Nobody loses anything.",
    "identity": "Only users are met.",
    "support_briefed": "All of them.",
}


def notes(**changes: Any) -> LaunchNotes:
    """All that people have to say."""
    return LaunchNotes(experiment_id=UUID(int=2), updated_at=AT, **(SAID | changes))


def looked_at(
    written: Draft, status: ItemStatus = OK, **body: Any
) -> dict[ItemCode, LaunchEvidence]:
    """Evidence of every item that workers look at."""
    return {
        code: LaunchEvidence(
            experiment_id=UUID(int=2),
            environment_id=HERE,
            code=code,
            design=fingerprint(written),
            status=status,
            message="So it is.",
            body=body,
            evaluated_at=AT,
        )
        for code in GATHERED
    }


def standing(written: Draft | None = None, **changes: Any) -> Standing:
    """Everything said, everything looked at, nothing wrong."""
    whole = written or draft()
    parts: dict[str, Any] = {
        "draft": whole,
        "at": AT,
        "governance": Governance.SOLO,
        "checks": launch_checks(whole),
        "design": fingerprint(whole),
        "notes": notes(),
        "evidence": looked_at(whole),
    }
    return Standing(**(parts | changes))


def item(code: ItemCode, given: Standing) -> Item:
    """One item of the checklist."""
    return next(each for each in evaluated(given) if each.code is code)


def waiver(code: ItemCode, design: str) -> dict[ItemCode, LaunchWaiver]:
    """Somebody let an item pass."""
    row = LaunchWaiver(
        experiment_id=UUID(int=2),
        code=code,
        reason="It is urgent.",
        actor_kind=ActorKind.MEMBER,
        actor_name="ada",
        design=design,
        waived_at=AT,
    )
    return {code: row}


def test_there_are_sixteen_items_in_three_groups_and_four_to_decide() -> None:
    items = evaluated(standing())
    assert [each.code for each in items] == list(CHECKLIST)
    assert len(items) == 16
    groups = [each.entry.group for each in items]
    assert set(groups) == set(ItemGroup)
    assert groups.count(ItemGroup.YOU_DECIDE) == 4
    assert RULES.keys() | set(GATHERED) == set(ItemCode)


def test_nothing_blocks_where_all_is_said_and_found() -> None:
    items = evaluated(standing())
    assert {each.status for each in items} == {OK, APART}
    assert blocking(items) == ()


@pytest.mark.parametrize(
    ("code", "changes", "governance", "status"),
    [
        (ItemCode.DECISION, {"decider": ""}, Governance.SOLO, WARNING),
        (ItemCode.DECISION, {"decider": ""}, Governance.TEAM, WARNING),
        (ItemCode.DECISION, {"decider": ""}, Governance.STRICT, BLOCKED),
        (ItemCode.DECISION, {"decision_date": None}, Governance.STRICT, BLOCKED),
        (
            ItemCode.DECISION,
            {"decision_date": date(2026, 5, 3)},
            Governance.STRICT,
            BLOCKED,
        ),
        (
            ItemCode.DECISION,
            {"decision_date": date(2026, 5, 4)},
            Governance.STRICT,
            OK,
        ),
        (ItemCode.ETHICS, {"ethics": ""}, Governance.SOLO, WARNING),
        (ItemCode.ETHICS, {"ethics": ""}, Governance.STRICT, BLOCKED),
        (ItemCode.IDENTITY, {"identity": ""}, Governance.STRICT, WARNING),
        (ItemCode.SUPPORT, {"support_briefed": ""}, Governance.STRICT, WARNING),
    ],
)
def test_what_people_leave_unsaid_blocks_under_the_strictest_rules(
    code: ItemCode, changes: dict[str, Any], governance: Governance, status: ItemStatus
) -> None:
    found = item(code, standing(notes=notes(**changes), governance=governance))
    assert found.status is status
    assert found.blocking is (status is BLOCKED)
    assert found.waivable is (status is not OK)


def test_nothing_said_at_all_is_the_same() -> None:
    found = {each.code: each.status for each in evaluated(standing(notes=None))}
    for code in (ItemCode.DECISION, ItemCode.ETHICS, ItemCode.IDENTITY):
        assert found[code] is WARNING


@pytest.mark.parametrize(
    ("treatment", "targeting", "status"),
    [
        ("FEATURE", {"gender": "f"}, WARNING),
        ("FREEMIUM_LIMIT", {"gender": "f"}, BLOCKED),
        ("FREEMIUM_LIMIT", {"$or": [{"Age": {"$gt": 30}}, {"plan": "x"}]}, BLOCKED),
        ("FREEMIUM_LIMIT", {"plan": "free"}, OK),
        ("FEATURE", None, OK),
    ],
)
def test_protected_traits_warn_and_never_set_a_limit(
    treatment: str, targeting: Any, status: ItemStatus
) -> None:
    written = draft(treatment=treatment, targeting=targeting)
    found = item(ItemCode.ETHICS, standing(written, checks=()))
    assert found.status is status


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"statement": ""}, ItemCode.HYPOTHESIS),
        ({"minimum_effect": None}, ItemCode.HYPOTHESIS),
        ({"planned_units": None}, ItemCode.POWER),
        ({"targeting": {"plan": {"$like": "f"}}}, ItemCode.POPULATION),
        ({"treatment": "FREEMIUM_LIMIT"}, ItemCode.DISCLOSURE),
    ],
)
def test_what_a_start_cannot_do_without_is_never_waived(
    changes: dict[str, Any], code: ItemCode
) -> None:
    written = draft(**changes)
    design = fingerprint(written)
    found = item(code, standing(written, waivers=waiver(code, design)))
    assert (found.status, found.blocking, found.waivable) == (BLOCKED, True, False)
    assert found.blockers
    assert set(found.blockers) <= set(blocking([found]))


def test_a_missing_variant_and_an_archived_metric_block_their_items() -> None:
    whole = draft()
    lone = replace(whole, variants=whole.variants[:1])
    assert "WEIGHTS" in item(ItemCode.SPLIT_REHEARSAL, standing(lone)).blockers
    whole.measures[0].metric.archived_at = AT
    found = item(ItemCode.METRIC_HEALTH, standing(whole))
    assert found.blockers == ("METRIC_ARCHIVED",)


def test_who_decides_and_when_is_said_as_the_console_writes_days() -> None:
    found = item(ItemCode.DECISION, standing())
    assert found.message == "Bob decides by 1 Jun 2026."


def test_a_guardrail_without_a_margin_is_proposed_one() -> None:
    written = draft(margin=None)
    written.measures[1].metric.name = "Kept accounts"
    evidence = looked_at(written, margins={"kept": 0.0239})
    found = item(ItemCode.METRICS, standing(written, evidence=evidence))
    assert found.status is WARNING
    assert found.message == (
        "Without a margin nothing shows that Kept accounts is unharmed. The planned "
        "units could rule out harm to Kept accounts by 2.39 points."
    )
    assert found.evidence["without_margin"] == ["kept"]


def test_a_margin_that_cannot_be_shown_is_a_warning() -> None:
    written = draft(margin=0.01)
    evidence = looked_at(written, margins={"kept": 0.0239})
    found = item(ItemCode.METRICS, standing(written, evidence=evidence))
    assert found.status is WARNING
    assert "2.39 points is the smallest" in found.message
    assert item(ItemCode.METRICS, standing(written)).status is OK


def test_a_margin_of_a_mean_is_said_by_its_unit() -> None:
    written = draft(margin=None)
    asked = {"kind": MetricKind.COUNT, "unit": "requests", "name": "Help requests"}
    measure = replace(written.measures[1], metric=metric("kept", 12, **asked))
    written = replace(written, measures=(written.measures[0], measure))
    evidence = looked_at(written, margins={"kept": 0.0415})
    found = item(ItemCode.METRICS, standing(written, evidence=evidence))
    assert "Help requests by 0.0415 requests per user." in found.message


def test_what_nobody_looked_at_yet_waits_and_stops_only_the_strictest() -> None:
    for governance in Governance:
        found = item(ItemCode.POWER, standing(evidence={}, governance=governance))
        assert found.status is WAITING
        assert found.blocking is (governance is Governance.STRICT)
        assert not found.waivable


def test_a_warning_of_the_draft_stands_beside_what_was_found() -> None:
    told = [LaunchCheck("OVERLAP_SAME_TREATMENT", Severity.WARNING, "The same meter.")]
    found = item(ItemCode.OVERLAP, standing(checks=told))
    assert (found.status, found.message) == (WARNING, "The same meter.")
    worse = looked_at(draft(), BLOCKED)
    found = item(ItemCode.OVERLAP, standing(checks=told, evidence=worse))
    assert (found.status, found.message) == (BLOCKED, "So it is. The same meter.")
    known = [LaunchCheck("OVERLAP", Severity.INFO, "Others run.")]
    assert item(ItemCode.OVERLAP, standing(checks=known)).status is OK


def test_a_waiver_of_what_was_found_is_of_that_draft_only() -> None:
    whole = draft()
    bad = looked_at(whole, BLOCKED)
    code = ItemCode.NULL_REPLAY
    own = standing(evidence=bad, waivers=waiver(code, fingerprint(whole)))
    found = item(code, own)
    assert (found.status, found.blocking) == (ItemStatus.WAIVED, False)
    assert found.waiver is not None
    assert (found.waiver.actor, found.waiver.reason) == ("ada", "It is urgent.")
    other = standing(evidence=bad, waivers=waiver(code, "another"))
    assert item(code, other).status is BLOCKED
    assert item(code, other).waiver is None


def test_a_waiver_of_what_people_say_outlives_an_edit() -> None:
    code = ItemCode.SUPPORT
    given = standing(notes=None, waivers=waiver(code, "another"))
    assert item(code, given).status is ItemStatus.WAIVED


def test_a_waiver_of_what_holds_changes_nothing() -> None:
    code = ItemCode.SUPPORT
    found = item(code, standing(waivers=waiver(code, fingerprint(draft()))))
    assert (found.status, found.waiver) == (OK, None)


@pytest.mark.parametrize(
    ("treatment", "code", "status"),
    [
        ("FEATURE", ItemCode.DISCLOSURE, APART),
        ("FREEMIUM_LIMIT", ItemCode.DISCLOSURE, OK),
        ("FEATURE", ItemCode.FLOW_FROZEN, APART),
    ],
)
def test_items_of_other_treatments_do_not_apply(
    treatment: str, code: ItemCode, status: ItemStatus
) -> None:
    given = standing(draft(treatment=treatment), checks=())
    assert item(code, given).status is status


def test_accounts_need_no_plan_for_visitors() -> None:
    given = standing(draft(unit="ACCOUNT"), notes=None)
    assert item(ItemCode.IDENTITY, given).status is APART


def test_a_part_of_the_product_brings_a_rule_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from experiments.readiness.items import Found

    monkeypatch.setitem(
        RULES, ItemCode.FLOW_FROZEN, lambda given: Found(OK, given.draft.experiment.key)
    )
    found = item(ItemCode.FLOW_FROZEN, standing())
    assert (found.status, found.message) == (OK, "short-form")


def test_an_item_is_read_back_as_it_stood() -> None:
    code = ItemCode.NULL_REPLAY
    whole = draft()
    given = standing(
        evidence=looked_at(whole, BLOCKED, units=5),
        waivers=waiver(code, fingerprint(whole)),
    )
    found = item(code, given)
    kept = item_of(item_document(found))
    assert kept == replace(found, waivable=False)
