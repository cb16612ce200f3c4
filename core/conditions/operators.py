"""What one comparison of an attribute with an operand means, as published."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from core.conditions import coercion
from core.conditions.coercion import LIST, NUMBER
from core.conditions.patterns import MAX_SEARCHED, Pattern, PatternRefused
from core.conditions.tree import Test, Truth
from core.conditions.versions import MAX_VERSION, padded

MAX_FOLDED = 100_000
MAX_ELEMENTS = 10_000
"""A longer list among the attributes is compared with nothing."""

Compare = Callable[[Any, Any], bool]
Build = Callable[[Any], Test]


def never(_actual: object) -> Truth:
    """The test of a comparison whose operand has the wrong shape."""
    return False


def unknown(_actual: object) -> Truth:
    """The test of a comparison that nobody can evaluate."""
    return None


def identical(left: object, right: object) -> bool:
    """JavaScript's `===` between values that come from JSON.

    Two lists or two objects are never the same one.
    """
    if isinstance(left, str) or isinstance(right, str):
        return left == right
    if left is None or right is None or isinstance(left, bool):
        return left is right
    if isinstance(left, NUMBER) and isinstance(right, NUMBER):
        if isinstance(right, bool):
            return False
        return coercion.double(left) == coercion.double(right)
    return False


def written_alike(left: object, right: object) -> bool:
    """Whether two values have the same JSON, with their keys in the same order.

    No deeper than the shallower of the two.
    """
    left, right = _in_json(left), _in_json(right)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if len(left) != len(right):
            return False
        names = _in_order(left)
        return names == _in_order(right) and all(
            written_alike(left[name], right[name]) for name in names
        )
    if isinstance(left, LIST) and isinstance(right, LIST):
        return len(left) == len(right) and all(map(written_alike, left, right))
    return identical(left, right)


def literal(expected: object) -> Test:
    """A bare value: JavaScript turns the attribute into the operand's type first."""
    if isinstance(expected, str):
        return _literal_text(expected)
    if isinstance(expected, bool):
        return lambda actual: actual is not None and coercion.truthy(actual) is expected
    if isinstance(expected, NUMBER):
        wanted = coercion.double(expected)
        return lambda actual: coercion.number(actual) == wanted
    if expected is None:
        return lambda actual: actual is None
    return lambda actual: written_alike(actual, expected)


def literal_ignoring_case(expected: str) -> Test:
    """A bare text inside `$alli`."""
    wanted = expected.lower()
    longest = len(wanted)
    return lambda actual: _folded(coercion.text(actual, longest), longest) == wanted


def _literal_text(expected: str) -> Test:
    longest = len(expected)

    def test(actual: object) -> bool:
        if isinstance(actual, str):
            return actual == expected
        return coercion.text(actual, longest) == expected

    return test


def _equality(expected: object) -> Test:
    if isinstance(expected, str):
        return lambda actual: actual == expected
    return lambda actual: identical(actual, expected)


def _inequality(expected: object) -> Test:
    return lambda actual: not identical(actual, expected)


def among(texts: frozenset[str]) -> Test:
    """`$in` of texts only."""

    def test(actual: object) -> Truth:
        if isinstance(actual, str):
            return actual in texts
        if not isinstance(actual, LIST):
            return False
        if len(actual) > MAX_ELEMENTS:
            return None
        return any(isinstance(item, str) and item in texts for item in actual)

    return test


def membership(expected: object, *, wanted: bool = True) -> Test:
    """`$in` or `$nin`; a list among the attributes needs one element in common."""
    if not isinstance(expected, LIST):
        return never
    texts = frozenset(item for item in expected if isinstance(item, str))
    numbers = frozenset(coercion.double(i) for i in expected if _is_number(i))
    others = tuple(i for i in expected if i is None or isinstance(i, bool))

    def listed(item: object) -> bool:
        if isinstance(item, str):
            return item in texts
        if _is_number(item):
            return coercion.double(item) in numbers
        return any(item is other for other in others)

    def test(actual: object) -> Truth:
        if isinstance(actual, str):
            return (actual in texts) is wanted
        if not isinstance(actual, LIST):
            return listed(actual) is wanted
        if len(actual) > MAX_ELEMENTS:
            return None
        return any(map(listed, actual)) is wanted

    return test


def _folded_membership(expected: object, *, wanted: bool) -> Test:
    if not isinstance(expected, LIST):
        return never
    folded = [_folded(item, MAX_FOLDED) for item in expected]
    longest = max((len(item) for item in folded if isinstance(item, str)), default=0)
    test = membership(folded, wanted=wanted)

    def folding(actual: object) -> Truth:
        if isinstance(actual, LIST) and len(actual) <= MAX_ELEMENTS:
            return test([_folded(item, longest) for item in actual])
        return test(_folded(actual, longest))

    return folding


