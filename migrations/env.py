"""Alembic's entry: every domain's tables, on SQLite and PostgreSQL alike."""

from importlib import import_module
from typing import Any, Literal

from alembic import context
from sqlalchemy.engine import Connection
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

from core.database import JsonDocument, UtcDateTime

for module in (
    "core.audit",
    "core.audit_chain",
    "core.delivery",
    "core.displays",
    "core.documents",
    "core.idempotency",
    "core.keys",
    "core.links",
    "core.schedules",
    "core.signin",
    "core.subjects",
    "core.tenancy",
    "experiments.analysis.models",
    "experiments.governance.models",
    "experiments.models",
    "experiments.readiness.models",
    "experiments.shipping.models",
    "experiments.state_audits.models",
    "feedback.models",
    "surveys.models",
):
    import_module(module)


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Name our own column types in a generated migration."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if isinstance(item, AutoString):
        return "sa.String()" if item.length is None else f"sa.String({item.length})"
    return "JsonDocument" if item is JsonDocument else False


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()


_run(context.config.attributes["connection"])
