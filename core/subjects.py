"""Who is asked about: users, anonymous visitors, accounts, and how they belong."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from operator import or_
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import ColumnElement, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Field, SQLModel, col, select

from core.clock import now
from core.database import AsyncSession, enum_column, is_sqlite, json_column, utc_column
from core.ids import new_id
from core.links import Link, learn
from core.problems import Invalid

MAX_ID = 256
ID_ATTRIBUTES = frozenset({"id", "anonymousId", "accountId"})
"""What rules call the ids; nothing that is said of a subject goes by these names."""
_MAX_TRAITS = 100


class SubjectKind(StrEnum):
    """Which kind of id a subject row stands for."""

    USER = "USER"
    ANONYMOUS = "ANONYMOUS"
    ACCOUNT = "ACCOUNT"


SubjectKey: TypeAlias = tuple[SubjectKind, str]


@dataclass(frozen=True, slots=True)
class SubjectContext:
    """One request's subject: its ids and the attributes that came with it."""

    user_id: str | None = None
    anonymous_id: str | None = None
    account_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def person_id(self) -> str | None:
        """The user id, else the anonymous one."""
        return self.user_id or self.anonymous_id

    def rule_attributes(
        self, stored: Mapping[str, Any] | None = None, *, stored_first: bool = False
    ) -> dict[str, Any]:
        """What rules see: the ids, with traits on record and the request's attributes.

        Of the two the request's stand, or with `stored_first` those on record.
        """
        traits = stored or {}
        orders = (traits, self.attributes), (self.attributes, traits)
        under, over = orders[stored_first]
        said = {
            name: value
            for name, value in {**under, **over}.items()
            if name not in ID_ATTRIBUTES
        }
        ids = {
            "id": self.user_id,
            "anonymousId": self.anonymous_id,
            "accountId": self.account_id,
        }
        present = {name: value for name, value in ids.items() if value is not None}
        return said | present


