"""Bayesian readings: against integrals, and calibrated under their own prior."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import integrate, stats

from experiments.statistics.bayes import Prior, posterior, share_belief
from experiments.statistics.directions import Better
from experiments.statistics.errors import InvalidArgument
from experiments.statistics.proportions import Proportion


@pytest.mark.parametrize(
    ("value", "error", "prior"),
    [(0.06, 0.03, Prior(0.0, 0.1)), (-2.0, 1.5, Prior(1.0, 0.5)), (0.3, 0.4, None)],
)
def test_the_posterior_is_bayes_theorem(
    value: float, error: float, prior: Prior | None
) -> None:
    def weight(effect: float) -> float:
        belief = 1.0
        if prior is not None:
            belief = stats.norm.pdf(effect, prior.mean, prior.deviation)
        return float(stats.norm.pdf(value, effect, error) * belief)

    low, high = value - 12 * error, value + 12 * error
    whole = integrate.quad(weight, low, high, epsabs=0, limit=300)[0]
    centre = integrate.quad(lambda x: x * weight(x), low, high, limit=300)[0] / whole
    wins = integrate.quad(weight, 0.0, max(high, 0.0), limit=300)[0] / whole
    lost = integrate.quad(lambda x: -x * weight(x), low, 0.0, limit=300)[0] / whole
    found = posterior(value, error, prior=prior, better=Better.HIGHER, confidence=0.95)
    assert found.mean == pytest.approx(centre, rel=1e-7)
    assert found.chance_to_win == pytest.approx(wins, rel=1e-7)
    assert found.treatment_loss == pytest.approx(lost, rel=1e-6)


finites = some.floats(-5, 5)
spreads = some.floats(0.05, 5)


@given(finites, spreads, spreads)
def test_swapping_the_arms_swaps_the_losses(
    value: float, error: float, deviation: float
) -> None:
    one, other = (
        posterior(
            sign * value,
            error,
            prior=Prior(0.0, deviation),
            better=Better.HIGHER,
            confidence=0.9,
        )
        for sign in (1.0, -1.0)
    )
    assert one.chance_to_win == pytest.approx(1.0 - other.chance_to_win, abs=1e-12)
    assert one.treatment_loss == pytest.approx(other.control_loss, rel=1e-9)
    assert one.low == pytest.approx(-other.high)


@given(finites, spreads)
def test_the_losses_differ_by_the_mean(value: float, error: float) -> None:
    found = posterior(value, error, prior=None, better=Better.HIGHER, confidence=0.95)
    gain = found.control_loss - found.treatment_loss
    assert gain == pytest.approx(found.mean, rel=1e-9, abs=1e-9)
    assert min(found.control_loss, found.treatment_loss) >= 0.0


def test_a_tiny_loss_keeps_its_digits() -> None:
    """Mills' ratio: the loss at z is about the density over z squared."""
    found = posterior(30.0, 1.0, prior=None, better=Better.HIGHER, confidence=0.95)
    known = stats.norm.pdf(30.0) / 900.0 * (1 - 3 / 900 + 15 / 900**2 - 105 / 900**3)
    assert found.treatment_loss == pytest.approx(known, rel=1e-8)
    huge = posterior(1e6, 1.0, prior=None, better=Better.HIGHER, confidence=0.95)
    assert huge.treatment_loss == 0.0


def test_less_is_better_turns_the_reading_around() -> None:
    up = posterior(0.1, 0.2, prior=None, better=Better.HIGHER, confidence=0.95)
    down = posterior(0.1, 0.2, prior=None, better=Better.LOWER, confidence=0.95)
    assert down.chance_to_win == pytest.approx(1.0 - up.chance_to_win)
    assert down.treatment_loss == up.control_loss


def test_a_relative_prior_is_read_in_the_metrics_unit() -> None:
    assert Prior(0.01, 0.1).of_share(-50.0) == Prior(0.5, 5.0)
    with pytest.raises(InvalidArgument, match="baseline"):
        Prior(0.0, 0.1).of_share(0.0)


