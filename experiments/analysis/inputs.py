"""The inputs of a snapshot, hashed: the same inputs give the same snapshot."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from experiments.analysis.documents import (
    Document,
    effect_document,
    segment_document,
    state_document,
    survival_document,
)
from experiments.analysis.impact import Reach
from experiments.analysis.readings import state_of
from experiments.analysis.results import Alarm
from experiments.analysis.taken import Kept
from experiments.design import MetricDesign, PhaseDesign, design_hash
from experiments.events.state import PhaseState
from experiments.events.study_slices import Slice

CODE_VERSION = "analysis-6"
"""Changes whenever the same state could give other numbers or another sentence."""


def kept_document(
    design: PhaseDesign, metric: MetricDesign, kept: Kept, arm: str
) -> Document:
    """What one look keeps of one metric in one arm, without parts that are empty."""
    pair = {"control": design.control.key, "treatment": arm}
    document: Document = {
        side: state_document(state_of(kept.states, metric, key))
        for side, key in pair.items()
    }
    segments = [
        segment_document(each)
        for key in pair.values()
        for each in sorted(
            kept.segments_of(metric, key), key=lambda s: (s.dimension, s.level)
        )
    ]
    survival = [
        survival_document(each)
        for each in kept.survival
        if each.metric_id == metric.metric_id and each.arm in pair.values()
    ]
    measured = kept.measured.get((metric.metric_id, arm))
    if segments:
        document["segments"] = segments
    if survival:
        document["survival"] = survival
    if measured is not None:
        document["measured"] = effect_document(measured)
    return document


def look_hash(design: PhaseDesign, metric: MetricDesign, kept: Kept, arm: str) -> str:
    """What one look read of one metric in one arm."""
    document = kept_document(design, metric, kept, arm)
    parts: list[Any] = [document.pop("control"), document.pop("treatment")]
    if document:
        parts.append(document)
    return _digest([CODE_VERSION, design_hash(design), parts])


def snapshot_hash(
    design: PhaseDesign,
    state: PhaseState,
    *,
    looks: Sequence[tuple[int, str]],
    waiting_for: str | None,
    alarms: Sequence[Alarm] = (),
    next_cut: datetime | None = None,
    reach: Reach | None = None,
    slices: Sequence[Slice] = (),
) -> str:
    """What a snapshot says, without saying it.

    The watermark and the position are left out: where they moved and no number did,
    the snapshot is the same. What the look waits for is in, for it is shown.

    Args:
        design: The frozen phase.
        state: The exact state.
        looks: Number and inputs hash of each look taken.
        waiting_for: What the next look waits for.
        alarms: What rang so far.
        next_cut: When the next look is.
        reach: Who came by, as it was counted at the last look.
        slices: Units by what their exposures said, where the split warns.
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
            "levels": state.levels,
            "metrics": [state_document(metric) for metric in metrics],
            "looks": sorted(looks),
            "waiting_for": waiting_for,
            "alarms": sorted((a.metric_key, a.arm, a.bound) for a in alarms),
            "next_cut": None if next_cut is None else next_cut.isoformat(),
            "ended": design.ended_at is not None,
            **({"dropped": sorted(design.dropped_at)} if design.dropped else {}),
            "reach": None if reach is None else msgspec.to_builtins(reach),
            "slices": sorted((s.attribute, s.level, s.arm, s.units) for s in slices),
        }
    )


def _digest(document: Any) -> str:
    canonical = json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
