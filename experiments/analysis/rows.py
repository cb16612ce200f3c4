"""Looks, alarms and snapshots as rows: written from a state, and read back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from experiments.analysis.cuts import scheduled_cut
from experiments.analysis.documents import (
    effect_of_document,
    segment_from,
    state_document,
    state_from,
    survival_from,
)
from experiments.analysis.impact import Reach
from experiments.analysis.inputs import CODE_VERSION, kept_document, snapshot_hash
from experiments.analysis.labels import HorizonState
from experiments.analysis.looks import DueLook
from experiments.analysis.models import HarmAlarm, Look, LookStudy, Snapshot
from experiments.analysis.readings import arm_states, state_of
from experiments.analysis.results import Alarm, MetricResult
from experiments.analysis.scorecard import harms_now, is_watched, report
from experiments.analysis.series import Studied, series_document
from experiments.analysis.taken import Kept, Line, Measured, Taken
from experiments.analysis.taking import take
from experiments.design import PhaseDesign, design_hash
from experiments.events.state import PhaseState
from experiments.events.study_slices import Slice

_SIDES = ("control", "treatment")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one analysis starts from."""

    project_id: UUID
    experiment_id: UUID
    design: PhaseDesign
    state: PhaseState
    now: datetime
    cut: datetime | None = None
    """The scheduled instant that the state is at, if it is at one."""
    measured: Measured = field(default_factory=dict)
    """What was read from the values of single units, for a look that needs it."""
    studied: Studied | None = None
    """What studies of the log say beside a look that is due."""
    slices: tuple[Slice, ...] = ()
    """Units by what their exposures said, where the split warns."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a snapshot is made of beside the state now."""

    taken: Taken
    waiting_for: str | None
    alarms: tuple[Alarm, ...] = ()
    effects: tuple[MetricResult, ...] | None = None
    """What the looks say, once their states were read."""
    reach: Reach | None = None
    """Who came by, as it was counted at the last look."""


def look_rows(inputs: Inputs, lines: Sequence[Line], due: DueLook) -> list[Look]:
    """One look: every metric in every treatment arm, from the same state."""
    design, state = inputs.design, inputs.state
    kept = Kept.of(state, inputs.measured)
    metrics = {metric.metric_id: metric for metric in design.metrics}
    found = take(design, state, kept, lines, due=due, at=inputs.now)
    return [
        Look(
            project_id=inputs.project_id,
            environment_id=design.environment_id,
            phase_id=design.phase_id,
            metric_id=line.metric_id,
            metric_key=metrics[line.metric_id].key,
            arm=line.arm,
            number=line.number,
            cut=line.cut,
            at=line.at,
            position=state.position,
            watermark=state.watermark,
            information=line.fraction,
            alpha_spent=line.spent,
            boundary=line.boundary,
            statistic=line.statistic,
            design_hash=design_hash(design),
            state=kept_document(design, metrics[line.metric_id], kept, line.arm),
            inputs_hash=line.inputs_hash,
            horizon=line.horizon,
            precision=line.information,
            estimate=line.estimate,
            level=line.level,
            p_value=line.p_value,
        )
        for line in found
    ]


def study_row(inputs: Inputs, due: DueLook) -> LookStudy | None:
    """What was studied for this look; None where nothing was."""
    studied, state = inputs.studied, inputs.state
    if studied is None:
        return None
    reach = studied.reach
    return LookStudy(
        project_id=inputs.project_id,
        environment_id=inputs.design.environment_id,
        phase_id=inputs.design.phase_id,
        number=due.number,
        at=inputs.now,
        watermark=state.watermark,
        reach=None if reach is None else msgspec.to_builtins(reach),
        series=series_document(studied.series),
    )


def reach_of(study: LookStudy | None) -> Reach | None:
    """Who came by, as a stored study says."""
    if study is None or study.reach is None:
        return None
    return msgspec.convert(study.reach, Reach)


