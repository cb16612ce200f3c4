"""Scheduling a start, and planning how coverage rises after it."""

from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.experiment_changes import (
    ExperimentResult,
    StartExperimentResult,
    begun,
    intent_of,
    take_step,
)
from api.graphql.experiment_inputs import TransitionExperimentInput
from api.graphql.scalars import Long
from api.policies import Policy
from core.database import AsyncSession
from experiments import service
from experiments.governance.ramps import RampStep

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="A start at somebody's wall clock.")
class ScheduleExperimentInput(TransitionExperimentInput):
    """What scheduleExperiment takes."""

    start_at: str = strawberry.field(
        description="A local date and time without an offset, such as "
        "2027-03-01T09:00; at most 366 days away. Of a time that clocks show twice the "
        "first is meant; one that they skip is the instant at which they do."
    )
    time_zone: str | None = strawberry.field(
        default=None, description="An IANA zone; left out, the project's."
    )


@strawberry.input(description="One step of a ramp.")
class RampStepInput:
    """A coverage, and what must hold before the next step."""

    coverage: float = strawberry.field(
        description="The share of units that take part: above the step before."
    )
    hold_hours: float = strawberry.field(
        default=0.0, description="How long it is held, without pauses."
    )
    minimum_units: Long = strawberry.field(
        default=Long(0),
        description="Exposed units of the phase, arms together, before the next step.",
    )
    needs_approval: bool = strawberry.field(
        default=False, description="Whether a reviewer lets this step begin."
    )

    def step(self) -> RampStep:
        """As the domain takes it."""
        return RampStep(
            self.coverage, self.hold_hours, self.minimum_units, self.needs_approval
        )


@strawberry.input(description="The steps by which coverage is to rise.")
class PlanRampInput(TransitionExperimentInput):
    """What planRamp takes."""

    steps: list[RampStepInput] = strawberry.field(
        description="In order, at most 10; none takes the ramp away."
    )


@strawberry.input(description="A step of a ramp that may begin.")
class ApproveRampStepInput(TransitionExperimentInput):
    """What approveRampStep takes."""

    step: int = strawberry.field(description="Its number, from 1.")
    note: str = strawberry.field(default="", description="Kept in the audit trail.")


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Let the experiment start by itself, exactly once, in the "
        "environment of the request. A start that is missed is caught up with; one "
        "that is refused then is given up, and `schedule` says why.",
    )
    async def schedule_experiment(
        self, info: Info, input: ScheduleExperimentInput
    ) -> StartExperimentResult:
        """Scheduled, or what is left to do."""

        async def schedule(session: AsyncSession) -> UUID:
            row = await service.schedule(
                session,
                await intent_of(session, info, input),
                environment_id=info.context.caller.environment_id,
                start_at=input.start_at,
                time_zone=input.time_zone,
            )
            return row.id

        return await begun(info, input, "scheduleExperiment", schedule)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Give up the scheduled start; what was approved stays approved.",
    )
    async def unschedule_experiment(
        self, info: Info, input: TransitionExperimentInput
    ) -> ExperimentResult:
        """APPROVED, or a draft again where nobody had approved it."""
        return await take_step(info, input, "unscheduleExperiment", service.unschedule)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Say how coverage rises once the experiment has started: a worker "
        "takes each step when the one before was held long enough, enough units were "
        "exposed, no alarm is in force and the split fits. Frozen at the start; a "
        "change is a change of the design. raiseCoverage skips ahead.",
    )
    async def plan_ramp(self, info: Info, input: PlanRampInput) -> ExperimentResult:
        """Before the start."""
        return await take_step(
            info,
            input,
            "planRamp",
            service.plan_ramp,
            steps=[each.step() for each in input.steps],
        )

    @strawberry.mutation(
        metadata={"policy": Policy.REVIEW},
        description="Let a step of a ramp begin once everything else that it waits for "
        "is there.",
    )
    async def approve_ramp_step(
        self, info: Info, input: ApproveRampStepInput
    ) -> ExperimentResult:
        """A person's word; a key has none."""
        return await take_step(
            info,
            input,
            "approveRampStep",
            service.approve_ramp_step,
            step=input.step,
            note=input.note,
        )
