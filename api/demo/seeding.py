"""Tell the demo's history to the stores, by the same services that the API uses.

Every stage looks at what is there first, so a killed seeding is resumed by running it
again, and a finished one is a no-op.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import func, insert
from sqlmodel import select

from api.demo import definitions
from api.demo.activity import History
from api.demo.clock import HistoryClock
from api.demo.definitions import PROJECT_ID, SURVEY
from api.demo.people import People
from api.demo.plan import DAYS
from api.demo.sinks import Sink
from api.demo.voices import NpsAnswer, Ticket, nps_answers, tickets
from core.audit import Actor
from core.database import AsyncSession, Database
from core.ids import new_id
from core.subjects import Membership, Subject, SubjectContext, SubjectKind
from core.tenancy import Environment, Member, project_by_key
from feedback.service import Said, record_comment
from feedback.tagging import FeedbackSource, TicketStatus
from surveys.submission import Submission, submit

Advance = Callable[[int], None]
PEOPLE_AT_ONCE = 4_000
VOICES_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Company:
    """The demo as it stands in the facts, with the clock that dates its rows."""

    environment: Environment
    history: History
    clock: HistoryClock


async def found(database: Database, clock: HistoryClock) -> Company:
    """Write down projects, people, codebook and survey, all of them or none."""
    async with database.sessions.begin() as session:
        is_new = await project_by_key(session, definitions.PROJECT) is None
        clock.move(0)
        project, environment = await definitions.tenants(session)
        if is_new:
            actor = await _admin(session)
            await definitions.codebook(session, actor)
            await definitions.survey(session, actor)
        history = History(People(), project.created_at, definitions.seeds())
    return Company(environment, history, clock)


async def tell_experiments(database: Database, company: Company) -> None:
    """Write down what was tried and how it ended.

    It comes after the events: an experiment that is over is looked at once, when all
    that happened is there.
    """
    async with database.sessions.begin() as session:
        if not await definitions.has_experiments(session):
            actor = await _admin(session)
            await definitions.experiments(
                session, company.environment, actor, company.clock
            )


async def tell_today(database: Database) -> None:
    """Write down what people decide now; where results are not there yet, nothing."""
    async with database.sessions.begin() as session:
        await definitions.today(session, await _admin(session))


async def beginning(database: Database, now: datetime) -> datetime:
    """When the history began: as it was told before, else 90 days ago."""
    async with database.readers() as session:
        project = await project_by_key(session, definitions.PROJECT)
    if project is not None:
        return project.created_at
    return now.replace(second=0, microsecond=0) - timedelta(days=DAYS)


async def tell_people(database: Database, company: Company, advance: Advance) -> None:
    """Keep every account, user and membership."""
    people, environment = company.history.people, company.environment
    async with database.sessions.begin() as session:
        if await _count(session, Subject, environment):
            advance(people.users)
            return
        company.clock.move(0)
        await session.execute(insert(Subject), list(_accounts(company)))
        for first in range(0, people.users, PEOPLE_AT_ONCE):
            numbers = range(first, min(first + PEOPLE_AT_ONCE, people.users))
            await session.execute(
                insert(Subject), [_user(company, number) for number in numbers]
            )
            await session.execute(
                insert(Membership), [_membership(company, n) for n in numbers]
            )
            advance(len(numbers))


async def tell_events(sink: Sink, company: Company, advance: Advance) -> None:
    """Hand over every event in order, unless all of them are there."""
    total = company.history.total()
    if await sink.known() >= total:
        advance(total)
        return
    for chunk in company.history.chunks():
        await sink.take(chunk)
        advance(len(chunk))


async def tell_voices(database: Database, company: Company, advance: Advance) -> None:
    """Submit survey answers and tickets, each on its day."""
    people = company.history.people
    voices: Iterator[NpsAnswer | Ticket] = heapq.merge(
        nps_answers(people), tickets(people), key=lambda voice: voice.day
    )
    while batch := list(islice(voices, VOICES_AT_ONCE)):
        async with database.sessions.begin() as session:
            for voice in batch:
                company.clock.move(voice.day)
                if isinstance(voice, Ticket):
                    await _ticket(session, company, voice)
                else:
                    await _answer(session, company, voice)
        advance(len(batch))


async def _admin(session: AsyncSession) -> Actor:
    found = await session.exec(select(Member).where(Member.project_id == PROJECT_ID))
    return definitions.person(found.one())


async def _answer(session: AsyncSession, company: Company, voice: NpsAnswer) -> None:
    answers: dict[str, object] = {"score": voice.score}
    if voice.topic is not None:
        answers["topics"] = [voice.topic]
    if voice.text:
        answers["why"] = voice.text
    await submit(
        session,
        project_id=PROJECT_ID,
        environment_id=company.environment.id,
        survey_key=SURVEY,
        submission=Submission(
            submission_id=f"demo-{voice.number}",
            revision=1,
            answers=answers,
            completed=voice.completed,
            subject=_subject(company, voice.user),
            assignments_at=company.history.variants_of(voice.user),
        ),
    )


async def _ticket(session: AsyncSession, company: Company, voice: Ticket) -> None:
    closed = None
    if voice.closed_day is not None:
        closed = company.clock.began + timedelta(days=voice.closed_day)
    await record_comment(
        session,
        project_id=PROJECT_ID,
        said=Said(
            body=voice.text,
            source=FeedbackSource.TICKET,
            subject=_subject(company, voice.user),
            environment_id=company.environment.id,
            external_id=f"T-{voice.number:04}",
            said_at=company.clock.at,
            assignments_at=company.history.variants_of(voice.user),
            ticket_status=TicketStatus.OPEN if closed is None else TicketStatus.CLOSED,
            closed_at=closed,
        ),
    )


def _subject(company: Company, user: int) -> SubjectContext:
    people = company.history.people
    account = people.account_id(int(people.account_of[user]))
    return SubjectContext(user_id=people.user_id(user), account_id=account)


def _accounts(company: Company) -> Iterator[dict[str, object]]:
    people = company.history.people
    for number in range(people.accounts):
        name = people.account_id(number)
        yield _subject_row(company, SubjectKind.ACCOUNT, name, {"plan": "free"})


def _user(company: Company, number: int) -> dict[str, object]:
    people = company.history.people
    return _subject_row(
        company, SubjectKind.USER, people.user_id(number), people.traits(number)
    )


def _subject_row(
    company: Company, kind: SubjectKind, name: str, traits: dict[str, object]
) -> dict[str, object]:
    return {
        "id": new_id(),
        "environment_id": company.environment.id,
        "kind": kind,
        "external_id": name,
        "traits": traits,
        "traits_at": {},
        "first_seen_at": company.clock.at,
        "updated_at": company.clock.at,
    }


def _membership(company: Company, number: int) -> dict[str, object]:
    people = company.history.people
    return {
        "id": new_id(),
        "environment_id": company.environment.id,
        "user_id": people.user_id(number),
        "account_id": people.account_id(int(people.account_of[number])),
        "from_at": company.clock.at,
    }


async def _count(
    session: AsyncSession, table: type[Subject], environment: Environment
) -> int:
    found = await session.exec(
        select(func.count())
        .select_from(table)
        .where(table.environment_id == environment.id)
    )
    return found.one()
