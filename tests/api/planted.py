"""A small schema with everything that an attacker wants and our own does not have."""

import asyncio
from collections.abc import AsyncIterator

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig

from api.context import Info
from api.graphql.scalars import JSON, SCALARS
from api.policies import Policy, policed
from core.problems import Invalid

PUBLIC = {"policy": Policy.PUBLIC}
SECRET = "postgresql://root:hunter2@db"


@policed(Policy.PUBLIC)
@strawberry.interface
class Named:
    """What has a name."""

    name: str


@policed(Policy.READ)
@strawberry.type
class Vault(Named):
    """A type that a client key may not look into."""

    content: str


@policed(Policy.PUBLIC)
@strawberry.type
class Item(Named):
    """A type that leads back to itself."""

    @strawberry.field
    def child(self) -> "Item":
        """Another one."""
        return Item(name=self.name)

    @strawberry.field
    def items(self, first: int = 25) -> list["Item"]:
        """Many of them."""
        return [Item(name=str(number)) for number in range(first)]

    @strawberry.field(metadata={"policy": Policy.ADMIN})
    def price(self) -> int:
        """Stricter than its type."""
        return 1

    @strawberry.field
    def vault(self) -> Vault:
        """Into another type."""
        return Vault(name="v", content="gold")


@strawberry.type
class Careless(Named):
    """Nobody declared a policy for what this type adds."""

    hidden: str


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(metadata=PUBLIC)
    def item(self, id: strawberry.ID | None = None) -> Item:
        """One."""
        return Item(name=str(id))

    @strawberry.field(metadata=PUBLIC)
    def items(self, first: int = 25) -> list[Item]:
        """Many."""
        return [Item(name=str(number)) for number in range(first)]

    @strawberry.field(metadata=PUBLIC)
    def named(self) -> Named:
        """By interface."""
        return Vault(name="v", content="gold")

    @strawberry.field(metadata=PUBLIC)
    def either(self) -> Item | Vault:
        """By union."""
        return Vault(name="v", content="gold")

    @strawberry.field(metadata=PUBLIC)
    def careless(self) -> Careless:
        """With an undeclared field."""
        return Careless(name="c", hidden="gold")

    @strawberry.field(metadata=PUBLIC)
    def boom(self) -> str:
        """Crashes with a secret in its message."""
        raise RuntimeError(SECRET)

    @strawberry.field(metadata=PUBLIC)
    def refused(self) -> str | None:
        """Refuses."""
        raise Invalid("No.", code="BAD_INPUT", path=("id",))

    @strawberry.field(metadata=PUBLIC)
    def echo(self, value: JSON) -> JSON:
        """Says it back."""
        return value

    @strawberry.field(metadata=PUBLIC)
    def number(self, value: int) -> int:
        """Says it back."""
        return value


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(metadata=PUBLIC)
    def change(self) -> int:
        """Changes nothing."""
        return 1


@strawberry.type
class Subscription:
    """Root fields."""

    @strawberry.subscription(metadata=PUBLIC)
    async def ticks(self, info: Info, pause: float = 0.05) -> AsyncIterator[int]:
        """Counts for ever."""
        number = 0
        while True:
            yield number
            number += 1
            await asyncio.sleep(pause)

    @strawberry.subscription(metadata=PUBLIC)
    async def bursts(self) -> AsyncIterator[int]:
        """Crashes after its first event."""
        yield 0
        raise RuntimeError(SECRET)

    @strawberry.subscription(metadata={"policy": Policy.READ})
    async def guarded(self) -> AsyncIterator[int]:
        """For readers."""
        yield 1


PLANTED: GraphQLSchema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[Vault],
    config=StrawberryConfig(scalar_map=SCALARS),
)._schema
