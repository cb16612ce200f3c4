"""Every change to experiments and metrics. Nothing here commits."""

from experiments.service.alarms import act_on_alarms, dismiss_alarm
from experiments.service.archiving import archive
from experiments.service.change import Intent
from experiments.service.concluding import decide
from experiments.service.drafting import draft, update
from experiments.service.dropping import (
    DropPreview,
    drop_arm,
    drop_preview,
    preview_drop,
)
from experiments.service.governing import update_project
from experiments.service.holdouts import create_holdout, end_holdout
from experiments.service.importing import finish_import, fix_cap
from experiments.service.invalidating import invalidate
from experiments.service.layers import archive_layer, create_layer, rename_layer
from experiments.service.memos import MemoChanges, edit_memo, generate_memo
from experiments.service.metrics import (
    archive_metric,
    define_metric,
    update_metric,
)
from experiments.service.overrides import override, remove_override
from experiments.service.previewing import Foresight, foresight_of, preview
from experiments.service.publishing import mark_published
from experiments.service.ramp_steps import advance, approve_ramp_step, plan_ramp
from experiments.service.ramping import raise_coverage
from experiments.service.rephasing import WeightSpec, start_new_phase
from experiments.service.reviewing import assess, submit, withdraw
from experiments.service.rolling_back import roll_back
from experiments.service.rolling_out import (
    advance_if_due,
    advance_rollout,
    hold_rollout,
)
from experiments.service.running import pause, resume, start, stop
from experiments.service.scheduling import schedule, start_scheduled, unschedule
from experiments.service.seconding import approve_decision
from experiments.service.segments import (
    SegmentSpec,
    archive_segment,
    create_segment,
    update_segment,
)
from experiments.service.shipping import ShipPlan, ship
from experiments.service.switches import SwitchTarget, release, throw
from experiments.shipping.reservations import NO_RESERVATIONS, Reservations

__all__ = [
    "NO_RESERVATIONS",
    "DropPreview",
    "Foresight",
    "Intent",
    "MemoChanges",
    "Reservations",
    "SegmentSpec",
    "ShipPlan",
    "SwitchTarget",
    "WeightSpec",
    "act_on_alarms",
    "advance",
    "advance_if_due",
    "advance_rollout",
    "approve_decision",
    "approve_ramp_step",
    "archive",
    "archive_layer",
    "archive_metric",
    "archive_segment",
    "assess",
    "create_holdout",
    "create_layer",
    "create_segment",
    "decide",
    "define_metric",
    "dismiss_alarm",
    "draft",
    "drop_arm",
    "drop_preview",
    "edit_memo",
    "end_holdout",
    "finish_import",
    "fix_cap",
    "foresight_of",
    "generate_memo",
    "hold_rollout",
    "invalidate",
    "mark_published",
    "override",
    "pause",
    "plan_ramp",
    "preview",
    "preview_drop",
    "raise_coverage",
    "release",
    "remove_override",
    "rename_layer",
    "resume",
    "roll_back",
    "schedule",
    "ship",
    "start",
    "start_new_phase",
    "start_scheduled",
    "stop",
    "submit",
    "throw",
    "unschedule",
    "update",
    "update_metric",
    "update_project",
    "update_segment",
    "withdraw",
]