def test_under_its_prior_it_is_calibrated() -> None:
    generator = np.random.default_rng(9)
    truth = generator.normal(0.0, 0.1, 20_000)
    seen = generator.normal(truth, 0.08)
    found = posterior(0.0, 0.08, prior=Prior(0.0, 0.1), better=Better.HIGHER,
                      confidence=0.95)  # fmt: skip
    centres = seen * found.deviation**2 / 0.08**2
    reach = found.high
    assert (np.abs(truth - centres) <= reach).mean() == pytest.approx(0.95, abs=0.006)
    one = posterior(float(seen[0]), 0.08, prior=Prior(0.0, 0.1), better=Better.HIGHER,
                    confidence=0.95)  # fmt: skip
    assert one.mean == pytest.approx(float(centres[0]), rel=1e-12)


@pytest.mark.parametrize("prior", [(1.0, 1.0), (0.5, 0.5), (3.0, 40.0)])
@pytest.mark.parametrize(
    ("control", "treatment"),
    [((60, 5), (58, 9)), ((20, 0), (25, 3)), ((10, 0), (10, 10)), ((900, 90), (30, 4))],
)
def test_two_betas_agree_with_adaptive_quadrature(
    control: tuple[int, int], treatment: tuple[int, int], prior: tuple[float, float]
) -> None:
    first, second = (
        stats.beta(x + prior[0], n - x + prior[1]) for n, x in (control, treatment)
    )
    found = share_belief(
        Proportion(*control), Proportion(*treatment), prior=prior, better=Better.HIGHER
    )
    wins = integrate.quad(
        lambda u: first.cdf(second.ppf(u)), 0, 1, epsabs=1e-12, limit=500
    )[0]
    loss = integrate.quad(
        lambda x: second.cdf(x) * first.sf(x), 0, 1, epsabs=1e-13, limit=500,
        points=[first.mean(), second.mean()],
    )[0]  # fmt: skip
    assert found.chance_to_win == pytest.approx(wins, abs=1e-8)
    assert found.treatment_loss == pytest.approx(loss, abs=1e-9)


def test_large_counts_are_nearly_normal() -> None:
    control, treatment = Proportion(10**7, 400_000), Proportion(10**7, 400_900)
    found = share_belief(control, treatment, prior=(1.0, 1.0), better=Better.HIGHER)
    error = math.sqrt(sum(a.share * (1 - a.share) / a.n for a in (control, treatment)))
    known = posterior(
        treatment.share - control.share,
        error,
        prior=None,
        better=Better.HIGHER,
        confidence=0.95,
    )
    assert found.chance_to_win == pytest.approx(known.chance_to_win, abs=1e-5)
    assert found.treatment_loss == pytest.approx(known.treatment_loss, rel=1e-3)


def test_shares_swap_too() -> None:
    a, b = Proportion(100, 12), Proportion(80, 13)
    one = share_belief(a, b, prior=(1.0, 1.0), better=Better.HIGHER)
    other = share_belief(b, a, prior=(1.0, 1.0), better=Better.HIGHER)
    less = share_belief(a, b, prior=(1.0, 1.0), better=Better.LOWER)
    assert one.chance_to_win == pytest.approx(1.0 - other.chance_to_win, abs=1e-12)
    assert one.treatment_loss == pytest.approx(other.control_loss, rel=1e-9)
    assert less.chance_to_win == pytest.approx(1.0 - one.chance_to_win, abs=1e-12)
    assert less.treatment_loss == one.control_loss


def test_impossible_beliefs_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="deviation"):
        Prior(0.0, 0.0)
    with pytest.raises(InvalidArgument, match="prior"):
        share_belief(
            Proportion(9, 1), Proportion(9, 2), prior=(0.1, 1.0), better=Better.HIGHER
        )
    for value, error, argument in (
        (math.nan, 1.0, "value"),
        (1.0, 0.0, "standard_error"),
        (1.0, math.inf, "standard_error"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            posterior(value, error, prior=None, better=Better.HIGHER, confidence=0.95)
        assert caught.value.argument == argument
