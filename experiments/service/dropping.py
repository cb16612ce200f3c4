"""Taking an arm out of a phase under way: nobody else moves, and nothing is lost.

The part of [0, 1) that was the arm's stays its own: its units get the control and are
exposed no more, and every other unit keeps its variant. What it gathered stays; it is
compared with nothing from then on.
"""

from dataclasses import dataclass
from uuid import UUID

from core.clock import now
from core.database import AsyncSession
from experiments.arms import ArmDesign
from experiments.design import PhaseDesign
from experiments.errors import DesignFrozen, DesignInvalid
from experiments.freezing import design_of
from experiments.lifecycle import LIVE
from experiments.models import Experiment, Phase
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.publishing import locked_phase, phase_here, republish
from experiments.service.recording import record
from experiments.service.reporting import report_of

_PATH = ("variant",)


@dataclass(frozen=True, slots=True)
class DropPreview:
    """What it means to take an arm out."""

    variant: str
    share: float
    """Of those who take part, how many get the control from then on."""
    exposed_units: int
    """Who met it so far, by the current snapshot."""
    left: tuple[str, ...]
    """The variants that go on as before."""


async def preview_drop(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    variant: str,
    reason: str,
) -> DropPreview:
    """Say what dropping a variant would do, and do nothing.

    Raises:
        DesignFrozen, DesignInvalid: It cannot be dropped.
        ReasonMissing: No reason was given.
        StaleVersion: Somebody changed the experiment.
    """
    experiment = await change.read(session, intent)
    change.said(reason)
    phase, arm = await _droppable(session, experiment, environment_id, variant)
    return await drop_preview(session, phase, arm.key)


async def drop_arm(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    variant: str,
    reason: str,
) -> Phase:
    """Take a variant out of the phase under way, for good.

    Raises:
        DesignFrozen: Nobody is being assigned here.
        DesignInvalid: It is the control, the last one that is compared with it, dropped
            already, or none of its variants.
        ReasonMissing: No reason was given.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.held(session, intent)
    reason = change.said(reason)
    current, _ = await _droppable(session, experiment, environment_id, variant)
    row = await change.write(session, experiment, LIVE)
    phase = await locked_phase(session, current.id)
    gone = {
        "variant": variant,
        "at": (await now(session)).isoformat(),
        "by": intent.actor.name,
        "reason": reason,
    }
    phase.dropped = [*phase.dropped, gone]
    await republish(session, phase)
    left = [arm.key for arm in design_of(phase).in_play]
    await record(
        session,
        row,
        "experiment.drop_variant",
        actor=intent.actor,
        environment_id=environment_id,
        before={"version": row.version - 1},
        after={
            "version": row.version,
            "phase": phase.number,
            "dropped": variant,
            "left": left,
        },
        reason=reason,
    )
    return phase


async def drop_preview(
    session: AsyncSession, phase: Phase, variant: str
) -> DropPreview:
    """What it means, or meant, to take a variant out of a phase."""
    design, report = design_of(phase), await report_of(session, phase.id)
    exposed = {} if report is None else {a.arm: a.exposed for a in report.health.arms}
    arm = next(each for each in design.arms if each.key == variant)
    return DropPreview(
        variant=variant,
        share=arm.weight / sum(each.weight for each in design.arms),
        exposed_units=exposed.get(variant, 0),
        left=tuple(each.key for each in design.in_play if each.key != variant),
    )


async def _droppable(
    session: AsyncSession, experiment: Experiment, environment_id: UUID, variant: str
) -> tuple[Phase, ArmDesign]:
    if experiment.status not in LIVE:
        raise DesignFrozen("Nobody is being assigned.", path=_PATH)
    phase = await phase_here(session, experiment.id, environment_id)
    return phase, _arm(design_of(phase), variant)


def _arm(design: PhaseDesign, variant: str) -> ArmDesign:
    """The arm that may be taken out.

    Raises:
        DesignInvalid: It may not, or there is none such.
    """
    arm = next((each for each in design.arms if each.key == variant), None)
    if arm is None:
        keys = ", ".join(each.key for each in design.arms)
        raise DesignInvalid(f"{variant} is none of its variants: {keys}.", path=_PATH)
    if arm.is_control:
        raise DesignInvalid("All others are compared with the control.", path=_PATH)
    if arm not in design.in_play:
        raise DesignInvalid(f"{variant} was dropped already.", path=_PATH)
    if len(design.in_play) == 2:
        raise DesignInvalid(
            f"Nothing but {variant} is compared with the control: stop the experiment.",
            path=_PATH,
        )
    return arm
