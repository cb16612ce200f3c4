"""The part of an experiment that says who agreed, when it starts, what stops it."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

import strawberry

from api.context import Context, Info
from api.graphql.alarms import (
    Alarm,
    Invalidation,
    alarms_of,
    invalidations_by_experiment,
)
from api.graphql.connection import Connection
from api.graphql.experiment_enums import ExperimentStatus
from api.graphql.ramps import Ramp, ramps_by_experiment
from api.graphql.readiness import readiness_by_experiment
from api.graphql.reviews import (
    Review,
    agreements_by_experiment,
    reviews_by_experiment,
)
from api.graphql.schedules import Schedule, schedules_by_experiment
from api.pagination import DEFAULT_PAGE
from api.policies import Policy, policed, remedy
from core.tenancy import Role
from experiments import lifecycle, models
from experiments.lifecycle import (
    BY_THE_SERVICE,
    EDITABLE,
    TRANSITIONS,
    Standing,
    allowed_transitions,
    leads_on,
)

ExperimentStep = lifecycle.Step

strawberry.enum(
    ExperimentStep,
    name="ExperimentStep",
    description="What can be done to an experiment. RECALL gives up the scheduled "
    "start of a design that was never submitted; UNSCHEDULE that of another.",
)

_POLICIES: Mapping[Role, Policy] = {
    Role.EDITOR: Policy.EDIT,
    Role.REVIEWER: Policy.REVIEW,
    Role.OPERATOR: Policy.OPERATE,
}


_BY_ITSELF: Mapping[ExperimentStep, str] = {
    ExperimentStep.COMPLETE: "The last step of the rollout takes it; advanceRollout "
    "brings that forward.",
    ExperimentStep.MEASURE: "The last re-measurement takes it, 90 days after.",
}


@strawberry.enum(description="What stands in the way of a step; NOT_READY comes last.")
class StepObstacle(StrEnum):
    """Why not."""

    STATE = "STATE"
    NOT_APPROVED = "NOT_APPROVED"
    NOT_READY = "NOT_READY"
    ROLE = "ROLE"
    SERVICE = "SERVICE"


@policed(Policy.READ)
@strawberry.type(description="A step, and whether the caller may take it now.")
class StepAvailability:
    """One step."""

    step: ExperimentStep = strawberry.field(description="The step.")
    target: ExperimentStatus = strawberry.field(description="Where it leads.")
    allowed: bool = strawberry.field(description="Whether the caller may take it now.")
    obstacle: StepObstacle | None = strawberry.field(
        description="What stands in the way; null where nothing does."
    )
    because: str = strawberry.field(description="The same for people, or empty.")


@strawberry.type
class Governed:
    """The part of `Experiment` that says who agreed, when it starts, what stops it."""

    row: strawberry.Private[models.Experiment]

    @strawberry.field(
        description="The states that a step leads to from here, for somebody who may "
        "take it: under TEAM and STRICT only what was approved is scheduled or started."
    )
    async def allowed_transitions(self, info: Info) -> list[ExperimentStatus]:
        """For the console's buttons."""
        return list(allowed_transitions(await _standing(info.context, self.row)))

    @strawberry.field(
        description="Every step, whether the caller may take it now, and if not, why. "
        "START is not allowed as long as `launchReadiness` says `ready: false`."
    )
    async def steps(self, info: Info) -> list[StepAvailability]:
        """By the state, by who agreed, by the caller's role, and by the checklist."""
        standing = await _standing(info.context, self.row)
        found = [_availability(info.context, standing, step) for step in TRANSITIONS]
        return [
            await _if_ready(info.context, self.row, each)
            if each.allowed and each.step is ExperimentStep.START
            else each
            for each in found
        ]

    @strawberry.field(
        description="The last time that its design was submitted; null before."
    )
    async def review(self, info: Info) -> Review | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(reviews_by_experiment).load(self.row.id)

    @strawberry.field(
        description="The last start that was scheduled, and what became of it."
    )
    async def schedule(self, info: Info) -> Schedule | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(schedules_by_experiment).load(self.row.id)

    @strawberry.field(
        description="How its coverage rises: in its last phase here, or in the one "
        "that a start would begin; null where it takes full coverage at once."
    )
    async def ramp(self, info: Info) -> Ramp | None:
        """Loaded together with those of the other experiments in the answer."""
        return await info.context.loaders.of(ramps_by_experiment).load(self.row.id)

    @strawberry.field(
        description="What rang in this environment, newest first; each was acted on "
        "once."
    )
    async def alarms(
        self, info: Info, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[Alarm]:
        """One page of alarms."""
        return await alarms_of(info.context, self.row.id, first=first, after=after)

    @strawberry.field(
        description="Why nothing may be concluded from it; null where something may."
    )
    async def invalidation(self, info: Info) -> Invalidation | None:
        """Loaded together with those of the other experiments in the answer."""
        loader = info.context.loaders.of(invalidations_by_experiment)
        return await loader.load(self.row.id)


async def _standing(context: Context, row: models.Experiment) -> Standing:
    if row.status not in EDITABLE:
        return Standing(row.status, decision=row.decision)
    agreement = await context.loaders.of(agreements_by_experiment).load(row.id)
    if agreement is None:
        raise LookupError("The experiment left its project.")
    return agreement.standing(row.status)


def _availability(
    context: Context, standing: Standing, step: ExperimentStep
) -> StepAvailability:
    transition = TRANSITIONS[step]
    policy = _POLICIES[transition.role]
    obstacle: StepObstacle | None = None
    because = ""
    if not leads_on(standing, step):
        obstacle, because = StepObstacle.STATE, f"It is {standing.status}."
        if standing.status in transition.sources and step in {
            ExperimentStep.START,
            ExperimentStep.SCHEDULE,
        }:
            obstacle = StepObstacle.NOT_APPROVED
            because = f"{standing.governance} asks for approvals that it lacks."
        elif standing.status in transition.sources and step is ExperimentStep.SHIP:
            because = f"It was decided: {standing.decision}."
    elif step in BY_THE_SERVICE:
        obstacle, because = StepObstacle.SERVICE, _BY_ITSELF[step]
    elif policy not in context.caller.capabilities:
        obstacle, because = StepObstacle.ROLE, remedy({policy}, client=False)
    return StepAvailability(
        step=step,
        target=transition.target,
        allowed=obstacle is None,
        obstacle=obstacle,
        because=because,
    )


async def _if_ready(
    context: Context, row: models.Experiment, start: StepAvailability
) -> StepAvailability:
    """The start, unless the launch checklist of the caller's environment blocks it."""
    readiness = await context.loaders.of(readiness_by_experiment).load(row.id)
    titles = [each.entry.title for each in readiness.items if each.blocking]
    if not titles:
        return start
    return replace(
        start,
        allowed=False,
        obstacle=StepObstacle.NOT_READY,
        because=f"Still open in the checklist: {'; '.join(titles)}.",
    )
