"""Which documents are prepared: those that a credential has sent several times."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import TypeAlias

from api.decoding import MAX_QUERY_BYTES, GraphQLRequest
from api.documents import Documents, Invalidated
from api.prepared.fragments import Room
from api.prepared.plans import Plan
from api.prepared.shapes import Unprepared
from api.problems import Refused

SIGHTINGS = 3
MAX_DOCUMENTS = 64
MAX_REGISTERED = 512
MAX_SHELVES = 128
_MAX_SEEN = 512
_NEVER = -1

Name: TypeAlias = tuple[str, str | None]
"""A document's whole text and the operation in it: never a hash that others chose."""


class Shelf:
    """The plans of one owner, a credential or a registry: no other pushes them out."""

    def __init__(self, documents: Documents, *, sightings: int, limit: int) -> None:
        self._documents = documents
        self._sightings = sightings
        self._limit = limit
        self._room = Room()
        self._plans: OrderedDict[Name, Plan] = OrderedDict()
        self._seen: OrderedDict[int, int] = OrderedDict()

    def plan(self, query: str, operation_name: str | None) -> Plan | None:
        """The document's plan, once it has been seen often enough."""
        name = (query, operation_name)
        found = self._plans.get(name)
        if found is not None:
            self._plans.move_to_end(name)
            return found
        seen = self._seen.get(hash(name), 0)
        if seen == _NEVER:
            return None
        if seen + 1 < self._sightings:
            self._note(name, seen + 1)
            return None
        try:
            found = self._prepared(query, operation_name)
        except (Unprepared, Refused, Invalidated):
            self._note(name, _NEVER)
            return None
        self._keep(name, found)
        return found

    def _prepared(self, query: str, operation_name: str | None) -> Plan:
        if len(query.encode("utf-8", "surrogatepass")) > MAX_QUERY_BYTES:
            raise Unprepared("too large")
        request = GraphQLRequest(query, {}, operation_name)
        operation = self._documents.operation(request)
        return Plan(self._documents.schema, operation, self._room)

    def _keep(self, name: Name, plan: Plan) -> None:
        if len(self._plans) >= self._limit:
            self._plans.popitem(last=False)
            self._room.forget()
        self._seen.pop(hash(name), None)
        self._plans[name] = plan

    def _note(self, name: Name, seen: int) -> None:
        self._seen[hash(name)] = seen
        self._seen.move_to_end(hash(name))
        while len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)


class Shelves:
    """One shelf for each owner; that of the longest idle one goes first."""

    def __init__(
        self, documents: Documents, *, sightings: int, limit: int = MAX_DOCUMENTS
    ) -> None:
        self._documents = documents
        self._sightings = sightings
        self._limit = limit
        self._shelves: OrderedDict[Hashable, Shelf] = OrderedDict()

    def of(self, owner: Hashable) -> Shelf:
        """An owner's shelf."""
        shelf = self._shelves.get(owner)
        if shelf is not None:
            self._shelves.move_to_end(owner)
            return shelf
        shelf = Shelf(self._documents, sightings=self._sightings, limit=self._limit)
        self._shelves[owner] = shelf
        while len(self._shelves) > MAX_SHELVES:
            self._shelves.popitem(last=False)
        return shelf
