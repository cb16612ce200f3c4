"""The split at every refresh, and the slice that a broken one comes from."""

import pytest

from experiments.analysis.health import examine, split_warns
from experiments.analysis.impact import Reach
from experiments.analysis.splits import sequential_split, sliced
from experiments.events.study_slices import DAY, Slice
from tests.experiments.analysis.designs import arm, design, paid


def slices(attribute: str, **levels: tuple[int, int]) -> tuple[Slice, ...]:
    """Units of the control and of sixty by level."""
    return tuple(
        Slice(attribute, level, arm, units)
        for level, counts in levels.items()
        for arm, units in zip(("control", "sixty"), counts, strict=True)
    )


BROKEN_SDK = (
    *slices("sdk_version", v1=(7_000, 7_010), v2=(3_000, 3_600)),
    *slices("country", DE=(5_000, 5_300), FR=(5_000, 5_310)),
    *slices(DAY, **{"2026-03-02": (9_000, 9_540), "2026-03-03": (1_000, 1_070)}),
)


def test_a_split_that_is_off_in_one_sdk_names_it_with_its_share() -> None:
    checks, (first, second) = sliced(design(), BROKEN_SDK)
    assert (checks[0].attribute, checks[0].level) == ("sdk_version", "v2")
    assert checks[0].counts == (3_000, 3_600)
    assert checks[0].rejected
    assert checks[0].p_value == pytest.approx(1.5e-13, rel=0.1)
    assert first == (
        "The split is off most where sdk_version is v2: 3,000 to 3,600 units "
        "(p < 0.0001), 32% of all."
    )
    assert second == "Elsewhere it fits (p = 0.93)."


def test_slices_that_all_fit_say_nothing() -> None:
    even = slices("sdk_version", v1=(7_000, 7_010), v2=(3_000, 3_050))
    checks, diagnosis = sliced(design(), even)
    assert len(checks) == 2
    assert not any(check.rejected for check in checks)
    assert diagnosis == ()


def test_an_attribute_with_one_level_is_no_slice() -> None:
    checks, diagnosis = sliced(design(), slices("sdk", web=(3_000, 3_600)))
    assert (checks, diagnosis) == ((), ())


def test_a_slice_of_few_units_is_shown_and_not_tested() -> None:
    found = slices("sdk", web=(5_000, 5_000), ios=(1, 3))
    checks, _ = sliced(design(), found)
    assert [check.p_value for check in checks] == [1.0, None]


def test_one_error_rate_is_kept_over_all_slices() -> None:
    many = slices("country", **{f"c{n}": (1_000, 1_000) for n in range(19)})
    alone = slices("sdk", web=(10_000, 10_000), ios=(1_000, 1_155))
    checks, _ = sliced(design(), (*alone, *many))
    assert checks[0].p_value == pytest.approx(0.00084, abs=1e-5)
    assert not checks[0].rejected


def test_the_split_has_a_p_value_that_holds_at_every_refresh() -> None:
    health = examine(*paid((10_000, 400), (10_500, 400)))
    assert health.sequential_ratio is not None
    assert health.sample_ratio.p_value == pytest.approx(0.00048, abs=1e-5)
    assert health.sequential_ratio.p_value == pytest.approx(0.0335, abs=1e-3)
    assert not health.sequential_ratio.warned


@pytest.mark.parametrize(
    ("control", "sixty", "warned"),
    [
        (600_000, 602_300, False),
        (600_000, 603_000, True),
        (400_000, 403_500, True),
    ],
)
def test_beyond_a_million_units_a_harmless_error_is_no_alarm(
    control: int, sixty: int, warned: bool
) -> None:
    plan, found = paid((control, 400), (sixty, 400))
    health = examine(plan, found)
    assert health.sample_ratio.p_value is not None
    assert health.sample_ratio.p_value < 0.05
    assert health.sample_ratio.warned is warned
    assert split_warns(plan, found) is warned


def test_an_arm_without_weight_leaves_the_rest_testable() -> None:
    arms = (arm("control", "c", control=True), arm("sixty", "s"), arm("x", "x"))
    plan = design(arms=arms)
    check = sequential_split(plan, [5_000, 5_000, 4_000])
    assert check.failed


def test_an_arms_trigger_rate_is_of_those_it_was_meant_for() -> None:
    plan, found = paid((400, 4), (300, 3))
    reach = Reach(1, {"control": 400, "sixty": 300}, seen=1_000, monthly=1, days=30)
    health = examine(plan, found, reach=reach)
    assert [each.trigger_rate for each in health.arms] == [0.8, 0.6]
    assert examine(plan, found).arms[0].trigger_rate is None
