"""Every change to experiments and metrics. Nothing here commits."""

from experiments.service.concluding import archive, decide
from experiments.service.drafting import draft, update
from experiments.service.holdouts import create_holdout, end_holdout
from experiments.service.importing import finish_import, fix_cap
from experiments.service.layers import archive_layer, create_layer, rename_layer
from experiments.service.metrics import (
    archive_metric,
    define_metric,
    update_metric,
)
from experiments.service.overrides import override, remove_override
from experiments.service.publishing import mark_published
from experiments.service.ramping import raise_coverage
from experiments.service.rephasing import WeightSpec, start_new_phase
from experiments.service.running import pause, resume, start, stop
from experiments.service.segments import (
    SegmentSpec,
    archive_segment,
    create_segment,
    update_segment,
)
from experiments.service.switches import SwitchTarget, release, throw

__all__ = [
    "SegmentSpec",
    "SwitchTarget",
    "WeightSpec",
    "archive",
    "archive_layer",
    "archive_metric",
    "archive_segment",
    "create_holdout",
    "create_layer",
    "create_segment",
    "decide",
    "define_metric",
    "draft",
    "end_holdout",
    "finish_import",
    "fix_cap",
    "mark_published",
    "override",
    "pause",
    "raise_coverage",
    "release",
    "remove_override",
    "rename_layer",
    "resume",
    "start",
    "start_new_phase",
    "stop",
    "throw",
    "update",
    "update_metric",
    "update_segment",
]
