"""The table of the nightly audit of phases' states."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from core.database import json_column, utc_column
from core.ids import new_id


class StateAudit(SQLModel, table=True):
    """A phase's state beside the one recomputed from its raw events. Append-only."""

    __tablename__ = "state_audit"
    __table_args__ = (Index("ix_state_audit_phase_id_at", "phase_id", "at", "id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    project_id: UUID = Field(foreign_key="project.id")
    environment_id: UUID = Field(foreign_key="environment.id")
    phase_id: UUID = Field(foreign_key="phase.id")
    position: int = Field(sa_type=BigInteger)
    watermark: datetime = utc_column()
    equal: bool | None = None
    """Byte for byte; null where the log is too long to be replayed."""
    differences: list[str] = json_column(default_factory=list)
    """Where the two differ, never by how much: an effect may be hidden."""
    at: datetime = utc_column()
