"""What the audit trail is told of an experiment, and of what it is made of."""

from typing import Any, TypeAlias
from uuid import UUID

from core import audit
from core.audit import Actor
from core.database import AsyncSession
from experiments.errors import ReasonMissing
from experiments.models import (
    TEXT_LENGTH,
    Experiment,
    Holdout,
    KillSwitch,
    Layer,
    Metric,
    Segment,
)

Kept: TypeAlias = Experiment | Layer | Holdout | Segment | Metric | KillSwitch


async def record(
    session: AsyncSession,
    row: Kept,
    action: str,
    *,
    actor: Actor,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
    environment_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """Write down who did what to one of the project's rows."""
    await audit.record(
        session,
        actor=actor,
        project_id=row.project_id,
        environment_id=environment_id,
        action=action,
        subject=type(row).__name__,
        subject_id=row.id,
        before=before,
        after=after,
        reason=reason,
    )


def brief(reason: str) -> str:
    """Why somebody does something, without outer blanks.

    Raises:
        ReasonMissing: Nothing is said, or more than is kept.
    """
    text = reason.strip()
    if not 0 < len(text) <= TEXT_LENGTH:
        raise ReasonMissing
    return text
