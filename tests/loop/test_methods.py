"""Every method on one published experiment: different questions, one picture."""

import csv
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from experiments.statistics import means, proportions, ratios
from experiments.statistics.always_valid import asymptotic_sequence, harm_bound
from experiments.statistics.bayes import posterior, share_belief
from experiments.statistics.boundaries import boundary
from experiments.statistics.caps import quantile_cap
from experiments.statistics.differences import Difference
from experiments.statistics.directions import Better
from experiments.statistics.proportions import Proportion
from experiments.statistics.relative import fieller
from experiments.statistics.samples import PairSample, Sample
from experiments.statistics.spending import Spending
from tests.processes import ROOT

USUAL = 0.95
ARMS = ("gate_30", "gate_40")
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """One row per player."""
    named = os.environ.get("HONE_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    table = Path(named) / "experiments" / "cookie_cats.csv"
    if not table.exists():
        pytest.skip(f"no table at {table}")
    with table.open(newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True, slots=True)
class Came:
    """Who came back, in both arms, and what each method makes of it."""

    control: Proportion
    treatment: Proportion

    @classmethod
    def of(cls, rows: Rows, metric: str) -> "Came":
        """Counted from the table."""
        arms = [[row for row in rows if row["version"] == arm] for arm in ARMS]
        return cls(
            *(Proportion(len(a), sum(r[metric] == "TRUE" for r in a)) for a in arms)
        )

    @property
    def welch(self) -> Difference:
        """Of values that are 0 and 1."""
        return means.welch(
            self.control.sample(), self.treatment.sample(), confidence=USUAL
        )

    @property
    def all(self) -> list[Difference]:
        """By three roads."""
        pairs = [alone(arm.sample()) for arm in (self.control, self.treatment)]
        return [
            self.welch,
            proportions.score(self.control, self.treatment, confidence=USUAL),
            ratios.delta(*pairs, confidence=USUAL),
        ]


def alone(sample: Sample) -> PairSample:
    """The same values as a ratio over a denominator of one."""
    return PairSample(sample.n, sample.mean, 1.0, sample.deviations, 0.0, 0.0)


@pytest.mark.parametrize(
    ("metric", "p_value"), [("retention_7", 0.00156), ("retention_1", 0.0744)]
)
def test_tests_of_a_share_agree(rows: Rows, metric: str, p_value: float) -> None:
    came = Came.of(rows, metric)
    for found in came.all:
        assert found.value == pytest.approx(came.welch.value, abs=1e-12)
        assert found.p_value == pytest.approx(p_value, rel=0.01)
        assert (found.low, found.high) == pytest.approx(
            (came.welch.low, came.welch.high), abs=2e-5
        )
        assert (found.p_value < 0.05) == (found.low * found.high > 0)


@pytest.mark.parametrize("metric", ["retention_7", "retention_1"])
def test_beliefs_say_what_tests_say(rows: Rows, metric: str) -> None:
    came = Came.of(rows, metric)
    test = came.welch
    flat = posterior(
        test.value,
        test.standard_error,
        prior=None,
        better=Better.HIGHER,
        confidence=USUAL,
    )
    shares = share_belief(
        came.control, came.treatment, prior=(1.0, 1.0), better=Better.HIGHER
    )
    assert flat.chance_to_win == pytest.approx(test.p_value / 2.0, rel=1e-3)
    assert shares.chance_to_win == pytest.approx(flat.chance_to_win, rel=0.02)
    assert (flat.low, flat.high) == pytest.approx((test.low, test.high), abs=1e-6)


@pytest.mark.parametrize("metric", ["retention_7", "retention_1"])
def test_what_holds_at_any_time_is_wider_than_what_holds_once(
    rows: Rows, metric: str
) -> None:
    came = Came.of(rows, metric)
    once, units = came.welch, len(rows)
    always = asymptotic_sequence(
        once.value, once.standard_error, n=units, planned=units, alpha=0.05
    )
    assert always.low < once.low < once.high < always.high
    assert always.p_value > once.p_value
    daily = boundary([(n + 1) / 14 for n in range(14)], spending=SPENDING, alpha=0.05)
    last = daily.critical[-1]
    assert last is not None
    assert once.critical - 0.01 < last < always.critical


SPENDING = Spending.OBRIEN_FLEMING


def test_the_alarm_rings_where_the_loss_is_beyond_doubt_and_nowhere_else(
    rows: Rows,
) -> None:
    for metric, rings in (("retention_7", True), ("retention_1", False)):
        test = Came.of(rows, metric).welch
        found = harm_bound(
            test.value,
            test.standard_error,
            n=len(rows),
            planned=len(rows),
            alpha=0.05,
            better=Better.HIGHER,
        )
        assert found.harmed == rings
        assert found.bound > test.value


def test_the_share_that_is_lost_has_the_sign_of_the_difference(rows: Rows) -> None:
    came = Came.of(rows, "retention_7")
    lift = fieller(
        came.control.sample().estimate(),
        came.treatment.sample().estimate(),
        critical=came.welch.critical,
    )
    assert lift.value == pytest.approx(came.welch.value / came.control.share)
    assert lift.low is not None
    assert lift.high is not None
    assert lift.low < lift.high < 0.0


def test_mean_rounds_differ_by_no_method(rows: Rows) -> None:
    arms = [
        np.array([float(r["sum_gamerounds"]) for r in rows if r["version"] == arm])
        for arm in ARMS
    ]
    samples = [Sample(len(a), float(a.mean()), float(a.var()) * len(a)) for a in arms]
    raw = means.welch(samples[0], samples[1], confidence=USUAL)
    by_ratio = ratios.delta(alone(samples[0]), alone(samples[1]), confidence=USUAL)
    cap = quantile_cap(np.concatenate(arms).astype(np.int64), quantile=0.999)
    cut = [np.minimum(a, cap) for a in arms]
    capped = means.welch(
        *(Sample(len(a), float(a.mean()), float(a.var()) * len(a)) for a in cut),
        confidence=USUAL,
    )
    assert by_ratio.p_value == pytest.approx(raw.p_value, rel=1e-3)
    for found in (raw, by_ratio, capped):
        assert found.p_value > 0.05
        assert found.low < 0.0 < found.high
