"""Several questions at once, beliefs, answers to surveys, and times to an event."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.calibration.claims import Band, Claim, Found, about, mean, rate
from benchmarks.calibration.draws import Floats
from experiments.statistics.always_valid import asymptotic_sequences
from experiments.statistics.bayes import Posterior, Prior, posterior
from experiments.statistics.directions import Better
from experiments.statistics.heterogeneity import Effect, heterogeneity
from experiments.statistics.inferiority import against_share
from experiments.statistics.log_rank import log_rank
from experiments.statistics.multiplicity import benjamini_hochberg, holm
from experiments.statistics.nps import Answers, net_promoter_score
from experiments.statistics.quantiles import compare_quantiles, quantile_estimate
from experiments.statistics.samples import Estimate
from experiments.statistics.survival import Survival, compare_mean_times
from experiments.statistics.tails import normal_tail

METRICS, NULL = 50, 40

EFFECT = 3.0
"""Of the metrics that have one, in standard errors at the horizon."""


def _scores(shape: tuple[int, ...], draw: np.random.Generator) -> Floats:
    """(..., metrics) standard normal, each two correlated by a half."""
    common = draw.standard_normal((*shape, 1))
    found: Floats = np.sqrt(0.5) * (common + draw.standard_normal((*shape, METRICS)))
    return found


def _discovered(runs: int, draw: np.random.Generator) -> Found:
    shift = np.where(np.arange(METRICS) < NULL, 0.0, EFFECT)
    shares = []
    for row in _scores((runs,), draw) + shift:
        p_values = [normal_tail(float(score)).p_value for score in row]
        found = [each.rejected for each in benjamini_hochberg(p_values, alpha=0.05)]
        shares.append(sum(found[:NULL]) / max(sum(found), 1))
    return mean(np.array(shares))


def _family(runs: int, draw: np.random.Generator) -> Found:
    wrong = 0
    for row in _scores((runs,), draw)[:, :NULL]:
        p_values = [normal_tail(float(score)).p_value for score in row]
        wrong += min(each.p_value for each in holm(p_values, alpha=0.05)) <= 0.05
    return rate(wrong, runs)


PEEKS = 30


def _peeked(running: bool, runs: int, draw: np.random.Generator) -> Found:
    """Share of false ones among the discoveries, at the peek where there are most."""
    shift = np.where(np.arange(METRICS) < NULL, 0.0, EFFECT)
    steps = np.arange(1, PEEKS + 1) / PEEKS
    planned, shares = 3_000, []
    for _ in range(runs):
        walk = np.cumsum(_scores((PEEKS,), draw), axis=0) / np.sqrt(PEEKS)
        value = walk / steps[:, None] + shift
        error = np.broadcast_to(1.0 / np.sqrt(steps)[:, None], value.shape)
        n = np.broadcast_to(planned * steps[:, None], value.shape)
        found = asymptotic_sequences(value, error, n, planned=planned, alpha=0.05)
        p_value = found.p_value
        if running:
            p_value = np.minimum.accumulate(p_value, axis=0)
        shares.append(max(_false_share(row) for row in p_value))
    return mean(np.array(shares))


def _false_share(p_values: Floats) -> float:
    """Share of false ones; without a p below alpha there is nothing to ask."""
    if p_values.min() > 0.05:
        return 0.0
    judged = benjamini_hochberg([float(p) for p in p_values], alpha=0.05)
    found = [each.rejected for each in judged]
    return sum(found[:NULL]) / max(sum(found), 1)


def _believed(
    runs: int, draw: np.random.Generator
) -> Iterator[tuple[float, Posterior]]:
    prior, error = Prior(0.01, 0.1), 0.08
    truths = prior.mean + prior.deviation * draw.standard_normal(runs)
    for truth, noise in zip(truths, draw.standard_normal(runs), strict=True):
        seen = float(truth + error * noise)
        yield (
            float(truth),
            posterior(seen, error, prior=prior, better=Better.HIGHER, confidence=0.95),
        )


def _credible(runs: int, draw: np.random.Generator) -> Found:
    inside = sum(b.low <= truth <= b.high for truth, b in _believed(runs, draw))
    return rate(inside, runs)


def _loss(runs: int, draw: np.random.Generator) -> Found:
    """Loss of the better choice that came true, over the loss that was expected."""
    pairs = []
    for truth, belief in _believed(runs, draw):
        ship = belief.treatment_loss < belief.control_loss
        lost = max(-truth, 0.0) if ship else max(truth, 0.0)
        pairs.append((lost, min(belief.treatment_loss, belief.control_loss)))
    lost, expected = np.array(pairs).T
    gap = mean(lost - expected)
    scale = float(expected.mean())
    return Found(1 + gap.value / scale, 1 + gap.low / scale, 1 + gap.high / scale)


def _promoters(n: int, runs: int, draw: np.random.Generator) -> Found:
    counts = draw.multinomial(n, [0.2, 0.3, 0.5], runs)
    inside = 0
    for answers, times in Counter(map(tuple, counts.tolist())).items():
        found = net_promoter_score(Answers(*answers), confidence=0.95)
        inside += times * (found.low <= 30.0 <= found.high)
    return rate(inside, runs)


BLOCKS = 28


def _survival(units: int, draw: np.random.Generator) -> Survival:
    """A hazard of 2% a day; three in ten leave before the end without an event."""
    event = draw.geometric(0.02, units)
    leave = np.where(
        draw.random(units) < 0.3, draw.integers(1, BLOCKS + 1, units), BLOCKS
    )
    had = event <= leave
    last = np.where(had, event, leave) - 1
    events = np.bincount(last[had], minlength=BLOCKS)
    return Survival(events, np.bincount(last[~had], minlength=BLOCKS))


def _log_rank(runs: int, draw: np.random.Generator) -> Found:
    wrong = 0
    for _ in range(runs):
        arms = [_survival(300, draw).hazards() for _ in range(2)]
        wrong += log_rank(arms[0], arms[1]).p_value <= 0.05
    return rate(wrong, runs)


def _mean_times(runs: int, draw: np.random.Generator) -> Found:
    wrong = 0
    for _ in range(runs):
        arms = [_survival(300, draw).hazards() for _ in range(2)]
        found = compare_mean_times(arms[0], arms[1], horizon=BLOCKS, confidence=0.95)
        wrong += found.difference.p_value <= 0.05
    return rate(wrong, runs)


def _quantiles(runs: int, draw: np.random.Generator) -> Found:
    wrong = 0
    for _ in range(runs):
        arms = [
            quantile_estimate(draw.standard_exponential(1_000), quantile=0.9)
            for _ in range(2)
        ]
        found = compare_quantiles(arms[0], arms[1], confidence=0.95)
        wrong += found.p_value <= 0.05
    return rate(wrong, runs)


def _segments(runs: int, draw: np.random.Generator) -> Found:
    wrong = 0
    for row in draw.standard_normal((runs, 6)):
        effects = [
            Effect(0.1 + float(z) * size, size**2)
            for z, size in zip(row, (0.02, 0.03, 0.05, 0.08, 0.1, 0.2), strict=True)
        ]
        wrong += heterogeneity(effects).p_value <= 0.05
    return rate(wrong, runs)


def _margin(runs: int, draw: np.random.Generator) -> Found:
    """A true worsening by exactly the margin, of a baseline that is itself noisy."""
    shown = 0
    for first, second in draw.standard_normal((runs, 2)):
        control = Estimate(1_000, 10.0 + float(first), 1.0)
        treatment = Estimate(1_000, 9.0 + float(second), 1.0)
        found = against_share(
            control,
            treatment,
            share=0.1,
            better=Better.HIGHER,
            alpha=0.05,
        )
        shown += found.shown
    return rate(shown, runs)


def _discovery_claims() -> Iterator[Claim]:
    yield Claim(
        "Benjamini-Hochberg, 50 metrics",
        "of what is discovered 5% is false; 40 have no effect, correlated .5",
        5_000,
        500,
        Band(0.0, 0.05),
        _discovered,
    )
    yield Claim(
        "Holm, 40 metrics without an effect",
        "any is found in at most 5%; correlated .5",
        5_000,
        500,
        Band(0.0, 0.055),
        _family,
    )
    for name, running in (("now", False), ("so far", True)):
        yield Claim(
            f"e-BH, 30 peeks, evidence {name}",
            "even at the worst peek 5% of the discoveries are false",
            2_000,
            50,
            Band(0.0, 0.05),
            partial(_peeked, running),
        )


CLAIMS = (
    *_discovery_claims(),
    Claim(
        "Bayes: interval",
        "effects drawn from the prior lie in it in 95%",
        20_000,
        2_000,
        about(0.95, 0.005),
        _credible,
    ),
    Claim(
        "Bayes: expected loss",
        "what the better choice loses, over what was expected",
        200_000,
        2_000,
        about(1.0, 0.02),
        _loss,
    ),
    *(
        Claim(
            f"NPS, {n} answers",
            "the interval holds the true score in 95%",
            50_000,
            20_000,
            Band(0.94, 0.97),
            partial(_promoters, n),
        )
        for n in (10, 30, 100)
    ),
    Claim(
        "Log-rank",
        "300 per arm, 30% leave early: no effect is found in 5%",
        5_000,
        500,
        about(0.05, 0.01),
        _log_rank,
    ),
    Claim(
        "Restricted mean time",
        "300 per arm, 30% leave early: no effect is found in 5%",
        5_000,
        500,
        about(0.05, 0.01),
        _mean_times,
    ),
    Claim(
        "Quantile, p90 of 1,000 per arm",
        "no effect is found in 5%",
        5_000,
        500,
        about(0.05, 0.01),
        _quantiles,
    ),
    Claim(
        "Segments, one effect in all six",
        "a difference between segments is found in 5%",
        20_000,
        2_000,
        about(0.05, 0.006),
        _segments,
    ),
    Claim(
        "Non-inferiority, worse by the margin",
        "a share of a noisy baseline: shown to be safe in 5%",
        20_000,
        5_000,
        about(0.05, 0.006),
        _margin,
    ),
)
