"""The sentence at the top: sign, unit, caveat and advice, case by case."""

from dataclasses import replace

import pytest

from experiments.analysis.results import Outcome, Verdict
from experiments.design import (
    Direction,
    MetricDesign,
    MetricKind,
    MetricRole,
    PhaseDesign,
    UnitKind,
)
from experiments.events.state import ArmMetricState, PhaseState, Sums
from tests.experiments.analysis.designs import (
    HUNDRED,
    SIXTY,
    arm,
    arm_state,
    conversions,
    design,
    ended,
    looked,
    metric,
    paid,
    state,
)

PAID = metric("paid", name="paid conversion")
RETENTION = metric(
    "retained", kind=MetricKind.RETENTION, role=MetricRole.GUARDRAIL, name="retention"
)


def sentence(phase: PhaseDesign, found: PhaseState) -> str:
    """The headline after the look."""
    return looked(phase, found).headline


def with_guardrail(
    guardrail: MetricDesign, control: ArmMetricState, sixty: ArmMetricState
) -> tuple[PhaseDesign, PhaseState]:
    """A winning primary metric beside one guardrail."""
    phase = design(PAID, guardrail)
    return phase, state(
        phase,
        arm_state(PAID, "control", conversions(10_000, 400)),
        arm_state(PAID, "sixty", conversions(10_000, 480)),
        control,
        sixty,
    )


def test_a_win_says_by_how_much_and_to_ship() -> None:
    assert sentence(*paid((10_000, 400), (10_000, 480))) == (
        "60 reports instead of 100: paid conversion 4.0% -> 4.8% "
        "(+0.2 to +1.4 points). Ship it."
    )


def test_a_ratio_of_people_reads_in_per_cent() -> None:
    per_member = metric("paid", kind=MetricKind.RATIO, unit="%", name="paid conversion")
    phase = design(per_member)
    members = {"d": 10_000, "dd": 10_000}
    found = state(
        phase,
        arm_state(per_member, "control", Sums(10_000, 400, 400, yd=400, **members)),
        arm_state(per_member, "sixty", Sums(10_000, 480, 480, yd=480, **members)),
    )
    assert sentence(phase, found) == (
        "60 reports instead of 100: paid conversion 4.0% -> 4.8% "
        "(+0.2 to +1.4 points). Ship it."
    )


def test_a_loss_says_not_to() -> None:
    assert sentence(*paid((10_000, 480), (10_000, 400))) == (
        "60 reports instead of 100: paid conversion 4.8% -> 4.0% "
        "(-1.4 to -0.2 points). Do not ship it."
    )


def test_a_difference_too_small_to_matter_is_called_that() -> None:
    assert sentence(*paid((10_000, 400), (10_000, 400))) == (
        "60 reports instead of 100: paid conversion 4.0% -> 4.0% "
        "(-0.5 to +0.5 points). No difference that matters."
    )


def test_an_interval_that_allows_an_effect_that_matters_is_inconclusive() -> None:
    phase, found = paid((10_000, 400), (10_000, 400), minimum_effect=0.002)
    assert sentence(phase, found).endswith("This does not show which is better.")


def test_where_less_is_better_a_fall_is_a_win() -> None:
    churn = metric("churn", name="churn", direction=Direction.DECREASE)
    phase = design(churn)
    found = state(
        phase,
        arm_state(churn, "control", conversions(10_000, 480)),
        arm_state(churn, "sixty", conversions(10_000, 400)),
    )
    assert sentence(phase, found) == (
        "60 reports instead of 100: churn 4.8% -> 4.0% (-1.4 to -0.2 points). Ship it."
    )


def test_an_open_guardrail_says_how_bad_it_could_be() -> None:
    text = sentence(
        *with_guardrail(
            RETENTION,
            arm_state(RETENTION, "control", conversions(10_000, 5_000)),
            arm_state(RETENTION, "sixty", conversions(10_000, 5_000)),
        )
    )
    assert text == (
        "60 reports instead of 100: paid conversion 4.0% -> 4.8% "
        "(+0.2 to +1.4 points). Retention could be down by up to 2.7%. Ship it."
    )


def test_a_harmed_guardrail_blocks_a_win() -> None:
    phase, found = with_guardrail(
        RETENTION,
        arm_state(RETENTION, "control", conversions(10_000, 5_000)),
        arm_state(RETENTION, "sixty", conversions(10_000, 4_700)),
    )
    assert sentence(phase, found).endswith(
        "Retention got worse: 50.0% -> 47.0% (-4.4 to -1.6 points). Do not ship it."
    )
    assert looked(phase, found).recommendation.reasons == (
        "retention got worse with 60 reports",
    )


def test_a_guardrail_that_rises_when_it_should_fall_is_said_to_be_up() -> None:
    tickets = metric(
        "tickets",
        kind=MetricKind.COUNT,
        role=MetricRole.GUARDRAIL,
        direction=Direction.DECREASE,
        name="support tickets",
        unit="tickets",
    )
    same = Sums(n=10_000, y=200, yy=400)
    text = sentence(
        *with_guardrail(
            tickets,
            arm_state(tickets, "control", same),
            arm_state(tickets, "sixty", same),
        )
    )
    assert "Support tickets could be up by up to 32%." in text


