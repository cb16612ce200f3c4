"""Segments in conditions: which ones a condition names, and what they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.conditions import ConditionInvalid
from experiments.errors import SegmentCycle, SegmentUnknown

MAX_STEPS = 40
"""How long the way to a part may be; a condition that may be published is shorter."""

MAX_WRITTEN = 50_000
"""How many listed values a condition may come to with its segments written out."""

_LISTED = {"$inGroup": "$in", "$notInGroup": "$nin"}
_SAVED = "$savedGroup"
_JOINTS = frozenset({"$and", "$or", "$nor"})
_SAVED_PARTS = frozenset({"id", "attributeKey"})

Where = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """A segment as conditions use it: listed values of an attribute, or a condition."""

    key: str
    version: int
    attribute: str | None = None
    listed: tuple[str, ...] = ()
    condition: Mapping[str, Any] | None = None


def named(source: object) -> frozenset[str]:
    """The keys of the segments that a condition names itself."""
    found: set[str] = set()
    waiting = [source]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            for name, value in part.items():
                key = _key_in(str(name), value)
                if key is None:
                    waiting.append(value)
                else:
                    found.add(key)
    return frozenset(found)


def behind(
    source: object, segments: Mapping[str, SegmentRule]
) -> Mapping[str, SegmentRule]:
    """Those of the segments that a condition names, and that they name in turn."""
    found: dict[str, SegmentRule] = {}
    waiting = [source]
    while waiting:
        fresh = named(waiting.pop()) & segments.keys() - found.keys()
        found |= {key: segments[key] for key in fresh}
        waiting += [segments[key].condition for key in fresh]
    return found


def misplaced(
    source: object, segments: Mapping[str, SegmentRule]
) -> frozenset[tuple[str, str]]:
    """The lists that are compared with another attribute than theirs, and with which.

    `$savedGroup` with an `attributeKey` says so itself, and is not among them.
    """
    found: set[tuple[str, str]] = set()
    waiting = [(source, "")]
    waiting += [(rule.condition, "") for rule in segments.values()]
    while waiting:
        part, attribute = waiting.pop()
        if isinstance(part, list):
            waiting += [(item, attribute) for item in part]
        elif isinstance(part, Mapping):
            for name, value in part.items():
                rule = segments.get(value) if isinstance(value, str) else None
                if name not in _LISTED:
                    within = attribute if name.startswith("$") else name
                    waiting.append((value, within))
                elif rule and rule.attribute not in (None, attribute):
                    found.add((rule.key, attribute))
    return frozenset(found)


def written_out(
    source: Mapping[str, Any],
    segments: Mapping[str, SegmentRule],
    *,
    within: str | None = None,
) -> dict[str, Any]:
    """The condition with every segment in its place.

    `within` is the segment whose own condition it is.

    Raises:
        SegmentUnknown: It names a segment that is not among these.
        SegmentCycle: A segment leads back to itself.
        ConditionInvalid: A segment is named in a way that cannot be read, or the
            whole would be too large.
    """
    writer = _Writer(segments)
    return writer.condition(source, (), () if within is None else (within,))


def _key_in(name: str, value: object) -> str | None:
    """The segment that an entry of a condition names."""
    if name == _SAVED and isinstance(value, Mapping):
        value = value.get("id")
    elif name not in _LISTED:
        return None
    return value if isinstance(value, str) else None


def _check_depth(where: Where) -> None:
    if len(where) > MAX_STEPS:
        raise ConditionInvalid("It is nested too deeply.", path=where)


class _Writer:
    """Writes one condition out; `trail` holds the segments that it stands in."""

    def __init__(self, segments: Mapping[str, SegmentRule]) -> None:
        self._segments = segments
        self._written = 0

    def condition(
        self, source: Mapping[str, Any], where: Where, trail: tuple[str, ...]
    ) -> dict[str, Any]:
        """An object of which every entry must hold."""
        _check_depth(where)
        kept: dict[str, Any] = {}
        saved: list[dict[str, Any]] = []
        for name, value in source.items():
            here = (*where, str(name))
            if name == _SAVED:
                saved.append(self._saved(value, here, trail))
            elif name in _JOINTS and isinstance(value, list):
                kept[name] = [
                    self._part(item, (*here, str(index)), trail)
                    for index, item in enumerate(value)
                ]
            elif name == "$not":
                kept[name] = self._part(value, here, trail)
            else:
                kept[name] = self._value(value, here)
        if not saved:
            return kept
        if not kept and len(saved) == 1:
            return saved[0]
        return {"$and": ([kept] if kept else []) + saved}

    def _part(self, item: object, where: Where, trail: tuple[str, ...]) -> object:
        if not isinstance(item, Mapping):
            return item
        return self.condition(item, where, trail)

    def _value(self, value: object, where: Where) -> object:
        """What an attribute is compared with: a literal, or operators."""
        if not isinstance(value, Mapping):
            return value
        return self._operators(value, where)

    def _operators(self, value: Mapping[str, Any], where: Where) -> dict[str, Any]:
        _check_depth(where)
        written: dict[str, Any] = {}
        for name, operand in value.items():
            here = (*where, str(name))
            plain = _LISTED.get(name)
            if plain is None:
                written[name] = (
                    self._operators(operand, here)
                    if name in {"$not", "$elemMatch"} and isinstance(operand, Mapping)
                    else operand
                )
                continue
            if plain in value:
                raise ConditionInvalid(
                    f"Put {plain} and {name} into two parts of an $and.", path=here
                )
            written[plain] = list(self._listed(operand, here).listed)
        return written

    def _saved(
        self, value: object, where: Where, trail: tuple[str, ...]
    ) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not value.keys() <= _SAVED_PARTS:
            raise ConditionInvalid(f'{_SAVED} takes {{"id": "..."}}.', path=where)
        segment = self._find(value.get("id"), where)
        attribute = value.get("attributeKey", segment.attribute)
        if segment.condition is None:
            if not isinstance(attribute, str) or not attribute:
                raise ConditionInvalid("Name the attribute.", path=where)
            return {attribute: {"$in": list(self._count(segment).listed)}}
        if segment.key in trail:
            raise SegmentCycle((*trail, segment.key), path=where)
        return self.condition(segment.condition, where, (*trail, segment.key))

    def _listed(self, key: object, where: Where) -> SegmentRule:
        segment = self._find(key, where)
        if segment.condition is not None:
            raise ConditionInvalid(
                f"{segment.key} is a condition; name it by {_SAVED}.", path=where
            )
        return self._count(segment)

    def _find(self, key: object, where: Where) -> SegmentRule:
        segment = self._segments.get(key) if isinstance(key, str) else None
        if segment is None:
            raise SegmentUnknown(str(key), path=where)
        return segment

    def _count(self, segment: SegmentRule) -> SegmentRule:
        self._written += len(segment.listed)
        if self._written > MAX_WRITTEN:
            raise ConditionInvalid(
                f"Its segments come to more than {MAX_WRITTEN:,} values."
            )
        return segment
