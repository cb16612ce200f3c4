"""Looks and snapshots as rows, made from a design and a state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from experiments.analysis.health import examine
from experiments.analysis.inputs import CODE_VERSION, look_hash, snapshot_hash
from experiments.analysis.looks import information, state_document, state_from
from experiments.analysis.models import Look, Snapshot
from experiments.analysis.readings import ALPHA, ArmStates, arm_states, state_of
from experiments.analysis.results import LookSummary
from experiments.analysis.scorecard import compare, report
from experiments.design import PhaseDesign, design_hash
from experiments.events.state import PhaseState


@dataclass(frozen=True, slots=True)
class Inputs:
    """What one analysis starts from."""

    project_id: UUID
    experiment_id: UUID
    design: PhaseDesign
    state: PhaseState
    now: datetime


def look_rows(inputs: Inputs) -> Sequence[Look]:
    """The one look: every metric in every treatment arm, from the same state."""
    design, state = inputs.design, inputs.state
    states = arm_states(state.metrics)
    health = examine(design, state)
    rows = []
    for metric in design.metrics:
        control = state_of(states, metric, design.control.key)
        for comparison in compare(design, metric, health, states):
            treatment = state_of(states, metric, comparison.arm)
            valid = comparison.valid
            rows.append(
                Look(
                    project_id=inputs.project_id,
                    environment_id=design.environment_id,
                    phase_id=design.phase_id,
                    metric_id=metric.metric_id,
                    metric_key=metric.key,
                    arm=comparison.arm,
                    number=1,
                    cut=state.watermark,
                    at=inputs.now,
                    position=state.position,
                    watermark=state.watermark,
                    information=information(design, state),
                    alpha_spent=ALPHA,
                    boundary=None if valid is None else valid.critical,
                    statistic=comparison.decisive.statistic,
                    design_hash=design_hash(design),
                    state={
                        "control": state_document(control),
                        "treatment": state_document(treatment),
                    },
                    inputs_hash=look_hash(design, control, treatment),
                )
            )
    return rows


def inputs_hash(inputs: Inputs, looks: Sequence[Look], waiting: str | None) -> str:
    """The hash under which this analysis is published."""
    taken = [(look.number, look.inputs_hash) for look in looks]
    return snapshot_hash(inputs.design, inputs.state, looks=taken, waiting_for=waiting)


def snapshot_row(
    inputs: Inputs, looks: Sequence[Look], waiting: str | None, *, number: int
) -> Snapshot:
    """A phase's snapshot, with everything that a results page says."""
    design, state = inputs.design, inputs.state
    body = report(
        design,
        state,
        looked=_looked(looks) if looks else None,
        looks=_summaries(looks),
        waiting_for=waiting,
    )
    return Snapshot(
        project_id=inputs.project_id,
        environment_id=design.environment_id,
        experiment_id=inputs.experiment_id,
        phase_id=design.phase_id,
        number=number,
        computed_at=inputs.now,
        code_version=CODE_VERSION,
        inputs_hash=inputs_hash(inputs, looks, waiting),
        position=state.position,
        watermark=state.watermark,
        verdict=body.verdict,
        recommendation=body.recommendation.outcome,
        headline=body.headline,
        body=msgspec.to_builtins(body),
    )


def _looked(looks: Sequence[Look]) -> ArmStates:
    """The state that the look kept."""
    kept = [state_from(look.state[side]) for look in looks for side in look.state]
    return arm_states(tuple(kept))


def _summaries(looks: Sequence[Look]) -> tuple[LookSummary, ...]:
    found = {
        look.number: LookSummary(
            number=look.number,
            cut=look.cut,
            at=look.at,
            information=look.information,
            alpha_spent=look.alpha_spent,
        )
        for look in looks
    }
    return tuple(found.values())
