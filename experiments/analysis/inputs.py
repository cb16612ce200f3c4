"""The inputs of a snapshot, hashed: the same inputs give the same snapshot."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from experiments.analysis.looks import state_document
from experiments.design import PhaseDesign, design_hash
from experiments.events.state import ArmMetricState, PhaseState

CODE_VERSION = "analysis-2"
"""Changes whenever the same state could give other numbers or another sentence."""


def look_hash(
    design: PhaseDesign, control: ArmMetricState, treatment: ArmMetricState
) -> str:
    """What one look read."""
    states = [state_document(control), state_document(treatment)]
    return _digest([CODE_VERSION, design_hash(design), states])


def snapshot_hash(
    design: PhaseDesign,
    state: PhaseState,
    *,
    looks: Sequence[tuple[int, str]],
    waiting_for: str | None,
) -> str:
    """What a snapshot says, without saying it.

    The watermark and the position are left out: where they moved and no number did,
    the snapshot is the same. What the look waits for is in, for it is shown.

    Args:
        design: The frozen phase.
        state: The exact state.
        looks: Number and inputs hash of each look taken.
        waiting_for: What the next look waits for.
    """
    metrics = sorted(state.metrics, key=lambda m: (str(m.metric_id), m.arm))
    return _digest(
        {
            "code": CODE_VERSION,
            "design": design_hash(design),
            "exposed": state.exposed,
            "in_gaps": state.in_gaps,
            "conflicts": state.conflicts,
            "linked": state.linked,
            "joined": state.joined,
            "metrics": [state_document(metric) for metric in metrics],
            "looks": sorted(looks),
            "waiting_for": waiting_for,
        }
    )


def _digest(document: Any) -> str:
    canonical = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
