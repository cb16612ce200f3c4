"""Kill switches: throwing them, rehearsing that, releasing them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal, member_for
from api.graphql.experiments import ExperimentRef, find_experiment
from api.graphql.ids import local_id
from api.graphql.kill_switches import KillSwitch
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.pagination import MAX_PAGE
from api.policies import Policy, policed
from core.database import AsyncSession
from core.idempotency import check_key
from core.problems import Problem
from experiments import service
from experiments.eligibility import live, queries
from experiments.errors import DesignInvalid
from experiments.models import SwitchScope

_NOTHING = (
    "Nothing that it covers is assigned here now. What starts later serves its control "
    "until the switch is released."
)
_OPERATE = {"policy": Policy.OPERATE}


@strawberry.input(description="A kill switch to throw.")
class ThrowKillSwitchInput:
    """What throwKillSwitch takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    scope: SwitchScope = strawberry.field(description="What to turn off.")
    experiment: ExperimentRef | None = strawberry.field(
        default=None, description="For EXPERIMENT: which one."
    )
    layer: str | None = strawberry.field(
        default=None, description="For LAYER: its key."
    )
    reason: str = strawberry.field(description="Why; kept in the audit trail.")
    dry_run: bool = strawberry.field(
        default=False,
        description="Only answer what would be served the control; nothing is written, "
        "and the idempotency key stays unused.",
    )


@strawberry.input(description="A kill switch to release.")
class ReleaseKillSwitchInput:
    """What releaseKillSwitch takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The switch's global id.")
    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@policed(Policy.READ)
@strawberry.type(description="What a kill switch covers, and the switch.")
class KillSwitchPayload:
    """What every mutation of a kill switch answers."""

    kill_switch: KillSwitch | None = strawberry.field(
        description="The switch; null after a dry run."
    )
    covered: int = strawberry.field(
        description="How many of the experiments assigned here it covers now."
    )
    warning: str | None = strawberry.field(
        description="That nothing is covered now, and what follows; else null."
    )
    covered_keys: list[str] = strawberry.field(
        description="Their keys, in order; at most 200."
    )
    dry_run: bool = strawberry.field(description="Whether nothing was done.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")

    @classmethod
    def of(
        cls, switch: KillSwitch | None, keys: Sequence[str], *, replayed: bool
    ) -> "KillSwitchPayload":
        """From a switch, or none, and what it covers."""
        in_force = switch is None or switch.released_at is None
        return cls(
            kill_switch=switch,
            covered=len(keys),
            covered_keys=list(keys[:MAX_PAGE]),
            warning=None if keys or not in_force else _NOTHING,
            dry_run=switch is None,
            replayed=replayed,
        )


KillSwitchResult = Annotated[
    KillSwitchPayload | Refusal,
    strawberry.union("KillSwitchResult", description="The switch, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_OPERATE,
        description="Serve everyone the control of an experiment, of a layer's, or of "
        "all, in this environment and at once. Only subjects with an override keep "
        "their variant. Phases and their analysis go on. What is thrown already stays "
        "as it is.",
    )
    async def throw_kill_switch(
        self, info: Info, input: ThrowKillSwitchInput
    ) -> KillSwitchResult:
        """With a reason, or as a rehearsal."""
        if input.dry_run:
            return await _rehearsed(info, input)

        async def work(session: AsyncSession) -> Ids:
            row = await service.throw(
                session,
                project_id=info.context.caller.project_id,
                environment_id=info.context.caller.environment_id,
                actor=info.context.actor,
                target=await _target(session, info, input),
                reason=input.reason,
            )
            return {"switch": row.id.hex}

        return await _perform(info, input, "throwKillSwitch", work)

    @strawberry.mutation(
        metadata=_OPERATE,
        description="Split again what a kill switch turned off: everyone gets the same "
        "variant as before.",
    )
    async def release_kill_switch(
        self, info: Info, input: ReleaseKillSwitchInput
    ) -> KillSwitchResult:
        """Once, with a reason."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.release(
                session,
                environment_id=info.context.caller.environment_id,
                switch_id=local_id(input.id, "KillSwitch", path=("id",)),
                actor=info.context.actor,
                reason=input.reason,
            )
            return {"switch": row.id.hex}

        return await _perform(info, input, "releaseKillSwitch", work)


async def _rehearsed(
    info: Info, given: ThrowKillSwitchInput
) -> KillSwitchPayload | Refusal:
    try:
        check_key(str(given.idempotency_key))
        async with info.context.readers() as session:
            target = await _target(session, info, given)
            target.check(given.reason)
            keys = await _covered(session, info, target.scope, target.target_id)
    except Problem as problem:
        return member_for(problem)
    return KillSwitchPayload.of(None, keys, replayed=False)


async def _perform(
    info: Info, given: WriteInput, operation: str, work: Work
) -> KillSwitchPayload | Refusal:
    async def rebuild(
        session: AsyncSession, ids: Ids, replayed: bool
    ) -> KillSwitchPayload:
        row = await live.switch_by_id(
            session,
            environment_id=info.context.caller.environment_id,
            switch_id=UUID(ids["switch"]),
        )
        keys = await _covered(session, info, row.scope, row.target_id)
        return KillSwitchPayload.of(KillSwitch.of(row), keys, replayed=replayed)

    answer = await perform(info, given, operation=operation, work=work, rebuild=rebuild)
    await info.context.services.definitions.refresh()
    return answer


async def _covered(
    session: AsyncSession, info: Info, scope: SwitchScope, target_id: UUID | None
) -> Sequence[str]:
    return await live.served_keys(
        session,
        environment_id=info.context.caller.environment_id,
        scope=scope,
        target_id=target_id,
    )


async def _target(
    session: AsyncSession, info: Info, given: ThrowKillSwitchInput
) -> service.SwitchTarget:
    """What is meant; something that does not fit the scope is refused, not passed over.

    Raises:
        DesignInvalid: An experiment or a layer is named that the scope is not about.
        NotFound: There is none such.
    """
    scope = given.scope
    if given.experiment is not None and scope is not SwitchScope.EXPERIMENT:
        raise DesignInvalid("Only EXPERIMENT names one.", path=("experiment",))
    if given.layer is not None and scope is not SwitchScope.LAYER:
        raise DesignInvalid("Only LAYER names one.", path=("layer",))
    if given.experiment is not None:
        row = await find_experiment(session, info.context, given.experiment)
        return service.SwitchTarget(scope, row.id, row.key)
    if given.layer is not None:
        layer = await queries.layer_by_key(
            session,
            project_id=info.context.caller.project_id,
            key=given.layer,
            path=("layer",),
        )
        return service.SwitchTarget(scope, layer.id, layer.key)
    return service.SwitchTarget(scope)
