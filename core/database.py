"""The facts database: one async engine, SQLite or PostgreSQL, two session factories."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    Dialect,
    Enum,
    MetaData,
    Select,
    TypeDecorator,
    event,
    inspect,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Mapper
from sqlalchemy.orm import Session as SyncSession
from sqlmodel import Field, Session, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from core.problems import Invalid
from core.reach import CONNECT_SECONDS, Reach, Unreachable, is_unreachable

Sessions = async_sessionmaker[AsyncSession]
FixedClock = Callable[[], datetime]

SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention

POOL_SECONDS = 5.0
"""How long a request waits for a connection that others hold."""

_Statement = TypeVar("_Statement", bound=Select[Any])


class UtcDateTime(TypeDecorator[datetime]):
    """An instant. Naive values are refused; SQLite's come back with their zone."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(
        self,
        value: datetime | None,
        dialect: Dialect,
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A naive datetime has no place in the database.")
        return value.astimezone(UTC)

    def process_result_value(
        self,
        value: datetime | None,
        dialect: Dialect,
    ) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)
        return value.astimezone(UTC)


JsonDocument = JSON(none_as_null=True).with_variant(
    JSONB(none_as_null=True), "postgresql"
)
"""A JSON value. Assign a new one to change it: edits in place are not seen."""


def utc_column(**options: Any) -> Any:
    """A SQLModel field that holds an instant; nullable if its annotation is."""
    return Field(sa_type=UtcDateTime, **options)


def json_column(**options: Any) -> Any:
    """A SQLModel field that holds a JSON document."""
    return Field(sa_type=JsonDocument, **options)


def enum_column(kind: type[StrEnum], **options: Any) -> Any:
    """A SQLModel field that holds a member's name as text, so that kinds may grow."""
    return Field(sa_type=Enum(kind, native_enum=False, length=32), **options)


class Database:
    """An engine and its two session factories.

    `sessions` is for writing: on SQLite its transactions begin IMMEDIATE, so that
    two writers wait for each other instead of failing at their first write.
    `readers` is for reading. `reach` tells whether it answers.
    """

    def __init__(self, url: str, *, clock: FixedClock | None = None) -> None:
        """Open the engine; `clock` replaces the database clock in tests."""
        self.url = make_url(url)
        self.engine = _engine(url)
        info: dict[str, object] = {} if clock is None else {"clock": clock}
        self.sessions = _factory(self.engine, info)
        self.readers = _factory(self.engine.execution_options(read_only=True), info)
        self.reach = Reach()
        event.listen(self.engine.sync_engine, "after_cursor_execute", self._answered)

    @property
    def is_sqlite(self) -> bool:
        """Whether the facts live in an SQLite file."""
        return self.engine.dialect.name == "sqlite"

    def _answered(self, *_: object) -> None:
        self.reach.found()

    async def dispose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def is_sqlite(session: AsyncSession) -> bool:
    """Whether this session speaks to SQLite."""
    return session.get_bind().dialect.name == "sqlite"


def skip_locked(statement: _Statement, session: AsyncSession) -> _Statement:
    """Lock the rows, passing over those that another worker holds.

    On SQLite the write transaction already excludes every other one.
    """
    if is_sqlite(session):
        return statement
    return statement.with_for_update(skip_locked=True)


class _CheckedSession(Session):
    """Refuses a text that its column cannot hold before any store sees it."""


@cache
def _limits(mapper: Mapper[Any]) -> tuple[tuple[str, int], ...]:
    return tuple(
        (mapper.get_property_by_column(column).key, limit)
        for column in mapper.columns
        if (limit := getattr(column.type, "length", None)) is not None
    )


def _check_lengths(session: SyncSession, *_: object) -> None:
    for row in (*session.new, *session.dirty):
        for name, limit in _limits(inspect(row).mapper):
            value = getattr(row, name)
            if isinstance(value, str) and len(value) > limit:
                raise Invalid(
                    f"`{name}` has at most {limit:,} characters.",
                    code="TOO_LONG",
                    path=(name,),
                )


event.listen(_CheckedSession, "before_flush", _check_lengths)


def _factory(engine: AsyncEngine, info: dict[str, object]) -> Sessions:
    return async_sessionmaker(
        engine,
        class_=AsyncSession,
        sync_session_class=_CheckedSession,
        expire_on_commit=False,
        info=info,
    )


def _engine(url: str) -> AsyncEngine:
    def dumps(value: object) -> str:
        return json.dumps(value, allow_nan=False, ensure_ascii=False)

    if url.startswith("sqlite"):
        engine = create_async_engine(
            url,
            json_serializer=dumps,
            hide_parameters=True,
            connect_args={"timeout": 30},
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return engine
    return create_async_engine(
        url,
        json_serializer=dumps,
        hide_parameters=True,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        pool_timeout=POOL_SECONDS,
        connect_args={"timeout": CONNECT_SECONDS},
    )


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


__all__ = [
    "AsyncSession",
    "Database",
    "JsonDocument",
    "SQLModel",
    "Sessions",
    "Unreachable",
    "UtcDateTime",
    "enum_column",
    "is_sqlite",
    "is_unreachable",
    "json_column",
    "skip_locked",
    "utc_column",
]
