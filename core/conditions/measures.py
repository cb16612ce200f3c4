"""How large a value from outside is, told without reading more than is allowed."""

from collections.abc import Collection, Mapping

MAX_LITERAL = 1_000
_PART = 10


def is_small(value: object, depth: int) -> bool:
    """Whether a value has at most so many levels, and not too many parts."""
    waiting = [(value, depth)]
    parts = 0
    while waiting:
        item, left = waiting.pop()
        inside = _inside(item)
        if inside is None:
            continue
        parts += len(inside)
        if left == 0 or parts > MAX_LITERAL:
            return False
        waiting += [(each, left - 1) for each in inside]
    return True


def is_brief(value: object, characters: int) -> bool:
    """Whether all texts in a value have at most so many characters together."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        inside = _inside(item)
        # A part counts as well, so that the walk ends soon where there is no text.
        characters -= len(item) if isinstance(item, str) else _PART
        if inside is not None:
            characters -= len(inside)
        if characters < 0:
            return False
        waiting += inside or ()
    return True


def _inside(value: object) -> Collection[object] | None:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple)) else None
