"""How many must agree, and whose word counts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.audit import Actor, ActorKind
from core.ids import new_id
from core.tenancy import Governance
from experiments.design import UnitKind
from experiments.drafts import Draft
from experiments.governance.approval import (
    approvers,
    identity,
    is_person,
    only_new,
    required_approvals,
    takes_away,
)
from experiments.governance.models import Assessment, ReviewVerdict
from experiments.models import Experiment, Variant
from experiments.treatments import TreatmentKind
from tests.experiments.governance.people import BOB, CAROL, KEY, at

NOW = at("2026-10-24T08:00")
LIMIT: dict[str, Any] = {
    "meter": "reports",
    "kind": "FLOW",
    "value": 100,
    "window": "MONTH",
    "enforcement": "HARD",
    "features": {},
}


def limits(
    control: dict[str, Any], arm: dict[str, Any], targeting: Any = None
) -> Draft:
    """A draft of two limits."""
    experiment = Experiment(
        project_id=new_id(),
        key="reports",
        name="Reports",
        treatment=TreatmentKind.FREEMIUM_LIMIT,
        unit=UnitKind.ACCOUNT,
        targeting=targeting,
        created_at=NOW,
        updated_at=NOW,
    )
    rows = [
        Variant(
            experiment_id=experiment.id,
            position=index,
            key=f"v{index}",
            name="",
            weight=0.5,
            is_control=index == 0,
            payload=LIMIT | payload,
        )
        for index, payload in enumerate((control, arm))
    ]
    return Draft(experiment, tuple(rows), ())


@pytest.mark.parametrize(
    ("control", "arm", "less"),
    [
        ({}, {"value": 60}, True),
        ({}, {"value": 140}, False),
        ({}, {}, False),
        ({"value": None}, {"value": 10**9}, True),
        ({}, {"value": None, "enforcement": "HARD"}, False),
        ({"window": "DAY"}, {"window": "MONTH"}, True),
        ({"value": 100}, {"value": 5, "window": "DAY"}, False),
        ({"enforcement": "SOFT"}, {}, True),
        ({}, {"enforcement": "GRACE"}, False),
        ({}, {"meter": "exports"}, True),
        (
            {"kind": "FEATURE_SET", "value": None, "features": {"pdf": True}},
            {"kind": "FEATURE_SET", "value": None, "features": {"csv": True}},
            True,
        ),
        (
            {"kind": "FEATURE_SET", "value": None, "features": {"pdf": False}},
            {"kind": "FEATURE_SET", "value": None, "features": {"csv": True}},
            False,
        ),
    ],
)
def test_a_limit_takes_away_what_the_control_gives(
    control: dict[str, Any], arm: dict[str, Any], less: bool
) -> None:
    assert takes_away(limits(control, arm)) is less


@pytest.mark.parametrize(
    ("governance", "arm", "targeting", "required"),
    [
        (Governance.SOLO, {"value": 60}, None, 1),
        (Governance.TEAM, {"value": 60}, None, 1),
        (Governance.STRICT, {"value": 60}, None, 2),
        (Governance.STRICT, {"value": 140}, None, 1),
        (
            Governance.STRICT,
            {"value": 60},
            {"created_at": {"$gte": "2026-10-24T08:00:00Z"}},
            1,
        ),
        (
            Governance.STRICT,
            {"value": 60},
            {"plan": "free", "$and": [{"created_at": {"$gt": "2026-11-01"}}]},
            1,
        ),
        # Some of these are there already, and hold the higher limit.
        (Governance.STRICT, {"value": 60}, {"created_at": {"$gte": "2026-10-01"}}, 2),
        (
            Governance.STRICT,
            {"value": 60},
            {"$or": [{"created_at": {"$gte": "2026-11-01"}}, {"plan": "free"}]},
            2,
        ),
    ],
)
def test_two_agree_to_less_for_accounts_that_are_there(
    governance: Governance, arm: dict[str, Any], targeting: Any, required: int
) -> None:
    draft = limits({}, arm, targeting)
    assert required_approvals(governance, draft, NOW) == required


def test_a_bound_that_is_no_date_lets_everyone_in() -> None:
    assert not only_new({"created_at": {"$gte": "tomorrow"}}, NOW)
    assert not only_new({"created_at": {"$gte": 5}}, NOW)
    assert not only_new(None, NOW)


def word(actor: Actor, **changes: Any) -> Assessment:
    """An approval of the design `a`."""
    said = {
        "review_id": BOB.id,
        "verdict": ReviewVerdict.APPROVE,
        "design_hash": "a",
        "actor": identity(actor),
        "actor_kind": actor.kind,
        "actor_name": actor.name,
        "at": NOW,
    }
    return Assessment(**said | changes)


def test_an_approval_counts_for_the_design_that_it_was_given_to() -> None:
    said = [
        word(BOB),
        word(CAROL, design_hash="b"),
        word(KEY, verdict=ReviewVerdict.REQUEST_CHANGES),
        word(CAROL, revoked_at=datetime.now(UTC)),
    ]
    found = approvers(said, design_hash="a", authors=(), governance=Governance.TEAM)
    assert found == {identity(BOB)}


@pytest.mark.parametrize(
    ("governance", "counts"), [(Governance.SOLO, True), (Governance.TEAM, False)]
)
def test_authors_count_only_where_one_works_alone(
    governance: Governance, counts: bool
) -> None:
    authors = {identity(BOB)}
    found = approvers(
        [word(BOB)], design_hash="a", authors=authors, governance=governance
    )
    assert bool(found) is counts


def test_a_key_is_nobody() -> None:
    assert is_person(BOB)
    assert not is_person(KEY)
    assert not is_person(Actor(ActorKind.WORKER, None, "worker"))
