"""Net Promoter Score: coverage at few answers, and comparisons of two groups."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument, NoVariation, TooFewUnits
from experiments.statistics.nps import Answers, compare, net_promoter_score

answers = some.builds(
    Answers, some.integers(0, 50), some.integers(0, 50), some.integers(0, 50)
)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_the_interval_covers_the_truth_from_ten_answers_on(n: int) -> None:
    shares = (0.2, 0.35, 0.45)
    truth = 100 * (shares[2] - shares[0])
    counts = np.random.default_rng(n).multinomial(n, shares, size=4000)
    covered = 0
    for row in counts:
        found = net_promoter_score(Answers(*map(int, row)), confidence=0.95)
        covered += found.low <= truth <= found.high
    assert 0.94 <= covered / 4000 <= 0.97


def test_the_score_is_promoters_less_detractors() -> None:
    found = net_promoter_score(Answers(120, 200, 380), confidence=0.95)
    assert found.value == pytest.approx(37.142857)
    assert found.n == 700
    assert found.low < found.value < found.high


def test_all_promoters_still_have_an_interval_within_bounds() -> None:
    found = net_promoter_score(Answers(0, 0, 10), confidence=0.95)
    assert found.value == 100.0
    assert found.low < found.high <= 100.0


@given(answers, answers)
def test_a_comparison_is_a_z_test_on_minus_one_to_one(
    control: Answers, treatment: Answers
) -> None:
    assume(control.n > 1 and treatment.n > 1)
    first, second = _rows(control), _rows(treatment)
    variance = first.var(ddof=1) / control.n + second.var(ddof=1) / treatment.n
    assume(variance > 1e-12)
    found = compare(control, treatment, confidence=0.95)
    z = (second.mean() - first.mean()) / np.sqrt(variance)
    assert found.statistic == pytest.approx(z, abs=1e-9)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(z)), rel=1e-9)
    assert found.value == pytest.approx(second.mean() - first.mean())


def _rows(answers: Answers) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts = [answers.detractors, answers.passives, answers.promoters]
    return np.repeat([-100.0, 0.0, 100.0], counts)


def test_what_cannot_be_said_is_refused() -> None:
    with pytest.raises(TooFewUnits):
        net_promoter_score(Answers(0, 0, 0), confidence=0.95)
    with pytest.raises(TooFewUnits):
        compare(Answers(0, 0, 1), Answers(1, 1, 1), confidence=0.95)
    with pytest.raises(NoVariation):
        compare(Answers(0, 0, 9), Answers(0, 0, 9), confidence=0.95)
    with pytest.raises(InvalidArgument, match="passives"):
        Answers(0, -1, 0)
