"""The loop at a glance: every task, how often it is swept, and what it wakes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workers.context import TaskContext
from workers.tasks import (
    act_on_alarms,
    analyse_experiments,
    announce_items,
    audit_state,
    compare_overlaps,
    distil_tags,
    distil_verdicts,
    fold_events,
    gather_evidence,
    harvest_answers,
    log_answers,
    publish_phases,
    ramp_experiments,
    remeasure,
    roll_out,
    route_insights,
    seal_audit,
    send_deliveries,
    settle_links,
    start_scheduled,
    suggest_tags,
    sweep_expired,
)

Run = Callable[[TaskContext], Awaitable[int]]

OFTEN = 1.0
USUALLY = 4.0
RARELY = 300.0
"""Pauses between two sweeps, in units of the setting: 2 s, 8 s and 10 min by default.

A nudge does not wait for any of them; they bound the delay when a nudge was lost.
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One step of the loop."""

    name: str
    run: Run
    wakes: tuple[str, ...] = ()
    pause: float = USUALLY
    paced: bool = False
    """Rest after a round as long as it took, so that ingestion keeps half a core."""


ARROWS = (
    Arrow("publish_phases", publish_phases.run, wakes=("fold_events",)),
    Arrow("log_answers", log_answers.run, wakes=("fold_events",)),
    Arrow("settle_links", settle_links.run, wakes=("fold_events",)),
    Arrow("fold_events", fold_events.run, wakes=("analyse_experiments",), paced=True),
    Arrow(
        "analyse_experiments",
        analyse_experiments.run,
        wakes=("distil_verdicts", "act_on_alarms", "ramp_experiments"),
        paced=True,
    ),
    Arrow(
        "start_scheduled", start_scheduled.run, wakes=("publish_phases",), pause=OFTEN
    ),
    Arrow("ramp_experiments", ramp_experiments.run, wakes=("publish_phases",)),
    Arrow("roll_out", roll_out.run, wakes=("publish_phases",)),
    Arrow("remeasure", remeasure.run),
    Arrow("act_on_alarms", act_on_alarms.run, wakes=("publish_phases",)),
    Arrow("distil_verdicts", distil_verdicts.run, wakes=("route_insights",)),
    Arrow("gather_evidence", gather_evidence.run, paced=True),
    Arrow("harvest_answers", harvest_answers.run, wakes=("suggest_tags",)),
    Arrow("suggest_tags", suggest_tags.run, wakes=("distil_tags",)),
    Arrow("distil_tags", distil_tags.run, wakes=("route_insights",)),
    Arrow("route_insights", route_insights.run, wakes=("announce_items",)),
    Arrow("announce_items", announce_items.run, wakes=("send_deliveries",)),
    Arrow("send_deliveries", send_deliveries.run),
    Arrow("seal_audit", seal_audit.run, pause=OFTEN),
    Arrow(
        "audit_state",
        audit_state.run,
        wakes=("fold_events",),
        pause=RARELY,
        paced=True,
    ),
    Arrow("compare_overlaps", compare_overlaps.run, pause=RARELY, paced=True),
    Arrow("sweep_expired", sweep_expired.run, pause=RARELY),
)


def pauses(sweep_seconds: float) -> dict[str, float]:
    """How long each task may rest between two rounds, in seconds."""
    return {arrow.name: sweep_seconds * arrow.pause for arrow in ARROWS}