def _existence(expected: object) -> Test:
    wanted = coercion.truthy(expected)
    return lambda actual: (actual is not None) is wanted


def _order(compare: Compare) -> Build:
    """Two texts by code unit; anything else as numbers, where a missing one is 0."""

    def build(expected: object) -> Test:
        operand = coercion.primitive(expected)
        wanted = coercion.number(operand)
        in_text = _text_order(compare, operand) if isinstance(operand, str) else None

        def test(actual: object) -> bool:
            if isinstance(actual, float):
                return compare(actual, wanted)
            if actual.__class__ is int:
                return compare(coercion.double(actual), wanted)
            actual = coercion.primitive(actual)
            if in_text is not None and isinstance(actual, str):
                return in_text(actual)
            return compare(coercion.number(actual), wanted)

        return test

    return build


def _text_order(compare: Compare, expected: str) -> Callable[[str], bool]:
    if coercion.sorts_by_code_point(expected):
        return lambda actual: compare(actual, expected)
    wanted = coercion.units(expected)
    return lambda actual: compare(coercion.units(actual), wanted)


def _version(compare: Compare) -> Build:
    """Anything that is neither a text nor a number counts as version 0."""

    def build(expected: object) -> Test:
        wanted = _version_text(expected)
        if wanted is None:
            return unknown
        in_order = _text_order(compare, wanted)

        def test(actual: object) -> Truth:
            version = _version_text(actual)
            return None if version is None else in_order(version)

        return test

    return build


def _pattern(*, ignoring_case: bool) -> Build:
    """Whatever the attribute is, its text is searched; an invalid pattern is false."""

    def build(expected: object) -> Test:
        if not isinstance(expected, str):
            return never
        try:
            found = Pattern(expected, ignoring_case=ignoring_case).found
        except PatternRefused:
            return never
        return lambda actual: found(coercion.text(actual, MAX_SEARCHED))

    return build


def _type(expected: object) -> Test:
    classes = [cls for cls, name in coercion.KINDS.items() if name == expected]
    return lambda actual: (
        actual.__class__ in classes or coercion.kind(actual) == expected
    )


PATTERNS = ("$regex", "$regexi")

OPERATORS: Mapping[str, Build] = {
    "$eq": _equality,
    "$ne": _inequality,
    "$in": membership,
    "$nin": lambda expected: membership(expected, wanted=False),
    "$ini": lambda expected: _folded_membership(expected, wanted=True),
    "$nini": lambda expected: _folded_membership(expected, wanted=False),
    "$exists": _existence,
    "$lt": _order(operator.lt),
    "$lte": _order(operator.le),
    "$gt": _order(operator.gt),
    "$gte": _order(operator.ge),
    "$veq": _version(operator.eq),
    "$vne": _version(operator.ne),
    "$vlt": _version(operator.lt),
    "$vlte": _version(operator.le),
    "$vgt": _version(operator.gt),
    "$vgte": _version(operator.ge),
    "$regex": _pattern(ignoring_case=False),
    "$regexi": _pattern(ignoring_case=True),
    "$type": _type,
}


def texts_of(symbol: str, expected: object) -> frozenset[str] | None:
    """The texts of which a plain value must be one, where the operator says so."""
    if symbol == "$eq" and isinstance(expected, str):
        return frozenset({expected})
    if symbol == "$in" and isinstance(expected, LIST):
        texts = frozenset(item for item in expected if isinstance(item, str))
        return texts if all(isinstance(item, str) for item in expected) else None
    return None


def _version_text(value: object) -> str | None:
    if _is_number(value):
        value = coercion.text(value, MAX_VERSION)
    if not isinstance(value, str):
        return padded("0")
    return padded(value) if len(value) <= MAX_VERSION else None


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, NUMBER) and not isinstance(value, bool)


def _folded(value: object, longest: int) -> object:
    """A text in lower case, which is never shorter; what is too long stays as it is."""
    return value.lower() if isinstance(value, str) and len(value) <= longest else value


def _in_json(value: object) -> object:
    """JSON has no number that is not finite."""
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def _in_order(value: Mapping[Any, object]) -> Sequence[object]:
    """Keys as JavaScript lists them: places first, then as they were written."""
    places = sorted((key for key in value if _is_place(key)), key=int)
    return [*places, *(key for key in value if not _is_place(key))]


def _is_place(key: object) -> bool:
    return (
        isinstance(key, str)
        and len(key) <= 10
        and key.isascii()
        and key.isdigit()
        and str(int(key)) == key
        and int(key) < 2**32 - 1
    )
