"""One batch of look-ups for each kind of child, kept for one request."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from strawberry.dataloader import DataLoader

if TYPE_CHECKING:
    from api.context import Context

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_BATCH = 500


class Loaders:
    """Hands out the request's loader for a batch function.

    `await info.context.loaders.of(metrics_by_id).load(id)`, where
    `async def metrics_by_id(context, ids) -> list[Metric | None]` opens its own short
    session and answers in the order of the ids.
    """

    def __init__(self, context: "Context") -> None:
        self._context = context
        self._made: dict[Callable[..., Any], DataLoader[Any, Any]] = {}

    def of(
        self, load: Callable[["Context", Sequence[K]], Awaitable[Sequence[V]]]
    ) -> DataLoader[K, V]:
        """The loader that calls `load` with every key asked for in one turn."""
        made = self._made.get(load)
        if made is None:

            async def batch(keys: list[K]) -> Sequence[V]:
                return await load(self._context, keys)

            made = DataLoader(
                load_fn=batch,
                max_batch_size=MAX_BATCH,
                cache=not self._context.lasting,
            )
            self._made[load] = made
        return made
