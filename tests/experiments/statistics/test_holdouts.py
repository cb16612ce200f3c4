"""Winners beside a holdout: shrinkage, and what selection does to sums."""

import math

import numpy as np
import pytest

from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.heterogeneity import Effect
from experiments.statistics.holdouts import check_holdout, shrunken


def test_an_effect_is_shrunk_as_far_as_it_is_noisy() -> None:
    found = shrunken(Effect(2.0, 1.0), deviation=3.0)
    assert (found.value, found.variance) == pytest.approx((1.8, 0.9))
    assert shrunken(Effect(2.0, 1e-9), deviation=3.0).value == pytest.approx(2.0)


def test_the_gap_counts_both_sides_noise() -> None:
    shipped = [Effect(1.0, 1.0), Effect(3.0, 1.0)]
    found = check_holdout(shipped, Effect(1.5, 0.25), deviation=1.0, confidence=0.95)
    assert found.claimed == pytest.approx(4.0)
    assert (found.expected.value, found.expected.variance) == pytest.approx((2.0, 1.0))
    assert found.gap.value == pytest.approx(-0.5)
    assert found.gap.standard_error == pytest.approx(math.sqrt(1.25))


def test_chosen_winners_promise_too_much_and_shrunk_ones_do_not() -> None:
    """Of 40 experiments those that are significant are shipped; 500 times."""
    draw = np.random.default_rng(4)
    claimed, gaps, covered = [], [], 0
    for _ in range(500):
        truth = 0.1 * draw.standard_normal(40)
        seen = truth + 0.08 * draw.standard_normal(40)
        chosen = seen > 1.96 * 0.08
        if not chosen.any():
            continue
        total = float(truth[chosen].sum())
        measured = Effect(total + 0.1 * float(draw.standard_normal()), 0.01)
        found = check_holdout(
            [Effect(float(value), 0.0064) for value in seen[chosen]],
            measured,
            deviation=0.1,
            confidence=0.95,
        )
        claimed.append(found.claimed / total - 1.0)
        gaps.append(found.gap.value / found.gap.standard_error)
        covered += found.gap.low <= 0.0 <= found.gap.high
    runs = len(gaps)
    assert float(np.median(claimed)) > 0.3
    assert abs(float(np.mean(gaps))) < 4.0 / math.sqrt(runs)
    assert covered > 0.95 * runs - 4.0 * math.sqrt(0.05 * 0.95 * runs)


def test_nothing_shipped_or_no_prior_is_refused() -> None:
    with pytest.raises(TooFewUnits, match="shipped"):
        check_holdout([], Effect(0.0, 1.0), deviation=1.0, confidence=0.95)
    with pytest.raises(InvalidArgument, match="deviation"):
        shrunken(Effect(0.0, 1.0), deviation=0.0)
    with pytest.raises(InvalidArgument, match="confidence"):
        check_holdout(
            [Effect(0.0, 1.0)], Effect(0.0, 1.0), deviation=1.0, confidence=1.0
        )
