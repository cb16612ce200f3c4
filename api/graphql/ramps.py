"""Ramps as they are read: the steps, where it stands, and what it waits for."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.audit import Actor
from api.graphql.scalars import Long
from api.policies import Policy, policed
from core.audit import ActorKind
from experiments import queries
from experiments.governance import models, ramps
from experiments.governance.queries import ramp_plans
from experiments.governance.queries import ramps as ramps_of_phases
from experiments.models import Phase

HoldReason = ramps.HoldReason

strawberry.enum(HoldReason, description="Why a ramp does not go on.")


@strawberry.enum(description="How far a ramp is.")
class RampStatus(StrEnum):
    """Of a phase, or of the one that a start would begin."""

    PLANNED = "PLANNED"
    UNDER_WAY = "UNDER_WAY"
    FINISHED = "FINISHED"
    ENDED = "ENDED"


@policed(Policy.READ)
@strawberry.type(description="A coverage, and what must hold before the next step.")
class RampStep:
    """One step."""

    number: int = strawberry.field(description="From 1.")
    coverage: float = strawberry.field(description="The share of units that take part.")
    hold_hours: float = strawberry.field(
        description="How long it is held, without pauses."
    )
    minimum_units: Long = strawberry.field(
        description="Exposed units of the phase, arms together, before the next step."
    )
    needs_approval: bool = strawberry.field(
        description="Whether a reviewer lets this step begin."
    )
    approved_by: Actor | None = strawberry.field(
        description="Who let it begin; null until then."
    )


@policed(Policy.READ)
@strawberry.type(description="One thing that a ramp waits for.")
class RampHold:
    """A hold."""

    reason: HoldReason = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people, with the numbers.")


@policed(Policy.READ)
@strawberry.type(
    description="Coverage that rises by steps. It never falls in a phase, and nobody "
    "changes variant by it."
)
class Ramp:
    """A ramp."""

    status: RampStatus = strawberry.field(description="How far it is.")
    steps: list[RampStep] = strawberry.field(description="In order, at most 10.")
    step: int | None = strawberry.field(
        description="The number of the step that it stands at; null before the start."
    )
    entered_at: datetime | None = strawberry.field(
        description="When it came to this step."
    )
    exposed: Long = strawberry.field(
        description="Exposed units when it was last looked at."
    )
    holds: list[RampHold] = strawberry.field(
        description="What it waited for when it was last looked at."
    )
    checked_at: datetime | None = strawberry.field(
        description="When what it waits for last changed."
    )
    finished_at: datetime | None = strawberry.field(
        description="When it came to its last step."
    )

    @classmethod
    def planned(cls, steps: Sequence[ramps.RampStep]) -> "Ramp":
        """Of a draft."""
        return cls(
            status=RampStatus.PLANNED,
            steps=[_step(index, step, {}) for index, step in enumerate(steps)],
            step=None,
            entered_at=None,
            exposed=Long(0),
            holds=[],
            checked_at=None,
            finished_at=None,
        )

    @classmethod
    def of(cls, row: models.Ramp, phase: Phase) -> "Ramp":
        """Of a phase."""
        said = {
            each["step"]: Actor.of(ActorKind(each["actor_kind"]), each["actor_name"])
            for each in row.approvals
        }
        steps = enumerate(ramps.steps_of(row.steps))
        return cls(
            status=_status(row, phase),
            steps=[_step(index, step, said) for index, step in steps],
            step=row.step + 1,
            entered_at=row.entered_at,
            exposed=Long(row.exposed),
            holds=[
                RampHold(reason=HoldReason(each["reason"]), message=each["message"])
                for each in row.holds
            ],
            checked_at=row.checked_at,
            finished_at=row.finished_at,
        )


def _step(index: int, step: ramps.RampStep, said: dict[int, Actor]) -> RampStep:
    return RampStep(
        number=index + 1,
        coverage=step.coverage,
        hold_hours=step.hold_hours,
        minimum_units=Long(step.minimum_units),
        needs_approval=step.needs_approval,
        approved_by=said.get(index + 1),
    )


def _status(row: models.Ramp, phase: Phase) -> RampStatus:
    if row.finished_at is not None:
        return RampStatus.FINISHED
    return RampStatus.ENDED if phase.ended_at is not None else RampStatus.UNDER_WAY


async def ramps_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Ramp | None]:
    """The ramp of each experiment's last phase here, or of the one to come."""
    environment_id = context.caller.environment_id
    async with context.readers() as session:
        phases = await queries.phases_of(
            session, environment_id=environment_id, experiment_ids=ids
        )
        last = {local: phases[local][-1] for local in ids if phases[local]}
        rows = await ramps_of_phases(session, [phase.id for phase in last.values()])
        plans = await ramp_plans(session, [each for each in ids if each not in last])
    found: list[Ramp | None] = []
    for local in ids:
        phase = last.get(local)
        if phase is not None and phase.id in rows:
            found.append(Ramp.of(rows[phase.id], phase))
        else:
            found.append(Ramp.planned(plans[local]) if local in plans else None)
    return found
