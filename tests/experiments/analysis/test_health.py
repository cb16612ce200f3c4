"""Checks of the experiment itself, and who is counted."""

import pytest

from experiments.analysis.disclosure import without_effect
from experiments.analysis.health import examine
from experiments.events.state import PhaseState
from tests.experiments.analysis.designs import (
    arm_state,
    conversions,
    design,
    looked,
    paid,
    state,
)


@pytest.mark.parametrize(
    ("control", "sixty", "warned", "failed"),
    [
        (10_000, 10_000, False, False),
        (10_000, 10_380, True, False),
        (10_000, 10_500, True, True),
    ],
)
def test_a_split_warns_below_one_percent_and_fails_below_one_in_a_thousand(
    control: int, sixty: int, warned: bool, failed: bool
) -> None:
    health = examine(*paid((control, 400), (sixty, 400)))
    assert (health.sample_ratio.warned, health.failed) == (warned, failed)


def test_the_split_counts_exposed_units_not_matured_ones() -> None:
    phase = design()
    found = state(
        phase,
        arm_state(phase.primary, "control", conversions(9_000, 400), maturing=1_000),
        arm_state(phase.primary, "sixty", conversions(6_000, 400), maturing=4_000),
    )
    health = examine(phase, found)
    assert not health.sample_ratio.warned
    assert (health.matured, health.maturing) == (15_000, 5_000)
    assert [arm.exposed for arm in health.arms] == [10_000, 10_000]


def test_few_units_are_not_tested() -> None:
    health = examine(*paid((4, 1), (1, 1)))
    assert health.sample_ratio.p_value is None
    assert "fewer than 5 are expected" in health.sample_ratio.note
    assert not health.failed


def counted(**rates: dict[str, int]) -> tuple[bool, bool, float | None]:
    """Whether the experiment failed, whether links warned, and p of the conflicts."""
    phase = design()
    found: PhaseState = state(
        phase,
        arm_state(phase.primary, "control", conversions(10_000, 400)),
        arm_state(phase.primary, "sixty", conversions(10_000, 400)),
        **rates,  # type: ignore[arg-type]
    )
    health = examine(phase, found)
    return health.failed, health.links.warned, health.conflicts.p_value


def test_conflicts_in_one_arm_fail_the_experiment() -> None:
    failed, _, p_value = counted(conflicts={"control": 20, "sixty": 70})
    assert failed
    assert p_value is not None
    assert p_value < 0.001


def test_conflicts_in_both_arms_do_not() -> None:
    failed, _, p_value = counted(conflicts={"control": 70, "sixty": 70})
    assert not failed
    assert p_value == pytest.approx(1.0)


def test_links_in_one_arm_warn_and_fail_nothing() -> None:
    failed, warned, _ = counted(linked={"control": 20, "sixty": 70})
    assert (failed, warned) == (False, True)


def test_sign_ups_in_one_arm_are_noted_and_fail_nothing() -> None:
    phase = design()
    health = examine(
        phase,
        state(
            phase,
            arm_state(phase.primary, "control", conversions(10_000, 400)),
            arm_state(phase.primary, "sixty", conversions(10_000, 400)),
            joined={"control": 1_000, "sixty": 1_300},
        ),
    )
    assert health.sign_ups.warned
    assert "may bring them to sign up" in health.sign_ups.note
    assert [arm.joined for arm in health.arms] == [1_000, 1_300]
    assert not health.failed


def test_an_arm_without_units_is_left_out_of_rates() -> None:
    phase = design()
    found = state(
        phase,
        arm_state(phase.primary, "control", conversions(10_000, 400)),
        exposed={"control": 10_000},
    )
    health = examine(phase, found)
    assert health.conflicts.p_value is None
    assert health.arms[1].exposed == 0


def test_what_is_hidden_leaves_counts_and_checks() -> None:
    report = looked(*paid((10_000, 400), (12_000, 900)))
    hidden = without_effect(report)
    (comparison,) = hidden.metrics[0].comparisons
    assert hidden.health == report.health
    assert comparison.raw.control.n == 10_000
    assert comparison.raw.control.mean is None
    assert comparison.raw.absolute is None
    assert comparison.valid is None
