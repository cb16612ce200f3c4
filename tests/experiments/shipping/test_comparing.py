"""Two groups of units are compared, or it is said why not."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from experiments.analysis.estimates import Unbiased
from experiments.analysis.results import Check, Verdict
from experiments.events.state import Sums
from experiments.lifecycle import DecisionOutcome
from experiments.models import Phase
from experiments.shipping.comparing import compared
from experiments.shipping.deviations import deviations_of
from experiments.shipping.parts import (
    MemoAcceptance,
    MemoDecision,
    MemoParts,
    with_results,
)
from experiments.shipping.writing import memo_text
from tests.experiments.analysis.designs import metric
from tests.experiments.shipping.concluded import AT, report

BLANK = MemoParts(title="Shorter", question="Is it better?")


def test_a_group_without_units_is_named_as_such() -> None:
    some = Sums(n=100, y=30, yy=30)
    found = compared(metric("paid"), some, Sums(), confidence=0.95)
    assert found.difference is None
    assert found.unavailable == "One of the groups has no unit whose window has closed."


def test_what_cannot_be_computed_is_said_without_the_name_of_an_argument() -> None:
    one, some = Sums(n=1, y=1, yy=1), Sums(n=100, y=30, yy=30)
    found = compared(metric("paid"), one, some, confidence=0.95)
    assert found.unavailable[0].isupper()
    assert ":" not in found.unavailable


def test_a_memo_reads_an_early_stop_as_the_headline_does() -> None:
    shown = report()
    primary = shown.metrics[0]
    early = Unbiased(look=1, value=0.02, low=0.004, high=0.04, p_value=0.02)
    crossed = replace(primary.comparisons[0], unbiased=early)
    shown = replace(shown, metrics=(replace(primary, comparisons=(crossed,)),))
    (found,) = with_results(BLANK, shown).readings
    assert (found.absolute, found.low, found.high, found.p_value) == (
        early.value,
        early.low,
        early.high,
        early.p_value,
    )


def test_a_memo_says_of_the_split_what_its_check_does_as_a_sentence() -> None:
    noted = Check(0.5, warned=False, failed=False, note="the units fit")
    shown = report()
    shown = replace(shown, health=replace(shown.health, sample_ratio=noted))
    assert "The units fit." in memo_text(with_results(BLANK, shown))


@pytest.mark.parametrize(
    ("ended_at", "said"),
    [
        (None, "It still goes on, at 400 of 1,000 planned units."),
        (AT, "It stopped at 400 of 1,000 planned units."),
    ],
)
def test_a_memo_says_of_a_phase_under_way_that_it_goes_on(
    ended_at: datetime | None, said: str
) -> None:
    design: dict[str, Any] = {"coverage": 1.0, "arms": []}
    phase = Phase(design=design, coverage=1.0, pauses=[], ended_at=ended_at)  # type: ignore[call-arg]
    assert deviations_of([phase], report(matured=400)) == (said,)


def test_a_memo_says_pauses_in_words_and_instants_as_the_console_does() -> None:
    design: dict[str, Any] = {"coverage": 1.0, "arms": []}
    pause = {
        "mode": "PAUSE_ENROLMENT",
        "from": "2026-05-01T12:00:00+00:00",
        "until": None,
    }
    phase = Phase(design=design, coverage=1.0, pauses=[pause], dropped=[])  # type: ignore[call-arg]
    assert deviations_of([phase], None) == (
        "Enrolment was paused from 1 May 2026, 12:00 UTC to now.",
    )


@pytest.mark.parametrize(
    ("matured", "said"),
    [
        (
            400,
            "Paid, short: not enough data to tell, 4.0% -> 4.1% (-0.9 to +1.1 points)",
        ),
        (1_000, "Paid, short: no clear answer, 4.0% -> 4.1% (-0.9 to +1.1 points)"),
    ],
)
def test_a_memo_waits_for_no_data_once_all_is_in(matured: int, said: str) -> None:
    shown = report(matured=matured, verdict=Verdict.NOT_ENOUGH_DATA, effect=0.001)
    assert f"- {said}, p = 0.010." in memo_text(with_results(BLANK, shown))


def test_a_memo_says_what_was_accepted_in_sentences_and_by_names() -> None:
    decision = MemoDecision(
        DecisionOutcome.SHIP,
        "short",
        "It works.",
        "Ada",
        opposes=False,
        approved_by=None,
        reviewed=True,
        early_reason=None,
        acceptances=(MemoAcceptance("revenue", "Ada", "It is small."),),
    )
    parts = replace(
        with_results(BLANK, report()),
        decision=decision,
        variant_names=(("long", "Long form"), ("short", "Short form")),
    )
    text = memo_text(parts)
    for said in (
        "**Ship “Short form”**, by Ada.",
        "Revenue is not shown to be safe. Ada accepted that, because: It is small.",
        "Recommended: ship “Short form”.",
        "Exposed: Long form 500, Short form 500. The split fits (p = 0.70).",
    ):
        assert said in text
