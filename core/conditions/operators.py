"""What one comparison of an attribute with an operand means."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

MAX_LISTED = 5_000

Truth = bool | None
Test = Callable[[object], Truth]
Compare = Callable[[Any, Any], bool]


def _equality(expected: object) -> Test:
    return lambda actual: same(actual, expected)


def _inequality(expected: object) -> Test:
    return lambda actual: not same(actual, expected)


def _membership(expected: object, *, wanted: bool) -> Test | str:
    if not isinstance(expected, list):
        return "$in and $nin take a list."
    if len(expected) > MAX_LISTED:
        return f"A list holds at most {MAX_LISTED} values."
    texts = frozenset(item for item in expected if isinstance(item, str))
    others = [item for item in expected if not isinstance(item, str)]

    def listed(actual: object) -> bool:
        if isinstance(actual, str):
            return actual in texts
        return any(same(actual, item) for item in others)

    def test(actual: object) -> bool:
        found = actual if isinstance(actual, list) else [actual]
        return any(map(listed, found)) is wanted

    return test


def _existence(expected: object) -> Test | str:
    if not isinstance(expected, bool):
        return "$exists takes true or false."
    return lambda actual: (actual is not None) is expected


def _order(compare: Compare) -> Callable[[object], Test | str]:
    """Numbers compare with numbers and texts with texts; nothing else compares."""

    def build(expected: object) -> Test | str:
        if isinstance(expected, str):
            units = _utf16(expected)
            return lambda actual: (
                isinstance(actual, str) and compare(_utf16(actual), units)
            )
        if _is_number(expected):
            return lambda actual: _is_number(actual) and compare(actual, expected)
        return "An order compares numbers or texts."

    return build


OPERATORS: Mapping[str, Callable[[object], Test | str]] = {
    "$eq": _equality,
    "$ne": _inequality,
    "$in": lambda expected: _membership(expected, wanted=True),
    "$nin": lambda expected: _membership(expected, wanted=False),
    "$exists": _existence,
    "$lt": _order(operator.lt),
    "$lte": _order(operator.le),
    "$gt": _order(operator.gt),
    "$gte": _order(operator.ge),
}


def same(left: object, right: object) -> bool:
    """Equality of JSON values: 1 is 1.0, but never "1" and never true."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            same(value, right[name]) for name, value in left.items()
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def never_known(_actual: object) -> Truth:
    """The test of a comparison that nobody can evaluate."""
    return None
