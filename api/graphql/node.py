"""Relay's node(id) and nodes(ids), over a registry that every noun joins."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.ids import parse_id
from api.pagination import MAX_PAGE
from api.policies import Policy, policed
from core.problems import Invalid, NotFound


@policed(Policy.PUBLIC)
@strawberry.interface(description="Anything with a global id.")
class Node:
    """What can be fetched again by its id."""

    id: strawberry.ID = strawberry.field(description="Opaque, and global.")


NodeLoad = Callable[[Context, Sequence[UUID]], Awaitable[Mapping[UUID, Node]]]


@dataclass(frozen=True, slots=True)
class NodeSource:
    """How to load a type's nodes in the caller's scope, and who may."""

    load: NodeLoad
    policy: Policy


_SOURCES: dict[str, NodeSource] = {}


def register_node(type_name: str, load: NodeLoad, policy: Policy) -> None:
    """Let node(id) find a type. `load` sees only the caller's own scope."""
    _SOURCES[type_name] = NodeSource(load, policy)


def registered_nodes() -> Mapping[str, NodeSource]:
    """Every type that node(id) can find."""
    return _SOURCES


async def find_nodes(context: Context, ids: Sequence[str]) -> list[Node | None]:
    """The nodes in the order of the ids; None where there is none to see."""
    wanted: dict[str, list[UUID]] = {}
    places: list[tuple[str, UUID] | None] = []
    for text in ids:
        place = _place(context, text)
        places.append(place)
        if place is not None:
            wanted.setdefault(place[0], []).append(place[1])
    found = {
        type_name: await _SOURCES[type_name].load(context, list(dict.fromkeys(local)))
        for type_name, local in wanted.items()
    }
    return [place and found[place[0]].get(place[1]) for place in places]


def _place(context: Context, text: str) -> tuple[str, UUID] | None:
    try:
        type_name, local = parse_id(text)
    except NotFound:
        return None
    source = _SOURCES.get(type_name)
    if source is None or source.policy not in context.caller.capabilities:
        return None
    return type_name, local


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="The thing with this id; null and NOT_FOUND if there is none in "
        "your project.",
    )
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        """One node."""
        found = (await find_nodes(info.context, [id]))[0]
        if found is None:
            raise NotFound("The node", path=("id",))
        return found

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="The things with these ids, in their order; null where there is "
        "none in your project. At most 200.",
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        """Many nodes."""
        if len(ids) > MAX_PAGE:
            raise Invalid(f"At most {MAX_PAGE} ids.", code="BAD_INPUT", path=("ids",))
        return await find_nodes(info.context, ids)
