"""Who gets what, and why."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment.definitions import (
    CompiledPhase,
    Serving,
    Snapshot,
)
from experiments.assignment.evaluator import (
    Cause,
    Reason,
    compiled_phase,
    decide,
)
from experiments.assignment.explanation import explained
from experiments.design import UnitKind
from tests.experiments.assignment.rulesets import DEFINITION


def phase(**changes: Any) -> CompiledPhase:
    return compiled_phase(replace(DEFINITION, **changes))


def subject(
    user: str | None = None,
    anonymous: str | None = None,
    account: str | None = None,
    **attributes: Any,
) -> dict[str, Any]:
    return {**attributes, "id": user, "anonymousId": anonymous, "accountId": account}


def test_a_covered_subject_is_split() -> None:
    decision = decide(phase(), subject("u1"))
    assert decision.cause is Cause.SPLIT
    assert decision.reason is Reason.SPLIT
    assert decision.in_experiment
    bucket = explained(phase(), subject("u1")).bucket
    assert bucket is not None
    assert decision.variant.key == ("long" if bucket < 0.5 else "short")


def test_a_user_is_hashed_by_id_and_otherwise_by_anonymous_id() -> None:
    known = explained(phase(), subject("u1", "a1")).unit
    unknown = explained(phase(), subject(None, "a1")).unit
    assert known is not None
    assert unknown is not None
    assert (known.attribute, known.value) == ("id", "u1")
    assert (unknown.attribute, unknown.value) == ("anonymousId", "a1")


def test_an_account_experiment_gives_one_answer_to_a_whole_account() -> None:
    by_account = phase(unit=UnitKind.ACCOUNT)
    keys = {
        decide(by_account, subject(f"u{n}", account="acme")).variant.key
        for n in range(50)
    }
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("unit", "attributes"),
    [
        (UnitKind.USER, subject(account="acme")),
        (UnitKind.USER, subject("")),
        (UnitKind.ACCOUNT, subject("u1")),
    ],
)
def test_who_has_no_unit_gets_the_control_outside_the_experiment(
    unit: UnitKind, attributes: dict[str, Any]
) -> None:
    decision = decide(phase(unit=unit), attributes)
    assert decision.cause is Cause.NO_UNIT
    assert decision.variant.key == "long"
    assert not decision.in_experiment


def test_who_is_not_targeted_gets_the_control_and_the_failing_comparison() -> None:
    targeted = phase(condition={"plan": "free"})
    decision = decide(targeted, subject("u1", plan="paid"))
    why = explained(targeted, subject("u1", plan="paid"))
    assert decision.cause is Cause.NOT_TARGETED
    assert decision.reason is Reason.STATIC
    assert decision.value == 1
    assert why.failure is not None
    assert (why.failure.attribute, why.failure.actual) == ("plan", "paid")
    assert why.bucket is not None


@pytest.mark.parametrize(
    ("serving", "cause"),
    [(Serving.PAUSED, Cause.PAUSED), (Serving.STOPPED, Cause.STOPPED)],
)
def test_a_phase_that_does_not_split_serves_the_control_to_all(
    serving: Serving, cause: Cause
) -> None:
    for number in range(20):
        decision = decide(phase(serving=serving), subject(f"u{number}"))
        assert decision.cause is cause
        assert decision.reason is Reason.DISABLED
        assert decision.variant.key == "long"
        assert not decision.in_experiment


@given(
    st.text(min_size=1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([(0.5, 0.5), (0.9, 0.1), (0.25, 0.75)]),
)
def test_raising_coverage_only_adds_units(
    user: str, one: float, other: float, weights: tuple[float, float]
) -> None:
    low, high = sorted((one, other))
    variants = tuple(
        replace(variant, weight=weight)
        for variant, weight in zip(DEFINITION.variants, weights, strict=True)
    )
    before = decide(phase(coverage=low, variants=variants), subject(user))
    after = decide(phase(coverage=high, variants=variants), subject(user))
    if before.in_experiment:
        assert after.in_experiment
        assert after.variant.key == before.variant.key


def test_two_phases_split_the_same_people_independently() -> None:
    first, second = phase(), phase(seed="0000000000000000")
    both = sum(
        decide(first, subject(f"u{n}")).variant.key == "short"
        and decide(second, subject(f"u{n}")).variant.key == "short"
        for n in range(4_000)
    )
    assert abs(both - 1_000) < 4 * (4_000 * 0.25 * 0.75) ** 0.5


def test_a_snapshot_holds_its_phases_by_experiment_key() -> None:
    snapshot = Snapshot.of(7, (DEFINITION,))
    assert snapshot.version == 7
    assert list(snapshot.phases) == ["short-form"]
    with pytest.raises(TypeError):
        snapshot.phases["other"] = phase()  # type: ignore[index]
