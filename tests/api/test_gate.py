"""The gate asks once for all who use an answer, and before that answer is old."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from api import auth
from api.auth import Credentials, Gate, bearer
from api.callers import Caller
from api.flights import Flights
from core import keys
from core.settings import Settings
from tests.api.conftest import Edge


class Counted(Gate):
    """A gate that counts its look-ups, and can be told to wait in one."""

    def __init__(self, edge: Edge) -> None:
        super().__init__(edge.database.readers, Settings())
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def look_up(self, credentials: Credentials) -> Caller | None:
        self.asked += 1
        await self.open.wait()
        return await super().look_up(credentials)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if happened():
                return
            await asyncio.sleep(0.005)


async def test_those_who_come_at_once_cost_one_look_up(edge: Edge) -> None:
    gate = Counted(edge)
    credentials = Credentials(key=edge.tenant.client)
    callers = await asyncio.gather(*(gate.caller(credentials) for _ in range(16)))
    assert gate.asked == 1
    assert len({id(caller) for caller in callers}) == 1


async def test_one_who_leaves_does_not_end_it_for_the_others(edge: Edge) -> None:
    gate = Counted(edge)
    gate.open.clear()
    credentials = Credentials(key=edge.tenant.client)
    first, second = (asyncio.create_task(gate.caller(credentials)) for _ in range(2))
    await until(lambda: gate.asked == 1)
    first.cancel()
    gate.open.set()
    assert await second is not None
    assert first.cancelled()
    assert gate.asked == 1


@pytest.mark.parametrize("fast", [True, False])
async def test_an_answer_in_use_is_renewed_before_it_is_old(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, *, fast: bool
) -> None:
    gate = Counted(edge)
    credentials = Credentials(key=edge.tenant.client)
    raw = bearer(f"Bearer {edge.tenant.client}".encode())
    first = await gate.caller(credentials)
    monkeypatch.setattr(auth, "_RENEWED_AFTER_SECONDS", 0.0)
    gate.open.clear()
    # The renewal is stuck, and nobody waits for it: the answer is still fresh.
    for _ in range(3):
        found = gate.known(raw) if fast else await gate.caller(credentials)
        assert found is first
    await until(lambda: gate.asked == 2)
    gate.open.set()
    await until(lambda: gate.known(raw) is not first)
    await gate.close()


async def test_a_key_revoked_while_in_use_is_refused_in_time(edge: Edge) -> None:
    gate = Gate(edge.database.readers, Settings())
    credentials = Credentials(key=edge.tenant.viewer)
    assert await gate.caller(credentials) is not None
    async with edge.database.sessions.begin() as session:
        key = await keys.find(session, edge.tenant.viewer)
        assert key is not None
        key.revoked_at = key.created_at
    async with asyncio.timeout(auth._FRESH_SECONDS + 1):
        while True:
            if await gate.caller(credentials) is None:
                break
            await asyncio.sleep(0.05)
    await gate.close()


async def test_what_went_wrong_is_told_to_all_and_asked_again() -> None:
    flights = Flights[str, int]()
    answers: list[int | Exception] = [OSError("away"), 7]

    async def look_up() -> int:
        await asyncio.sleep(0)
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask() -> Awaitable[int]:
        return flights.join("one", look_up)

    told = await asyncio.gather(ask(), ask(), return_exceptions=True)
    assert [str(each) for each in told] == ["away", "away"]
    assert await ask() == 7
    flights.begin("one", look_up)
    await flights.close()
