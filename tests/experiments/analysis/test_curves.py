"""Time to an event: what its value is, and what its curve says beside it."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.analysis.labels import HorizonState, ValidMethod, Verdict
from experiments.analysis.results import MetricResult
from experiments.analysis.scorecard import report
from experiments.design import MetricKind, PhaseDesign
from experiments.events.state import PhaseState, Sums, SurvivalState
from tests.experiments.analysis.designs import (
    arm_state,
    design,
    metric,
    planned,
    state,
    taken,
)

DAYS = 14
WAIT = replace(metric("upgraded", kind=MetricKind.TIME_TO_EVENT), window_days=DAYS)
Blocks = NDArray[np.int64]


def waits(seed: int, n: int, chance: float) -> Blocks:
    """Full days until the event; DAYS for those who had none."""
    return np.minimum(np.random.default_rng(seed).geometric(chance, n) - 1, DAYS)


def survival(key: str, blocks: Blocks) -> SurvivalState:
    at_risk = tuple(int((blocks >= day).sum()) for day in range(DAYS))
    events = tuple(int((blocks == day).sum()) for day in range(DAYS))
    return SurvivalState(key, WAIT.metric_id, at_risk, events)


def trial(control: Blocks, treatment: Blocks) -> tuple[PhaseDesign, PhaseState]:
    phase = planned(design(WAIT, planned_units=4_000, minimum_effect=0.2))
    arms = {"control": control, "sixty": treatment}
    found = state(
        phase,
        *(
            arm_state(
                WAIT,
                key,
                Sums(n=len(rows), y=int(rows.sum()), yy=int((rows**2).sum())),
                nonzero=int((rows > 0).sum()),
            )
            for key, rows in arms.items()
        ),
    )
    curves = tuple(survival(key, rows) for key, rows in arms.items())
    return phase, replace(found, survival=curves)


def read(phase: PhaseDesign, found: PhaseState, horizon: HorizonState) -> MetricResult:
    looks = taken(phase, found, horizons=(horizon,))
    return report(phase, found, taken=looks, waiting_for=None).metrics[0]


def test_of_units_watched_to_the_end_both_mean_times_are_one() -> None:
    control, treatment = waits(1, 2_000, 0.04), waits(2, 2_000, 0.05)
    found = read(*trial(control, treatment), HorizonState.AT)
    raw, (curve,) = found.comparisons[0].raw, found.survival
    assert curve.restricted_mean is not None
    assert curve.horizon_days == DAYS
    assert raw.control.mean == pytest.approx(control.mean())
    for arm, rows in (("control", control), ("treatment", treatment)):
        mean = getattr(curve.restricted_mean, arm).mean
        assert mean == pytest.approx(rows.mean(), rel=1e-12)
    assert curve.restricted_mean.absolute == pytest.approx(raw.absolute, rel=1e-9)
    assert curve.restricted_mean.standard_error == pytest.approx(
        raw.standard_error, rel=1e-3
    )


def test_before_the_horizon_the_mean_time_alone_may_decide() -> None:
    phase, found = trial(waits(1, 2_000, 0.02), waits(2, 2_000, 0.06))
    early = read(phase, found, HorizonState.BEFORE)
    comparison, (curve,) = early.comparisons[0], early.survival
    assert comparison.valid is not None
    assert comparison.valid.method is ValidMethod.GROUP_SEQUENTIAL
    assert comparison.verdict is Verdict.LOSS
    assert comparison.unbiased is not None
    assert curve.log_rank_p_value is None
    assert curve.restricted_mean is None
    assert curve.note
    assert len(curve.control) == DAYS


def test_at_the_horizon_the_log_rank_test_stands_beside_it() -> None:
    phase, found = trial(waits(1, 2_000, 0.04), waits(2, 2_000, 0.05))
    (curve,) = read(phase, found, HorizonState.AT).survival
    assert curve.log_rank_p_value is not None
    assert curve.log_rank_p_value < 0.01
    assert curve.log_rank_statistic is not None
    assert curve.log_rank_statistic > 0
