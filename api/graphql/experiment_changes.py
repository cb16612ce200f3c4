"""Experiments: drafting, changing, starting, pausing, stopping."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Error, Refusal, ValidationError
from api.graphql.experiment_inputs import (
    CreateExperimentInput,
    PauseExperimentInput,
    StopExperimentInput,
    TransitionExperimentInput,
    UpdateExperimentInput,
)
from api.graphql.experiments import Experiment, find_experiment
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import Forbidden
from experiments import models, queries, service
from experiments.errors import ChecklistIncomplete
from experiments.lifecycle import LIVE
from experiments.service.change import Intent
from experiments.service.prerequisites import requiring

_EDIT = {"policy": Policy.EDIT}
_OPERATE = {"policy": Policy.OPERATE}
_NUDGES = ("publish_phases", "gather_evidence")


@policed(Policy.READ)
@strawberry.type(description="The experiment as it is now.")
class ExperimentPayload:
    """What every mutation of an experiment answers."""

    experiment: Experiment = strawberry.field(description="The experiment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")

    @strawberry.field(
        description="Live experiments that require this one, by key. Once it is "
        "stopped, nobody is let into them: stop them too, or go on without."
    )
    async def dependants(self, info: Info) -> list[str]:
        """A stop goes through, for it may be urgent; this is its warning."""
        async with info.context.readers() as session:
            found = await requiring(
                session,
                project_id=info.context.caller.project_id,
                key=self.experiment.key,
                statuses=LIVE,
            )
        return sorted(found)


@policed(Policy.READ)
@strawberry.type(description="The launch checklist has blockers.")
class ChecklistError(Error):
    """Member for `ChecklistIncomplete`."""

    items: list[str] = strawberry.field(
        description="The codes of what is left to do; `launchChecks` explains each."
    )


ExperimentResult = Annotated[
    ExperimentPayload | Refusal,
    strawberry.union("ExperimentResult", description="The experiment, or why not."),
]
StartExperimentResult = Annotated[
    ExperimentPayload | ChecklistError | Refusal,
    strawberry.union(
        "StartExperimentResult", description="The experiment, or why it did not start."
    ),
]


@dataclass(slots=True)
class _Left:
    """What a refused start still had to do."""

    items: tuple[str, ...] = ()


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Write down an experiment. Nobody is assigned until it is started.",
    )
    async def create_experiment(
        self,
        info: Info,
        input: CreateExperimentInput,
    ) -> ExperimentResult:
        """One draft with its audit row."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.draft(
                session,
                project_id=info.context.caller.project_id,
                actor=info.context.actor,
                key=input.key,
                treatment=input.treatment,
                changes=input.changes(),
            )
            return {"experiment": row.id.hex}

        return await perform_change(info, input, "createExperiment", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Change a draft; of a started experiment the name, or more "
        "coverage, which never moves a unit between variants.",
    )
    async def update_experiment(
        self,
        info: Info,
        input: UpdateExperimentInput,
    ) -> ExperimentResult:
        """The parts that were sent."""

        async def work(session: AsyncSession) -> Ids:
            intent = await intent_of(session, info, input)
            row = await service.update(session, intent, changes=input.changes())
            return {"experiment": row.id.hex}

        return await perform_change(info, input, "updateExperiment", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Freeze the design and assign people from now on, in the "
        "environment of the request. Under TEAM and STRICT it must be APPROVED.",
    )
    async def start_experiment(
        self,
        info: Info,
        input: TransitionExperimentInput,
    ) -> StartExperimentResult:
        """A new phase, or what is left to do."""

        async def begin(session: AsyncSession) -> UUID:
            phase = await service.start(
                session,
                await intent_of(session, info, input),
                environment_id=info.context.caller.environment_id,
            )
            return phase.experiment_id

        return await begun(info, input, "startExperiment", begin)

    @strawberry.mutation(
        metadata=_OPERATE,
        description="Stop enrolling for a while, or serve everyone the control.",
    )
    async def pause_experiment(
        self,
        info: Info,
        input: PauseExperimentInput,
    ) -> ExperimentResult:
        """With a reason."""
        return await take_step(
            info,
            input,
            "pauseExperiment",
            service.pause,
            mode=input.mode,
            reason=input.reason,
        )

    @strawberry.mutation(
        metadata=_OPERATE,
        description="End a pause: everyone gets the same variant as before it.",
    )
    async def resume_experiment(
        self,
        info: Info,
        input: TransitionExperimentInput,
    ) -> ExperimentResult:
        """The same phase goes on."""
        return await take_step(info, input, "resumeExperiment", service.resume)

    @strawberry.mutation(
        metadata=_EDIT,
        description="End the phase; no winner is needed. Everyone gets the control.",
    )
    async def stop_experiment(
        self,
        info: Info,
        input: StopExperimentInput,
    ) -> ExperimentResult:
        """With a reason."""
        return await take_step(
            info, input, "stopExperiment", service.stop, reason=input.reason
        )


async def take_step(
    info: Info,
    given: TransitionExperimentInput,
    operation: str,
    take: Callable[..., Awaitable[models.Experiment]],
    **details: Any,
) -> ExperimentPayload | Refusal:
    """Take a step with the experiment that is meant, once."""

    async def work(session: AsyncSession) -> Ids:
        row = await take(session, await intent_of(session, info, given), **details)
        return {"experiment": row.id.hex}

    return await perform_change(info, given, operation, work)


async def perform_change(
    info: Info, given: WriteInput, operation: str, work: Work
) -> ExperimentPayload | Refusal:
    """Change an experiment once; what is served here changes with it."""

    async def rebuild(
        session: AsyncSession, ids: Ids, replayed: bool
    ) -> ExperimentPayload:
        row = await queries.experiment_by_id(
            session,
            project_id=info.context.caller.project_id,
            experiment_id=UUID(ids["experiment"]),
        )
        return ExperimentPayload(experiment=Experiment.of(row), replayed=replayed)

    answer = await perform(
        info, given, operation=operation, work=work, rebuild=rebuild, nudges=_NUDGES
    )
    await info.context.services.definitions.refresh()
    return answer


async def begun(
    info: Info,
    given: WriteInput,
    operation: str,
    begin: Callable[[AsyncSession], Awaitable[UUID]],
) -> ExperimentPayload | ChecklistError | Refusal:
    """Begin a phase once, or say what is left to do before it can."""
    left = _Left()

    async def work(session: AsyncSession) -> Ids:
        try:
            return {"experiment": (await begin(session)).hex}
        except ChecklistIncomplete as problem:
            left.items = problem.items
            raise

    answer = await perform_change(info, given, operation, work)
    if left.items and isinstance(answer, ValidationError):
        return ChecklistError(
            message=answer.message,
            code=answer.code,
            path=answer.path,
            items=list(left.items),
        )
    return answer


async def intent_of(
    session: AsyncSession,
    info: Info,
    given: UpdateExperimentInput | TransitionExperimentInput,
) -> Intent:
    """The experiment that is meant, at the version that the caller read.

    Raises:
        NotFound: The caller's project has none such.
        Forbidden: It runs in another environment.
    """
    row = await find_experiment(session, info.context, given.experiment)
    places = await queries.environments_of(session, row.id)
    if places and info.context.caller.environment_id not in places:
        raise Forbidden(
            "It runs in another environment; ask there.", code="OTHER_ENVIRONMENT"
        )
    return Intent(
        project_id=row.project_id,
        experiment_id=row.id,
        expected_version=given.expected_version,
        actor=info.context.actor,
    )
