"""What looks were made into before; only ever a reason to do less."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from experiments.analysis.inputs import CODE_VERSION
from experiments.analysis.results import Alarm, MetricResult
from experiments.analysis.taken import Line
from experiments.design import PhaseDesign, design_hash

ROOM = 2_000
"""Phases whose effects a process keeps at hand."""

_effects: OrderedDict[str, tuple[MetricResult, ...]] = OrderedDict()


def effects_key(
    design: PhaseDesign,
    lines: Sequence[Line],
    alarms: Sequence[Alarm],
    *,
    awaited: bool,
) -> str:
    """All that effects depend on: between two looks the state is not in it."""
    parts = [CODE_VERSION, design_hash(design), str(design.phase_id), str(awaited)]
    parts += [str(design.ended_at is not None), *sorted(design.dropped_at)]
    parts += [f"{line.number}:{line.inputs_hash}" for line in lines]
    parts += [f"{alarm.metric_key}:{alarm.arm}" for alarm in alarms]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def remembered(key: str) -> tuple[MetricResult, ...] | None:
    """The effects under a key, if they are still at hand."""
    found = _effects.get(key)
    if found is not None:
        _effects.move_to_end(key)
    return found


def remember(key: str, effects: tuple[MetricResult, ...]) -> None:
    """Keep effects at hand, and let go of those that were not asked for longest."""
    _effects[key] = effects
    while len(_effects) > ROOM:
        _effects.popitem(last=False)
