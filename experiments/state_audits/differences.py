"""Where two states of one phase differ."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from experiments.events.state import PhaseState

MAX_NAMED = 20
_NAMES = ("arm", "metric_id", "dimension", "level")


def are_equal(folded: PhaseState, recomputed: PhaseState) -> bool:
    """Whether two states are the same bytes; what they list, they list in any order."""
    return _bytes(folded) == _bytes(recomputed)


def differences(folded: PhaseState, recomputed: PhaseState) -> tuple[str, ...]:
    """The parts that differ, by name and in order; after MAX_NAMED how many more."""
    before, after = dict(_parts("", folded)), dict(_parts("", recomputed))
    names = sorted(
        name
        for name in before.keys() | after.keys()
        if before.get(name) != after.get(name)
    )
    more = len(names) - MAX_NAMED
    return (*names[:MAX_NAMED], *([f"and {more} more"] if more > 0 else []))


def _bytes(state: PhaseState) -> bytes:
    return msgspec.json.encode(dict(_parts("", state)), order="sorted")


def _parts(name: str, value: object) -> Iterator[tuple[str, Any]]:
    """Every number and text of a state, each under a name of its own."""
    plain = msgspec.to_builtins(value, str_keys=True)
    if isinstance(plain, Mapping):
        for key, part in plain.items():
            yield from _parts(f"{name}.{key}" if name else str(key), part)
    elif isinstance(plain, list | tuple):
        for place, part in enumerate(plain):
            yield from _parts(f"{name}[{_named(part, place)}]", part)
    else:
        yield name, plain


def _named(part: object, place: int) -> str:
    if not isinstance(part, Mapping):
        return str(place)
    known = [str(part[name]) for name in _NAMES if name in part]
    return " ".join(known) or str(place)
