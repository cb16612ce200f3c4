"""The definitions in memory follow the database."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from core.database import Database, Sessions
from core.subjects import SubjectKind
from experiments import service
from experiments.assignment.definitions import Serving
from experiments.assignment.evaluator import Cause, decide
from experiments.drafts import Changes
from experiments.lifecycle import PauseMode
from experiments.models import Phase, StickyAssignment
from experiments.service import definitions as definitions_in_memory
from experiments.service import loading
from experiments.service.change import Intent
from experiments.service.definitions import Definitions
from experiments.service.publishing import (
    locked_phase,
    touch_definitions,
    touch_links,
)
from tests.conftest import ON_POSTGRES
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores


async def kept_by(
    sessions: Sessions, phase: Phase, user_id: str, variant_key: str | None
) -> None:
    """Write down what a linked user keeps, as settling a link does."""
    async with sessions.begin() as session:
        revision = await touch_links(session, phase.environment_id)
        found = await session.exec(
            select(StickyAssignment)
            .where(StickyAssignment.subject_id == user_id)
            .order_by("id")
        )
        row = found.first() or StickyAssignment(
            environment_id=phase.environment_id,
            phase_id=phase.id,
            kind=SubjectKind.USER,
            subject_id=user_id,
            exposed_id="visitor",
            exposed_at=phase.started_at,
            created_at=phase.started_at,
            revision=revision,
        )
        row.variant_key, row.revision = variant_key, revision
        session.add(row)


async def test_links_are_read_on_from_the_last_and_publish_nothing(
    database: Database, sessions: Sessions, company: Company
) -> None:
    here, there = Definitions(database.readers), Definitions(database.readers)
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        phase = await service.start(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
        )
    before = await here.snapshot(company.environment_id)
    served = before.phases["short-form"]
    attributes = {"id": "ann", "plan": "team"}
    own = decide(served, attributes)
    other = "short" if own.variant.key == "long" else "long"
    await kept_by(sessions, phase, "ann", other)
    await kept_by(sessions, phase, "bob", "short")
    assert await here.refresh() == 1
    assert await here.refresh() == 0
    after = await here.snapshot(company.environment_id)
    assert after is before
    kept = decide(served, attributes)
    assert (kept.cause, kept.variant.key) == (Cause.LINKED, other)
    assert before.decide_all(attributes) == [kept]
    await there.snapshot(company.environment_id)
    await kept_by(sessions, phase, "ann", None)
    for definitions in (here, there):
        assert await definitions.refresh() == 1
        found = await definitions.snapshot(company.environment_id)
        assert found.version == before.version
        (now,) = found.decide_all(attributes)
        assert (now.cause, now.variant.key) == (own.cause, own.variant.key)
        assert found.decide_all({"id": "bob"})[0].cause is Cause.LINKED
    assert decide(served, attributes) is own


@pytest.mark.parametrize("at_once", [True, False])
async def test_links_in_memory_are_bounded_while_they_come(
    database: Database,
    sessions: Sessions,
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
    at_once: bool,
) -> None:
    monkeypatch.setattr(loading, "MAX_STICKY", 3)
    monkeypatch.setattr(loading, "MAX_NEWER", 2)
    definitions = Definitions(database.readers)
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        phase = await service.start(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
        )
    await definitions.snapshot(company.environment_id)
    users = [f"u{number}" for number in range(12)]
    for user_id in users:
        await kept_by(sessions, phase, user_id, "short")
        if not at_once:
            await definitions.refresh()
            held = await definitions.snapshot(company.environment_id)
            assert held.links.count <= 5
    await definitions.refresh()
    served = (await definitions.snapshot(company.environment_id)).phases["short-form"]
    linked = [
        user_id
        for user_id in users
        if decide(served, {"id": user_id, "plan": "team"}).cause is Cause.LINKED
    ]
    assert linked == users[-len(linked) :]
    assert 3 <= len(linked) <= 5


@pytest.mark.skipif(not ON_POSTGRES, reason="SQLite has one writer at a time")
async def test_a_link_and_a_change_of_its_phase_never_wait_for_each_other(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        phase = await service.start(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
        )
    held, counted = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        async with sessions.begin() as session:
            await locked_phase(session, phase.id)
            held.set()
            await counted.wait()
            await touch_definitions(session, company.environment_id)

    async def link() -> None:
        await held.wait()
        async with sessions.begin() as session:
            revision = await touch_links(session, company.environment_id)
            counted.set()
            session.add(
                StickyAssignment(
                    environment_id=phase.environment_id,
                    phase_id=phase.id,
                    kind=SubjectKind.USER,
                    subject_id="ann",
                    variant_key="short",
                    revision=revision,
                    exposed_id="visitor",
                    exposed_at=phase.started_at,
                    created_at=phase.started_at,
                )
            )

    async with asyncio.timeout(30):
        await asyncio.gather(change(), link())


async def test_a_start_a_pause_and_a_stop_are_seen_after_a_refresh(
    database: Database, sessions: Sessions, company: Company
) -> None:
    definitions = Definitions(database.readers)
    empty = await definitions.snapshot(company.environment_id)
    assert (empty.version, dict(empty.phases)) == (0, {})
    async with sessions.begin() as session:
        experiment = await company.draft(session, coverage=0.5)

    def at(version: int) -> Intent:
        return replace(step(company, experiment), expected_version=version)

    assert await definitions.refresh() == 0
    async with sessions.begin() as session:
        await service.start(session, at(1), environment_id=company.environment_id)
    assert await definitions.refresh() == 1
    assert await definitions.refresh() == 0
    begun = await definitions.snapshot(company.environment_id)
    phase = begun.phases["short-form"]
    assert phase.definition.serving is Serving.SPLIT
    assert [variant.value for variant in phase.definition.variants] == [9, 3]
    async with sessions.begin() as session:
        await service.update(session, at(2), changes=Changes(coverage=1.0))
        await service.pause(
            session,
            at(3),
            mode=PauseMode.PAUSE_ENROLMENT,
            reason="A bug.",
        )
    await definitions.refresh()
    paused = (await definitions.snapshot(company.environment_id)).phases["short-form"]
    assert paused.definition.serving is Serving.SPLIT
    assert paused.definition.coverage == 1.0
    async with sessions.begin() as session:
        await service.resume(session, at(4))
        await service.pause(
            session,
            at(5),
            mode=PauseMode.PAUSE_SERVING,
            reason="A worse bug.",
        )
    await definitions.refresh()
    silent = (await definitions.snapshot(company.environment_id)).phases["short-form"]
    assert decide(silent, {"id": "u1"}).cause is Cause.PAUSED
    async with sessions.begin() as session:
        await service.stop(session, at(6), reason="Enough.")
    await definitions.refresh()
    stopped = (await definitions.snapshot(company.environment_id)).phases["short-form"]
    assert decide(stopped, {"id": "u1"}).cause is Cause.STOPPED
    async with sessions.begin() as session:
        await service.archive(session, at(7))
    await definitions.refresh()
    last = await definitions.snapshot(company.environment_id)
    assert "short-form" not in last.phases
    assert last.version > begun.version
    assert "short-form" in begun.phases


async def test_a_known_snapshot_is_read_without_the_database(
    database: Database, company: Company
) -> None:
    definitions = Definitions(database.readers)
    await definitions.snapshot(company.environment_id)
    statements: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    for _ in range(10):
        await definitions.snapshot(company.environment_id)
    assert statements == []


async def test_the_last_snapshot_is_served_while_the_database_is_away(
    database: Database, company: Company
) -> None:
    definitions = Definitions(database.readers)
    before = await definitions.snapshot(company.environment_id)
    # The stores are used again: what is taken away comes back.
    await renamed(database, "definitions_version", "away")
    with pytest.raises(SQLAlchemyError):
        await definitions.catch_up()
    following = asyncio.create_task(definitions.follow())
    await asyncio.sleep(0.1)
    assert not following.done()
    assert await definitions.snapshot(company.environment_id) is before
    await ended(following)
    await renamed(database, "away", "definitions_version")


class Hiccup(Definitions):
    """Definitions whose first round meets something that nobody foresaw."""

    def __init__(self, readers: Sessions) -> None:
        super().__init__(readers)
        self.rounds = 0
        self.went_on = asyncio.Event()

    async def catch_up(self) -> int:
        self.rounds += 1
        if self.rounds == 1:
            raise ValueError("unforeseen")
        moved = await super().catch_up()
        self.went_on.set()
        return moved


async def test_following_outlives_whatever_a_refresh_meets(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definitions_in_memory, "POLL_SECONDS", 0.01)
    definitions = Hiccup(database.readers)
    following = asyncio.create_task(definitions.follow())
    await asyncio.wait_for(definitions.went_on.wait(), 5)
    assert not following.done()
    await ended(following)


async def published(sessions: Sessions, company: Company) -> None:
    async with sessions.begin() as session:
        await touch_definitions(session, company.environment_id)


async def test_listeners_hear_of_each_change_and_pass_over_overtaken_ones(
    database: Database, sessions: Sessions, company: Company
) -> None:
    definitions = Definitions(database.readers)
    changes = definitions.changes(company.environment_id)
    first = await anext(changes)
    assert first is definitions.held(company.environment_id)
    heard: list[int] = []
    leave = definitions.subscribe(
        company.environment_id, lambda snapshot: heard.append(snapshot.version)
    )
    waiting = asyncio.create_task(anext(changes))
    await asyncio.sleep(0)
    for _ in range(3):
        await published(sessions, company)
        await definitions.refresh()
    assert (await asyncio.wait_for(waiting, 5)).version == 1
    assert (await anext(changes)).version == 3
    leave()
    await published(sessions, company)
    await definitions.refresh()
    assert await anext(changes) is definitions.held(company.environment_id)
    assert heard == [1, 2, 3]
    await changes.aclose()


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def renamed(database: Database, name: str, to: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {name} RENAME TO {to}"))
