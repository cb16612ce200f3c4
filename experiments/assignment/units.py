"""What is hashed of a subject: the unit, its text and the position it falls on."""

from dataclasses import dataclass
from functools import lru_cache

from core import hashing
from core.conditions import Attributes
from core.hashing import MAX_UNIT_TEXT, attribute_text, fnv32a, position_after
from experiments.design import UnitKind

HASH_VERSION = 2

UNIT_ATTRIBUTES = {
    UnitKind.USER: ("id", "anonymousId"),
    UnitKind.ACCOUNT: ("accountId",),
}
"""What identifies a unit, in the order in which it is looked for."""

Key = bytes | str
"""A unit's text as it is hashed: bytes where each character is one, else the text."""

_REMEMBERED = 256
_LONGEST_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Unit:
    """The attribute that is hashed, and its text."""

    attribute: str
    value: str


def unit_of(kind: UnitKind, attributes: Attributes) -> Unit | None:
    """The first attribute that can identify the randomised unit."""
    for name in UNIT_ATTRIBUTES[kind]:
        text = attribute_text(attributes.get(name))
        if text is not None:
            return Unit(attribute=name, value=text)
    return None


def user_key(attributes: Attributes) -> Key | None:
    """The key of whoever is randomised one by one, or None without an id.

    It is `unit_of`, with a short way for the texts that nearly all ids are.
    """
    text = attributes.get("id")
    if not isinstance(text, str) or not 0 < len(text) <= MAX_UNIT_TEXT:
        text = attribute_text(text) or attribute_text(attributes.get("anonymousId"))
        if text is None:
            return None
    return key_of(text)


def account_key(attributes: Attributes) -> Key | None:
    """The key of an account, or None without one."""
    text = attribute_text(attributes.get("accountId"))
    return None if text is None else key_of(text)


def key_of(text: str) -> Key:
    """Encode once what every experiment hashes."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text


def position(seed: bytes, key: Key) -> int:
    """The bucket of a version 2 hash as a whole number, 0 to 9,999."""
    if isinstance(key, bytes):
        return hashing.position(seed, key)
    return position_after(key, fnv32a(seed.decode("latin-1")))


class Positions(dict[Key, int]):
    """`position` for one seed, which the experiments of a subject ask for in turn.

    It forgets everything now and then, so that it stays small.
    """

    def __init__(self, seed: bytes) -> None:
        super().__init__()
        self._seed = seed

    def __missing__(self, key: Key) -> int:
        place = position(self._seed, key)
        if len(key) <= _LONGEST_REMEMBERED:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[key] = place
        return place


@lru_cache(maxsize=512)
def shared_positions(seed: bytes) -> Positions:
    """Those of the seed of a layer or holdout: one for all its experiments."""
    return Positions(seed)
