"""Families: Holm's procedure, and Benjamini and Hochberg's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from experiments.statistics.errors import InvalidArgument
from experiments.statistics.multiplicity import benjamini_hochberg, holm

families = some.lists(some.floats(0, 1), min_size=1, max_size=8)


def test_it_steps_down() -> None:
    found = holm([0.01, 0.04, 0.03, 0.005], alpha=0.05)
    assert [a.p_value for a in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [a.alpha for a in found] == pytest.approx(
        [0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4]
    )


@given(families)
def test_a_hypothesis_is_rejected_exactly_at_its_own_level(family: list[float]) -> None:
    for p_value, adjusted in zip(family, holm(family, alpha=0.05), strict=True):
        if abs(p_value - adjusted.alpha) > 1e-12:
            assert (adjusted.p_value <= 0.05) == (p_value <= adjusted.alpha)


@given(families)
def test_adjusting_keeps_the_order_and_never_lowers(family: list[float]) -> None:
    found = [a.p_value for a in holm(family, alpha=0.05)]
    assert all(a >= p for a, p in zip(found, family, strict=True))
    order = np.argsort(family, kind="stable")
    assert [found[i] for i in order] == sorted(found)


def test_a_family_is_wrong_at_most_one_time_in_twenty() -> None:
    draws = np.random.default_rng(3).random((4000, 3))
    wrong = sum(
        any(a.p_value <= 0.05 for a in holm([float(p) for p in row], alpha=0.05))
        for row in draws
    )
    assert 0.035 <= wrong / 4000 <= 0.06


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        holm([1.1], alpha=0.05)
    with pytest.raises(InvalidArgument):
        holm([0.5], alpha=0.0)


@given(families)
def test_false_discoveries_are_adjusted_as_scipy_does(family: list[float]) -> None:
    found = benjamini_hochberg(family, alpha=0.05)
    known = stats.false_discovery_control(family)
    assert [a.p_value for a in found] == pytest.approx(known, rel=1e-12, abs=1e-300)
    assert [a.rejected for a in found] == [a.p_value <= 0.05 for a in found]


def test_the_published_discoveries_are_made() -> None:
    """Benjamini and Hochberg (1995), section 3.1: four of fifteen, Bonferroni three."""
    family = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459,
              0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]  # fmt: skip
    found = benjamini_hochberg(family, alpha=0.05)
    assert [a.rejected for a in found] == [True] * 4 + [False] * 11


def test_few_discoveries_are_false() -> None:
    generator = np.random.default_rng(21)
    shared = generator.normal(size=(1500, 1))
    noise = generator.normal(size=(1500, 50))
    scores = np.sqrt(0.5) * shared + np.sqrt(0.5) * noise
    scores[:, 40:] += 3.0
    shares = []
    for row in stats.norm.sf(scores):
        found = benjamini_hochberg([float(p) for p in row], alpha=0.05)
        made = [a.rejected for a in found]
        shares.append(sum(made[:40]) / max(1, sum(made)))
    assert 0.005 <= np.mean(shares) <= 0.05


def test_impossible_families_are_refused() -> None:
    assert benjamini_hochberg([], alpha=0.05) == ()
    with pytest.raises(InvalidArgument):
        benjamini_hochberg([-0.1], alpha=0.05)
    with pytest.raises(InvalidArgument):
        benjamini_hochberg([0.1], alpha=1.0)