def line_of(look: Look) -> Line:
    """What a stored look says, without the state behind it."""
    return Line(
        number=look.number,
        metric_id=look.metric_id,
        arm=look.arm,
        cut=look.cut,
        at=look.at,
        fraction=look.information,
        horizon=look.horizon or HorizonState.AT,
        inputs_hash=look.inputs_hash,
        spent=look.alpha_spent,
        statistic=look.statistic,
        boundary=look.boundary,
        information=look.precision,
        estimate=look.estimate,
        level=look.level,
        p_value=look.p_value,
    )


def kept_of(looks: Sequence[Look]) -> dict[int, Kept]:
    """The states that looks kept, by number."""
    numbers = {look.number for look in looks}
    return {
        number: _kept([look for look in looks if look.number == number])
        for number in numbers
    }


def alarm_rows(inputs: Inputs, known: Sequence[HarmAlarm]) -> list[HarmAlarm]:
    """What rings at the state now and has not rung before."""
    design, state = inputs.design, inputs.state
    rung = {(alarm.metric_id, alarm.arm) for alarm in known}
    kept = Kept.of(state)
    rows = []
    for metric in design.metrics:
        if not is_watched(design, metric):
            continue
        for arm, found in harms_now(design, metric, kept).items():
            if found is None or not found.rang or (metric.metric_id, arm) in rung:
                continue
            control = state_of(kept.states, metric, design.control.key)
            treatment = state_of(kept.states, metric, arm)
            rows.append(
                HarmAlarm(
                    project_id=inputs.project_id,
                    environment_id=design.environment_id,
                    phase_id=design.phase_id,
                    metric_id=metric.metric_id,
                    metric_key=metric.key,
                    arm=arm,
                    action=metric.harm_action,
                    bound=found.bound,
                    p_value=found.p_value,
                    at=inputs.now,
                    position=state.position,
                    watermark=state.watermark,
                    state={
                        "control": state_document(control),
                        "treatment": state_document(treatment),
                    },
                )
            )
    return rows


def alarm_of(row: HarmAlarm) -> Alarm:
    """A stored alarm as a report has it."""
    return Alarm(row.metric_key, row.arm, row.action, row.bound, row.at)


def inputs_hash(inputs: Inputs, said: Said) -> str:
    """The hash under which this analysis is published."""
    return snapshot_hash(
        inputs.design,
        inputs.state,
        looks=[(line.number, line.inputs_hash) for line in said.taken.lines],
        waiting_for=said.waiting_for,
        alarms=said.alarms,
        next_cut=scheduled_cut(inputs.design, inputs.state.watermark),
        reach=said.reach,
        slices=inputs.slices,
    )


def snapshot_row(inputs: Inputs, said: Said, *, number: int, digest: str) -> Snapshot:
    """A phase's snapshot, with everything that a results page says."""
    design, state = inputs.design, inputs.state
    body = report(
        design,
        state,
        taken=said.taken,
        waiting_for=said.waiting_for,
        alarms=said.alarms,
        effects=said.effects,
        slices=inputs.slices,
        reach=said.reach,
    )
    return Snapshot(
        project_id=inputs.project_id,
        environment_id=design.environment_id,
        experiment_id=inputs.experiment_id,
        phase_id=design.phase_id,
        number=number,
        computed_at=inputs.now,
        code_version=CODE_VERSION,
        inputs_hash=digest,
        position=state.position,
        watermark=state.watermark,
        verdict=body.verdict,
        recommendation=body.recommendation.outcome,
        headline=body.headline,
        body=msgspec.to_builtins(body),
    )


def _kept(looks: Sequence[Look]) -> Kept:
    """One look's state; what several rows hold alike is taken once."""
    documents = [look.state for look in looks]
    states = [state_from(each[side]) for each in documents for side in _SIDES]
    segments = [segment_from(s) for each in documents for s in each.get("segments", ())]
    survival = [
        survival_from(s) for each in documents for s in each.get("survival", ())
    ]
    return Kept(
        states=arm_states(tuple(states)),
        segments=tuple(dict.fromkeys(segments)),
        survival=tuple(dict.fromkeys(survival)),
        measured={
            (look.metric_id, look.arm): effect_of_document(look.state["measured"])
            for look in looks
            if "measured" in look.state
        },
    )
