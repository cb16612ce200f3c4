"""Events in the log -> cells, units and the exact state of every phase."""

from datetime import timedelta
from uuid import UUID

from workers.context import TaskContext
from workers.cuts import due_cuts
from workers.isolation import each


async def run(context: TaskContext) -> int:
    """Fold one batch of each environment that has something to fold or to mature.

    Where a look is due, the watermark goes to its cut, also if nothing happens, and
    stands still there until the look was taken.
    """
    waiting = await context.log.environments_with_work()
    due = await due_cuts(context)
    lag = timedelta(seconds=context.settings.watermark_lag_seconds)
    waiting += [
        environment_id
        for environment_id, each_due in due.items()
        if each_due.cut <= each_due.now - lag and environment_id not in waiting
    ]

    async def fold(environment_id: UUID) -> int:
        held = due.get(environment_id)
        report = await context.log.fold(
            environment_id,
            limit=context.settings.fold_batch,
            hold_at=None if held is None else held.cut,
        )
        return report.folded + report.matured + report.rebuilt

    return await each(waiting, fold)
