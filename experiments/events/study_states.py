"""A phase's folded state beside the one recomputed from its raw events."""

from dataclasses import dataclass
from uuid import UUID

from experiments.events import definitions
from experiments.events.state import PhaseState
from experiments.events.store import Session

MAX_REPLAYED = 1_000_000
"""Events of an environment past which its phases are no longer replayed."""


@dataclass(frozen=True, slots=True)
class BothStates:
    """Two states of one phase at one position and watermark."""

    folded: PhaseState
    recomputed: PhaseState | None
    """None where the log has more than MAX_REPLAYED events."""


async def both_states(session: Session, phase_id: UUID) -> BothStates:
    """Read the one and recompute the other, in one transaction and so at one instant.

    Raises:
        UnknownPhase: The phase was never published.
    """
    # The reader's types come from the log, which has these studies.
    from experiments.events import reading

    design, _ = await definitions.find(session, phase_id)
    folded = await reading.phase_state(session, phase_id)
    counted = await session.run("count", environment_id=design.environment_id)
    if counted and int(counted[0][0]) > MAX_REPLAYED:
        return BothStates(folded, None)
    return BothStates(folded, await reading.recompute(session, phase_id))


async def doubt(session: Session, phase_id: UUID) -> None:
    """Let the next fold rebuild a phase.

    Raises:
        UnknownPhase: The phase was never published.
    """
    design, _ = await definitions.find(session, phase_id)
    await session.lock(design.environment_id)
    await session.run("study_doubt", phase_id=phase_id)