class Subject(SQLModel, table=True):
    """A user, visitor or account with its traits (plan, role, created_at, ...)."""

    __table_args__ = (UniqueConstraint("environment_id", "kind", "external_id"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    kind: SubjectKind = enum_column(SubjectKind)
    external_id: str = Field(max_length=MAX_ID)
    traits: dict[str, Any] = json_column(default_factory=dict)
    traits_at: dict[str, list[str]] = json_column(default_factory=dict)
    """When each trait was said and by which event; removed ones are remembered."""
    first_seen_at: datetime = utc_column()
    updated_at: datetime = utc_column()


class Membership(SQLModel, table=True):
    """A user's place in an account, in force until the user's next one."""

    __table_args__ = (
        UniqueConstraint("environment_id", "user_id", "account_id", "from_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id")
    user_id: str = Field(max_length=MAX_ID)
    account_id: str = Field(max_length=MAX_ID)
    from_at: datetime = utc_column()


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said of a subject at an instant."""

    kind: SubjectKind
    external_id: str
    traits: Mapping[str, Any]
    at: datetime
    event_id: str = ""

    @property
    def subject(self) -> SubjectKey:
        """Whom it is about."""
        return self.kind, self.external_id

    @property
    def stamp(self) -> list[str]:
        """Orders statements: by instant, then by event."""
        instant = self.at.astimezone(UTC).isoformat(timespec="milliseconds")
        return [instant, self.event_id]


@dataclass(frozen=True, slots=True, order=True)
class Join:
    """A user came into an account."""

    user_id: str
    account_id: str
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What arrived together about subjects."""

    statements: Sequence[Statement] = ()
    links: Sequence[Link] = ()
    joins: Sequence[Join] = ()


async def identify(
    session: AsyncSession,
    *,
    environment_id: UUID,
    kind: SubjectKind,
    external_id: str,
    traits: dict[str, Any],
) -> Subject:
    """Merge traits into a subject's as of now; a trait set to null is removed.

    Raises:
        Invalid: The id is empty or too long, or the traits are too many.
    """
    if not 0 < len(external_id) <= MAX_ID:
        raise Invalid(f"A subject's id has 1 to {MAX_ID} characters.", path=("id",))
    said = Statement(kind, external_id, traits, at=await now(session))
    subject = (await _held(session, environment_id, {said.subject}))[said.subject]
    if not _merged(subject, said):
        raise Invalid(f"A subject has at most {_MAX_TRAITS} traits.", path=("traits",))
    await session.flush()
    return subject


async def remember(session: AsyncSession, environment_id: UUID, told: Told) -> None:
    """Take in what was told of many subjects, in whatever order it comes, or again.

    A statement that would give a subject too many traits is passed over. Every writer
    takes rows in the same order, so no two wait for each other.
    """
    if told.statements:
        wanted = {said.subject for said in told.statements}
        held = await _held(session, environment_id, wanted)
        for said in sorted(told.statements, key=lambda said: said.stamp):
            _merged(held[said.subject], said)
        await session.flush()
    if told.links:
        await learn(session, environment_id, told.links)
    if told.joins:
        await _join(session, environment_id, told.joins)


async def stored_traits(
    session: AsyncSession, environment_id: UUID, context: SubjectContext
) -> dict[str, Any]:
    """The traits on record: the account's, the person's over them."""
    (traits,) = await traits_of(session, environment_id, [context])
    return traits


async def traits_of(
    session: AsyncSession, environment_id: UUID, contexts: Sequence[SubjectContext]
) -> list[dict[str, Any]]:
    """The same for many, in their order, with one query."""
    asked = [
        [
            (kind, external_id)
            for kind, external_id in (
                (SubjectKind.ACCOUNT, context.account_id),
                (SubjectKind.ANONYMOUS, context.anonymous_id),
                (SubjectKind.USER, context.user_id),
            )
            if external_id is not None
        ]
        for context in contexts
    ]
    found = await session.exec(
        select(Subject.kind, Subject.external_id, Subject.traits).where(
            Subject.environment_id == environment_id,
            *_among({subject for subjects in asked for subject in subjects}),
        )
    )
    known = {(kind, external_id): traits for kind, external_id, traits in found.all()}
    return [
        reduce(or_, (known.get(subject, {}) for subject in subjects), {})
        for subjects in asked
    ]


async def _join(
    session: AsyncSession, environment_id: UUID, joins: Sequence[Join]
) -> None:
    await (await session.connection()).execute(
        _insert(session)(Membership).on_conflict_do_nothing(),
        [
            {"id": new_id(), "environment_id": environment_id, **asdict(join)}
            for join in sorted(joins)
        ],
    )


async def _held(
    session: AsyncSession, environment_id: UUID, wanted: set[SubjectKey]
) -> dict[SubjectKey, Subject]:
    """The subjects' rows, made where there are none, and locked."""
    at = await now(session)
    await (await session.connection()).execute(
        _insert(session)(Subject).on_conflict_do_nothing(),
        [
            {
                "id": new_id(),
                "environment_id": environment_id,
                "kind": kind,
                "external_id": external_id,
                "traits": {},
                "traits_at": {},
                "first_seen_at": at,
                "updated_at": at,
            }
            for kind, external_id in sorted(wanted)
        ],
    )
    found = await session.exec(
        select(Subject)
        .where(Subject.environment_id == environment_id, *_among(wanted))
        .order_by(col(Subject.kind), col(Subject.external_id))
        .with_for_update()
    )
    rows = {(row.kind, row.external_id): row for row in found.all()}
    for key in wanted:
        rows[key].updated_at = at
    return rows


def _among(wanted: Collection[SubjectKey]) -> tuple[ColumnElement[bool], ...]:
    """Finds these, and namesakes of another kind.

    Pairs would be exact, but SQLite looks only single columns up in an index.
    """
    return (
        col(Subject.kind).in_({kind for kind, _ in wanted}),
        col(Subject.external_id).in_({external_id for _, external_id in wanted}),
    )


def _insert(session: AsyncSession) -> Callable[..., Any]:
    return sqlite.insert if is_sqlite(session) else postgresql.insert


def _merged(subject: Subject, said: Statement) -> bool:
    """Take what is newer than what is known; False where that would be too much."""
    newer = [
        name for name in said.traits if said.stamp > subject.traits_at.get(name, [])
    ]
    merged = subject.traits | {name: said.traits[name] for name in newer}
    traits = {name: value for name, value in merged.items() if value is not None}
    if len(traits) > _MAX_TRAITS:
        return False
    stamps = subject.traits_at | dict.fromkeys(newer, said.stamp)
    removed = sorted(stamps.keys() - traits.keys(), key=lambda name: stamps[name])
    for name in removed[:-_MAX_TRAITS]:
        del stamps[name]
    subject.traits, subject.traits_at = traits, stamps
    return True
