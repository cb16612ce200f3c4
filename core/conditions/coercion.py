"""How JavaScript turns one JSON value into another before it compares them."""

import math
from collections.abc import Mapping

from core.hashing import number_text

NUMBER = (int, float)
LIST = (list, tuple)
MAX_NUMERAL = 1_024
MAX_STEPS = 500
"""How many elements of a list, of lists in it and so on are read."""

_EXACT_INTEGER = 2**53
KINDS: Mapping[type, str] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    tuple: "array",
    dict: "object",
    type(None): "null",
}
_RADICES = {"0x": 16, "0o": 8, "0b": 2}
_NUMERAL = frozenset("0123456789+-.eE")
_SPACES = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_FIRST_SURROGATE = "\ud800"


def kind(value: object) -> str:
    """The name of a value's type, as `$type` knows it."""
    return KINDS.get(value.__class__) or _kind_of_subclass(value)


def truthy(value: object) -> bool:
    """An empty list and an empty object are true, unlike in Python."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return bool(value) or isinstance(value, (list, tuple, Mapping))


def double(value: float) -> float:
    """The number that JavaScript would hold: every number there is a double."""
    if isinstance(value, float) or -_EXACT_INTEGER <= value <= _EXACT_INTEGER:
        return value
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def text(value: object, longest: int) -> str:
    """`String(value)`; a list stops once it is longer than what it is compared with."""
    if isinstance(value, LIST):
        return _joined(value, longest)
    return _scalar_text(value)


def number(value: object) -> float:
    """`Number(value)`, which is NaN for whatever is not a numeral."""
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, NUMBER):
        return double(value)
    return _numeral(text(value, MAX_NUMERAL))


def primitive(value: object) -> object:
    """What JavaScript puts in the place of a list or an object to compare it."""
    if isinstance(value, (list, tuple, Mapping)):
        return text(value, MAX_NUMERAL)
    return value


def units(value: str) -> bytes:
    """UTF-16 code units, in bytes that sort as JavaScript sorts texts."""
    return value.encode("utf-16-be", "surrogatepass")


def sorts_by_code_point(value: str) -> bool:
    """Whether Python's order against any other text is JavaScript's too.

    Below the surrogates both orders agree on which of two characters comes first.
    """
    return not value or max(value) < _FIRST_SURROGATE


def _kind_of_subclass(value: object) -> str:
    for base, name in KINDS.items():
        if isinstance(value, base):
            return name
    return "object" if isinstance(value, Mapping) else "unknown"


def _scalar_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, NUMBER):
        return _number_text(double(value))
    return "[object Object]"


def _number_text(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
    return (number_text(value) or "0") if value else "0"


def _joined(value: list[object] | tuple[object, ...], longest: int) -> str:
    """Elements joined by commas, nested lists alike, without recursion."""
    parts: list[str] = []
    length = steps = 0
    waiting: list[object] = [value]
    while waiting and length <= longest + 1:
        item = waiting.pop()
        steps += 1
        if steps > MAX_STEPS:
            return "," * (longest + 1)
        if isinstance(item, LIST) and item:
            # No more elements can matter than fit into the longest text.
            waiting.extend(reversed(item[: min(longest, MAX_STEPS) + 2]))
            continue
        part = "" if item is None or item in ([], ()) else _scalar_text(item)
        parts.append(part)
        length += len(part) + 1
    return ",".join(parts)


def _numeral(written: str) -> float:
    if len(written) > MAX_NUMERAL:
        return math.nan
    digits = written.strip(_SPACES)
    if not digits:
        return 0
    radix = _RADICES.get(digits[:2].lower())
    try:
        if radix is not None:
            plain = digits.isascii() and digits[2:].isalnum()
            return double(int(digits[2:], radix)) if plain else math.nan
        if digits.lstrip("+-") == "Infinity" and len(digits) <= len("+Infinity"):
            return -math.inf if digits.startswith("-") else math.inf
        return float(digits) if _NUMERAL.issuperset(digits) else math.nan
    except ValueError:
        return math.nan