def test_a_guardrail_over_a_noisy_baseline_is_bounded_in_its_own_unit() -> None:
    refunds = metric(
        "refunds", kind=MetricKind.SUM, role=MetricRole.GUARDRAIL, unit="EUR"
    )
    noisy = Sums(n=10_000, y=10**9, yy=10**6 * 10**12)
    text = sentence(
        *with_guardrail(
            refunds,
            arm_state(refunds, "control", noisy, nonzero=50),
            arm_state(refunds, "sixty", noisy, nonzero=50),
        )
    )
    assert "Refunds could be down by up to 0.28 EUR." in text


def test_a_guardrail_with_too_few_units_is_not_known() -> None:
    text = sentence(
        *with_guardrail(
            RETENTION,
            arm_state(RETENTION, "control", conversions(50, 20)),
            arm_state(RETENTION, "sixty", conversions(50, 20)),
        )
    )
    assert "Retention is not known yet." in text


def test_a_mean_is_said_in_its_own_unit_and_capped() -> None:
    spend = metric(
        "spend", kind=MetricKind.SUM, name="spend", unit="EUR", cap=900 * 10**6
    )
    phase = design(spend, minimum_effect=0.5)

    def sums(n: int, mean: int, spread: int) -> Sums:
        total = n * mean * 10**6
        return Sums(n=n, y=total, yy=n * (mean**2 + spread**2) * 10**12)

    found = state(
        phase,
        arm_state(spend, "control", sums(10_000, 20, 500), capped=sums(10_000, 20, 40)),
        arm_state(spend, "sixty", sums(10_000, 22, 500), capped=sums(10_000, 22, 40)),
    )
    assert sentence(phase, found) == (
        "60 reports instead of 100: spend (capped) 20.0 -> 22.0 EUR (+0.9 to +3.1). "
        "Ship it."
    )


def test_a_doubtful_split_is_a_caution() -> None:
    text = sentence(*paid((9_800, 400), (10_200, 480)))
    assert "Caution: a split of 9,800 and 10,200 users is unlikely" in text
    assert "(p = 0.0047)" in text


def test_a_broken_split_hides_the_effect() -> None:
    phase, found = paid((10_000, 400), (11_000, 480))
    assert sentence(phase, found) == (
        "60 reports instead of 100: not valid. A split of 10,000 and 11,000 users does "
        "not come from the planned one by chance (p < 0.0001)."
    )


def test_conflicts_in_one_arm_hide_the_effect() -> None:
    phase, found = paid((10_000, 400), (10_000, 480))
    found = replace(found, conflicts={"control": 10, "sixty": 60})
    assert sentence(phase, found) == (
        "60 reports instead of 100: not valid. "
        "Units seen in two variants: more in one arm."
    )


def test_before_the_look_it_is_too_early() -> None:
    phase, found = paid((400, 20), (400, 30))
    text = looked(phase, found, waiting_for="800 of 20,000 planned users have been")
    assert text.headline == (
        "60 reports instead of 100: too early to say. "
        "800 of 20,000 planned users have been."
    )
    assert text.verdict is Verdict.NOT_ENOUGH_DATA


def test_too_few_units_in_an_arm_give_no_effect() -> None:
    text = sentence(*paid((90, 20), (95, 40), planned_units=100))
    assert text == (
        "60 reports instead of 100: paid conversion cannot be compared, control has "
        "90 units of the 100 it needs. This does not show which is better."
    )


def test_a_test_that_stopped_early_says_so() -> None:
    phase, found = paid((3_000, 120), (3_000, 180))
    text = sentence(ended(phase), found)
    assert "It stopped at 6,000 of 20,000 planned users." in text


def test_a_test_that_still_runs_does_not_say_that_it_stopped() -> None:
    text = sentence(*paid((3_000, 120), (3_000, 121), minimum_effect=0.1))
    assert text == (
        "60 reports instead of 100: paid conversion 4.00% -> 4.03% (-0.96 to +1.03 "
        "points). So far it has 6,000 of 20,000 planned users. No difference that "
        "matters."
    )


def test_a_finished_import_stopped_where_it_ends() -> None:
    phase, found = paid((3_000, 120), (3_000, 180))
    text = sentence(replace(phase, imported=True, finished_import=True), found)
    assert "It stopped at 6,000 of 20,000 planned users." in text


def test_several_arms_are_owned_up_to() -> None:
    arms = (HUNDRED, SIXTY, arm("forty", "40 reports"))
    phase = design(arms=arms)
    found = state(
        phase,
        arm_state(phase.primary, "control", conversions(10_000, 400)),
        arm_state(phase.primary, "sixty", conversions(10_000, 500)),
        arm_state(phase.primary, "forty", conversions(10_000, 470)),
    )
    report = looked(phase, found)
    assert report.recommendation.outcome is Outcome.SHIP
    assert report.recommendation.arm == "sixty"
    assert "One of 2 variants tried." in report.headline


def test_accounts_are_called_accounts() -> None:
    phase, found = paid((4_000, 160), (5_000, 200), unit=UnitKind.ACCOUNT)
    assert "4,000 and 5,000 accounts" in sentence(phase, found)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [((10_000, 400), (10_000, 480)), ((10_000, 480), (10_000, 400)),
     ((10_000, 400), (10_000, 400)), ((120, 60), (120, 70))],
)  # fmt: skip
def test_it_never_says_minus_zero_nor_nan(
    control: tuple[int, int], treatment: tuple[int, int]
) -> None:
    text = sentence(*paid(control, treatment)).lower()
    assert "-0.0 " not in text
    assert "nan" not in text
    assert "none" not in text
