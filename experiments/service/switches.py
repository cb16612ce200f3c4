"""Kill switches: everyone gets the control at once, and the analysis goes on."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import IllegalTransition
from experiments.eligibility.live import served_keys
from experiments.errors import DesignInvalid, SwitchUnknown
from experiments.models import KillSwitch, SwitchScope
from experiments.service.locking import hold_environment
from experiments.service.publishing import touch_definitions
from experiments.service.recording import brief, record


@dataclass(frozen=True, slots=True)
class SwitchTarget:
    """What a switch turns off: one experiment, the phases of a layer, or everything."""

    scope: SwitchScope
    target_id: UUID | None = None
    key: str | None = None
    """Of the experiment or the layer, for the audit trail."""

    def check(self, reason: str) -> str:
        """Refuse what cannot be thrown, at a rehearsal too; the reason as it is kept.

        Raises:
            DesignInvalid: ALL has no target, the others have one.
            ReasonMissing: No reason was given, or one that is too long.
        """
        if (self.target_id is None) is not (self.scope is SwitchScope.ALL):
            raise DesignInvalid(
                "Name the experiment or the layer; for ALL neither.", path=("scope",)
            )
        return brief(reason)


async def throw(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    actor: Actor,
    target: SwitchTarget,
    reason: str,
) -> KillSwitch:
    """Serve everyone the control of what it covers, from the commit on.

    Phases go on and nothing is recorded of them. What is thrown already stays as it
    is, so throwing twice throws once.

    Raises:
        DesignInvalid: The target does not fit the scope.
        ReasonMissing: No reason was given.
    """
    reason = target.check(reason)
    await hold_environment(session, environment_id)
    if (thrown := await _thrown(session, environment_id, target)) is not None:
        return thrown
    switch = KillSwitch(
        project_id=project_id,
        environment_id=environment_id,
        scope=target.scope,
        target_id=target.target_id,
        reason=reason,
        thrown_by=actor.name,
        thrown_at=await now(session),
    )
    session.add(switch)
    await session.flush()
    await touch_definitions(session, environment_id)
    covered = await served_keys(
        session,
        environment_id=environment_id,
        scope=target.scope,
        target_id=target.target_id,
    )
    facts = {"scope": target.scope, "target": target.key, "experiments": len(covered)}
    await record(
        session,
        switch,
        "kill_switch.throw",
        actor=actor,
        after=facts,
        environment_id=environment_id,
        reason=reason,
    )
    return switch


async def release(
    session: AsyncSession,
    *,
    environment_id: UUID,
    switch_id: UUID,
    actor: Actor,
    reason: str,
) -> KillSwitch:
    """Split again: everyone gets the same variant as before.

    Raises:
        SwitchUnknown: There is none in the environment.
        IllegalTransition: It was released before.
        ReasonMissing: No reason was given.
    """
    reason = brief(reason)
    found = await session.exec(
        select(KillSwitch)
        .where(KillSwitch.id == switch_id, KillSwitch.environment_id == environment_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    switch = found.first()
    if switch is None:
        raise SwitchUnknown(path=("id",))
    if switch.released_at is not None:
        raise IllegalTransition(
            "RELEASED", "RELEASED", message="It was released already."
        )
    switch.released_at = await now(session)
    session.add(switch)
    await session.flush()
    await touch_definitions(session, environment_id)
    before = {"scope": switch.scope, "thrown_at": switch.thrown_at.isoformat()}
    after = {**before, "released_at": switch.released_at.isoformat()}
    await record(
        session,
        switch,
        "kill_switch.release",
        actor=actor,
        environment_id=environment_id,
        before=before,
        after=after,
        reason=reason,
    )
    return switch


async def _thrown(
    session: AsyncSession, environment_id: UUID, target: SwitchTarget
) -> KillSwitch | None:
    """The switch that covers the target already."""
    found = await session.exec(
        select(KillSwitch).where(
            KillSwitch.environment_id == environment_id,
            KillSwitch.scope == target.scope,
            col(KillSwitch.target_id) == target.target_id
            if target.target_id is not None
            else col(KillSwitch.target_id).is_(None),
            col(KillSwitch.released_at).is_(None),
        )
    )
    return found.first()
