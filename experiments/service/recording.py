"""What the audit trail is told of layers, holdouts, segments and metrics."""

from typing import Any, TypeAlias

from core import audit
from core.audit import Actor
from core.database import AsyncSession
from experiments.models import Holdout, Layer, Metric, Segment

Kept: TypeAlias = Layer | Holdout | Segment | Metric


async def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    row: Kept,
    *,
    after: dict[str, Any],
    before: dict[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Write down who did what to one of the project's rows."""
    await audit.record(
        session,
        actor=actor,
        project_id=row.project_id,
        action=action,
        subject=type(row).__name__,
        subject_id=row.id,
        before=before,
        after=after,
        reason=reason,
    )
