"""One look-up of a thing at a time, shared by everyone who asks for it meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Found = TypeVar("Found")


class Flights(Generic[Name, Found]):
    """Look-ups under way, by name.

    When an answer that many requests use grows old, the first of them has it looked
    up, and the others do not ask the same of the database at the same moment.
    """

    def __init__(self) -> None:
        self._under_way: dict[Name, asyncio.Task[Found]] = {}

    def begin(
        self, name: Name, look_up: Callable[[], Coroutine[Any, Any, Found]]
    ) -> asyncio.Task[Found]:
        """Look it up beside what runs, unless somebody already does."""
        flight = self._under_way.get(name)
        if flight is None:
            flight = asyncio.create_task(look_up())
            self._under_way[name] = flight
            flight.add_done_callback(lambda ended: self._landed(name, ended))
        return flight

    async def join(
        self, name: Name, look_up: Callable[[], Coroutine[Any, Any, Found]]
    ) -> Found:
        """The same, and wait for what is found, or for what went wrong.

        Whoever stops waiting does not end it for the others.
        """
        return await asyncio.shield(self.begin(name, look_up))

    async def close(self) -> None:
        """End what is under way."""
        flights = list(self._under_way.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _landed(self, name: Name, flight: asyncio.Task[Found]) -> None:
        del self._under_way[name]
        if not flight.cancelled():
            # Who joined is told; where nobody did, the next request asks again.
            flight.exception()
