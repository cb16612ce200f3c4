"""Two groups of units are compared, or it is said why not."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from experiments.analysis.estimates import Unbiased
from experiments.analysis.results import Check
from experiments.events.state import Sums
from experiments.models import Phase
from experiments.shipping.comparing import compared
from experiments.shipping.deviations import deviations_of
from experiments.shipping.parts import MemoParts, with_results
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
    parts: dict[str, Any] = {"design": {"coverage": 1.0}, "coverage": 1.0, "pauses": []}
    phase = Phase(**parts, ended_at=ended_at)
    assert deviations_of([phase], report(matured=400)) == (said,)
