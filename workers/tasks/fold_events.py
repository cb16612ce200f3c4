"""Events in the log -> cells, units and the exact state of every phase."""

from uuid import UUID

from workers.context import TaskContext
from workers.isolation import each


async def run(context: TaskContext) -> int:
    """Fold one batch of each environment that has something to fold or to mature."""

    async def fold(environment_id: UUID) -> int:
        report = await context.log.fold(
            environment_id, limit=context.settings.fold_batch
        )
        return report.folded + report.matured + report.rebuilt

    return await each(await context.log.environments_with_work(), fold)
