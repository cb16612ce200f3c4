"""Registered documents: texts that a client may name by their hash alone."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, UniqueConstraint, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, func, select

from core.clock import now
from core.database import AsyncSession, is_sqlite, utc_column
from core.ids import new_id
from core.problems import Conflict, NotFound

MAX_DOCUMENTS = 500
MAX_BYTES = 32_768


class RegisteredDocument(SQLModel, table=True):
    """One text; it is never changed, for its hash is its name."""

    __tablename__ = "registered_document"
    __table_args__ = (UniqueConstraint("environment_id", "sha256"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    sha256: str = Field(max_length=64)
    text: str = Field(sa_type=Text)
    registered_at: datetime = utc_column()


class TooManyDocuments(Conflict):
    """The environment's registry is full."""

    code = "TOO_MANY_DOCUMENTS"

    def __init__(self) -> None:
        super().__init__(f"An environment has at most {MAX_DOCUMENTS} documents.")


def sha256_of(text: str) -> str:
    """The name of a text: lower-case hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def register(
    session: AsyncSession, *, environment_id: UUID, text: str
) -> RegisteredDocument:
    """Keep a text; one that is kept already stays as it is.

    Raises:
        TooManyDocuments: There is no place for another.
    """
    name = sha256_of(text)
    known = await _found(session, environment_id, name)
    if known is not None:
        return known
    counted = await session.exec(
        select(func.count()).where(RegisteredDocument.environment_id == environment_id)
    )
    if counted.one() >= MAX_DOCUMENTS:
        raise TooManyDocuments
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    row = {
        "id": new_id(),
        "environment_id": environment_id,
        "sha256": name,
        "text": text,
        "registered_at": await now(session),
    }
    await (await session.connection()).execute(
        insert(RegisteredDocument).values(row).on_conflict_do_nothing()
    )
    kept = await _found(session, environment_id, name)
    if kept is None:
        raise LookupError(name)
    return kept


async def remove(
    session: AsyncSession, *, environment_id: UUID, name: str
) -> RegisteredDocument:
    """Take a document out of the registry; its place is free again.

    Raises:
        NotFound: No such document is registered, or another removal came first.
    """
    known = await _found(session, environment_id, name)
    if known is None:
        raise NotFound("The document")
    removed = await session.exec(
        delete(RegisteredDocument)
        .where(col(RegisteredDocument.id) == known.id)
        .execution_options(synchronize_session=False)
    )
    if removed.rowcount == 0:
        raise NotFound("The document")
    session.expunge(known)
    return known


async def registered(
    session: AsyncSession, environment_id: UUID
) -> Sequence[RegisteredDocument]:
    """All of an environment's, oldest first."""
    found = await session.exec(
        select(RegisteredDocument)
        .where(RegisteredDocument.environment_id == environment_id)
        .order_by(col(RegisteredDocument.id))
        .limit(2 * MAX_DOCUMENTS)
    )
    return found.all()


async def _found(
    session: AsyncSession, environment_id: UUID, name: str
) -> RegisteredDocument | None:
    found = await session.exec(
        select(RegisteredDocument).where(
            RegisteredDocument.environment_id == environment_id,
            RegisteredDocument.sha256 == name,
        )
    )
    return found.one_or_none()
