"""What other stores and caches are told of a change."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select

from core.database import AsyncSession, is_sqlite
from experiments import queries
from experiments.errors import DesignFrozen
from experiments.models import DefinitionsVersion, Phase


async def touch_definitions(session: AsyncSession, environment_id: UUID) -> None:
    """Count a change in what the environment serves, so that caches follow."""
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    await session.exec(
        insert(DefinitionsVersion)
        .values(environment_id=environment_id, version=1)
        .on_conflict_do_update(
            index_elements=["environment_id"],
            set_={"version": DefinitionsVersion.version + 1},
        )
    )


async def touch_links(session: AsyncSession, environment_id: UUID) -> int:
    """Count a change of links; the count is held until the transaction ends.

    So of two changes the one with the higher count is seen no earlier than the other,
    and a reader may go on from the last count that it has seen.
    """
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    found = await session.exec(
        insert(DefinitionsVersion)
        .values(environment_id=environment_id, version=1, links=1)
        .on_conflict_do_update(
            index_elements=["environment_id"],
            set_={"links": DefinitionsVersion.links + 1},
        )
        .returning(col(DefinitionsVersion.links))
    )
    count: int = found.scalar_one()
    return count


async def locked_phase(session: AsyncSession, phase_id: UUID) -> Phase:
    """The phase, held until the transaction ends.

    Rows that only point to it may be written meanwhile: a link does so while it holds
    the count that whoever holds the phase will want next.
    """
    found = await session.exec(
        select(Phase)
        .where(Phase.id == phase_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return found.one()


async def phase_here(
    session: AsyncSession, experiment_id: UUID, environment_id: UUID
) -> Phase:
    """The current phase, if its units are assigned in this environment.

    Raises:
        DesignFrozen: They are assigned elsewhere, or in another environment.
    """
    phase = await queries.current_phase(session, experiment_id)
    if phase.imported or phase.environment_id != environment_id:
        raise DesignFrozen("Its units are not assigned in this environment.")
    return phase


async def republish(session: AsyncSession, phase: Phase) -> None:
    """Let the event log and the caches hear of the phase again."""
    phase.version += 1
    phase.published_at = None
    session.add(phase)
    await session.flush()
    await touch_definitions(session, phase.environment_id)


async def mark_published(
    session: AsyncSession, *, phase_id: UUID, version: int, at: datetime
) -> None:
    """The event log has this version; a newer one stays to be published."""
    await session.exec(
        update(Phase)
        .where(col(Phase.id) == phase_id, col(Phase.version) == version)
        .values(published_at=at)
        .execution_options(synchronize_session=False)
    )
