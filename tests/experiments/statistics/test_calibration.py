"""Every published claim of calibration, at a small size."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration.claims import Band, Claim, exact, rate
from benchmarks.calibration.table import CLAIMS, END, START, Row, render, replace_table

PAGE = Path(__file__).parents[3] / "docs" / "statistics.md"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_is_not_contradicted_by_a_few_runs(claim: Claim) -> None:
    found = claim.check(claim.fewest)
    assert claim.band.holds(found), found


def test_every_claim_has_a_name_of_its_own() -> None:
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)


def test_the_page_has_a_row_for_every_claim_and_none_fails() -> None:
    table = PAGE.read_text("utf-8").split(START)[1].split(END)[0]
    rows = table.strip().splitlines()[2:]
    names = [row.split(" | ")[0].removeprefix("| ") for row in rows]
    assert names == [claim.name for claim in CLAIMS]
    assert all(row.endswith(" holds |") for row in rows)


def test_a_rate_is_known_up_to_the_exact_interval() -> None:
    found = rate(50, 1_000)
    assert (found.low, found.high) == pytest.approx((0.03024, 0.07673), abs=1e-5)
    assert rate(0, 10).low == 0.0
    assert rate(10, 10).high == 1.0


def test_a_claim_fails_where_the_interval_leaves_the_band() -> None:
    band = Band(0.04, 0.06)
    assert band.holds(rate(400, 10_000))
    assert not band.holds(rate(250, 10_000))
    assert not band.holds(rate(800, 10_000))


def test_a_failing_claim_is_printed_as_failing() -> None:
    table = render([Row(0, 1_000, exact(1.0), 0.1)])
    assert table.splitlines()[2].startswith(f"| {CLAIMS[0].name} | ")
    assert "| 1,000 |" in table
    assert table.endswith("| **FAILS** |")
    page = replace_table(f"above\n{START}\nold\n{END}\nbelow\n", table)
    assert page == f"above\n{START}\n{table}\n{END}\nbelow\n"


def test_a_row_draws_the_same_runs_whatever_else_is_run() -> None:
    claim = next(each for each in CLAIMS if each.name == "Power at the design")
    np.random.default_rng(1).normal(size=3)
    assert claim.check(1_000) == claim.check(1_000)
