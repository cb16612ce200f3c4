"""A link, settled at once: what its ids met in the log is kept in the facts."""

from uuid import UUID

from api.context import Context
from core.links import IdentityLink
from experiments.keeping import Kept
from experiments.service.linking import settle


async def settled_link(context: Context, link_id: UUID) -> tuple[Kept, ...]:
    """What stands for the person in each running phase; safe to repeat.

    The link is not stamped: a task settles it again, for what is recorded meanwhile.
    """
    async with context.readers() as session:
        link = await session.get_one(IdentityLink, link_id)
    (settled,) = await settle(context.database, context.log, [link])
    await context.services.definitions.refresh()
    return settled.kept
