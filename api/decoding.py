"""From bytes to a GraphQL request: one reading, or a refusal with a code."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Any, NoReturn, cast
from urllib.parse import unquote_to_bytes

import msgspec

from api.problems import Malformed, Refused
from api.texts import is_whole

MAX_QUERY_BYTES = 32_768
MAX_DEPTH = 64
MAX_VALUES = 25_000
"""Members and items in one body: what a thousand events with properties need."""
MAX_OPENED = 5_000
"""Lists and objects in one body."""
MAX_MEMBERS = 5_000
"""Members of one object, or items of one list."""
MAX_TEXT = 65_536
"""Characters of one text or number in a body: twice what anything keeps."""
_MAX_PARAMETERS = 16


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """What a caller asks to execute."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


def bad_input(message: str) -> Refused:
    """Well-formed GraphQL with a value that no store could hold."""
    return Refused("BAD_INPUT", message)


def decode_parameters(query_string: bytes) -> dict[str, Any]:
    """Read the parameters of a GET request, by the same rules."""
    parts = [part for part in query_string.split(b"&") if part]
    if len(parts) > _MAX_PARAMETERS or not query_string.isascii():
        raise _malformed("The parameters are not URL-encoded UTF-8.")
    try:
        pairs = [
            (_unquoted(name), _unquoted(value))
            for name, _, value in (part.partition(b"=") for part in parts)
        ]
    except ValueError:
        raise _malformed("The parameters are not URL-encoded UTF-8.") from None
    found: dict[str, Any] = _without_repeats(pairs)
    for name in ("variables", "extensions"):
        if name in found:
            found[name] = _decode(found[name].encode("utf-8")) if found[name] else None
    return found


def _unquoted(text: bytes) -> str:
    text = text.replace(b"+", b" ")
    # The library looks at one escape after the other. What stands for these is no part
    # of another escape, so they may go first, each sort at once.
    for escape, meant in _ESCAPES:
        text = text.replace(escape, meant)
    if b"%" in text:
        text = unquote_to_bytes(text)
    return text.decode("utf-8")


def decode_object(body: bytes) -> dict[str, Any]:
    """Read one JSON object, strictly: unique keys, finite numbers, whole texts."""
    value = _decode(body)
    if isinstance(value, list):
        raise _malformed("Batches are not taken: send one request at a time.")
    if not isinstance(value, dict):
        raise _malformed("The body is a JSON object.")
    return value


def request_of(value: Mapping[str, Any]) -> GraphQLRequest:
    """Check the members of a request.

    Raises:
        Malformed: It has no `query`, or one that is too large.
    """
    query = value.get("query")
    if not isinstance(query, str) or not query:
        raise _malformed("`query` is a text and is required.")
    if len(query.encode("utf-8", "surrogatepass")) > MAX_QUERY_BYTES:
        raise Malformed(
            "QUERY_TOO_LARGE", f"A query has at most {MAX_QUERY_BYTES} bytes."
        )
    name = value.get("operationName")
    if name is not None and not isinstance(name, str):
        raise _malformed("`operationName` is a text.")
    for member in ("variables", "extensions"):
        if not isinstance(value.get(member), dict | None):
            raise _malformed(f"`{member}` is an object.")
    return GraphQLRequest(query, value.get("variables") or {}, name or None)


def _decode(body: bytes) -> Any:
    # Signs in texts count too: to tell them apart is what there is no time for.
    if body.count(b",") > MAX_VALUES:
        raise bad_input(f"A body has at most {MAX_VALUES:,} values.")
    opened = body.count(b"[") + body.count(b"{")
    if opened > MAX_OPENED:
        raise _malformed(f"A body has at most {MAX_OPENED:,} lists and objects.")
    if len(body) > MAX_TEXT and not _has_marks(body):
        raise _too_long()
    value = _quickly(body, deep=opened > MAX_DEPTH)
    return _strictly(body) if value is _UNSURE else value


def _has_marks(body: bytes) -> bool:
    """Whether a quotation mark stands in each stretch as long as a text may be."""
    place = 0
    while len(body) - place > _STRETCH:
        place = body.rfind(b'"', place + 1, place + _STRETCH)
        if place < 0:
            return False
    return True


def _quickly(body: bytes, *, deep: bool = True) -> Any:
    """What nearly all bodies hold; whatever has to be looked at closely is left alone.

    A quotation mark and a colon stand together behind every key, and seldom elsewhere.
    So if there are no more of them than keys were read, then no key came twice.
    """
    try:
        value = _decoded(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        if len(body) > MAX_TEXT:
            # To say what is wrong with it would take too long.
            raise _no_json() from None
        return _UNSURE
    if deep:
        _check_depth(value)
    # A half of a character is refused by the decoder, a NUL is not.
    if b"\\u0000" in body and _NUL.search(_encoded(value)):
        raise _not_whole()
    keys = _keys_of_long(value) if len(body) > MAX_TEXT else _keys(value)
    if body.count(b'":') == keys and not _APART.search(body):
        return value
    return value if len(_KEY_ENDS.findall(body)) == keys else _UNSURE


def _keys(value: object) -> int:
    if value.__class__ is dict:
        found = cast(dict[str, Any], value)
        _check_members(found)
        count = len(found)
        for item in found.values():
            if item.__class__ is dict or item.__class__ is list:
                count += _keys(item)
        return count
    if value.__class__ is list:
        items = cast(list[object], value)
        _check_members(items)
        return sum([_keys(item) for item in items])
    return 0


def _keys_of_long(value: Any) -> int:
    """The same of a long body, whose texts may be too long.

    A document that is too large is refused in words of its own.
    """
    document = value.get("query") if isinstance(value, dict) else None
    count = 0
    pending: list[Iterable[Any]] = [[value]]
    while pending:
        for item in pending.pop():
            if item.__class__ is str:
                if len(item) > MAX_TEXT and item is not document:
                    raise _too_long()
            elif item.__class__ is dict:
                count += len(item)
                _check_members(item)
                if max(map(len, item), default=0) > MAX_TEXT:
                    raise _too_long()
                pending.append(item.values())
            elif item.__class__ is list:
                _check_members(item)
                pending.append(item)
    return count


def _check_members(container: Sized) -> None:
    if len(container) > MAX_MEMBERS:
        raise bad_input(f"A list or an object has at most {MAX_MEMBERS:,} values.")


def _strictly(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except Refused:
        raise
    except RecursionError:
        raise _malformed(f"JSON nests at most {MAX_DEPTH} deep.") from None
    except ValueError:
        raise _no_json() from None
    _check_depth(value)
    if b"\\u" in body:
        _check_texts(value)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("A key occurs twice in one object.")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise bad_input(f"{name} is not a JSON number.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise bad_input("A number is too large.")
    return number


def _check_depth(value: object) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _malformed(f"JSON nests at most {MAX_DEPTH} deep.")
        level = [
            child
            for parent in level
            for child in _children(parent)
            if child.__class__ is dict or child.__class__ is list
        ]


def _check_texts(value: object) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict):
            for key in item:
                _check_text(key)
        pending.extend(_children(item))


def _check_text(text: str) -> None:
    if not is_whole(text):
        raise _not_whole()


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return cast(list[object], value) if isinstance(value, list) else []


def _no_json() -> Malformed:
    return _malformed("The body is not valid JSON in UTF-8.")


def _not_whole() -> Refused:
    return bad_input("Text has no NUL and no lone surrogate.")


def _too_long() -> Malformed:
    return _malformed(f"A text or a number has at most {MAX_TEXT:,} characters.")


def _malformed(message: str) -> Malformed:
    return Malformed("BAD_REQUEST", message)


_ESCAPES = [(b"%%%02X" % ord(sign), sign.encode()) for sign in '"{}[]:, $']
_STRETCH = 6 * MAX_TEXT + 2
"""Bytes from mark to mark: each sign of a text is at most six, an escape."""
_UNSURE = object()
_APART = re.compile(rb'"[ \t\r\n]+:')
_KEY_ENDS = re.compile(rb'"[ \t\r\n]*:')
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_decoded = msgspec.json.Decoder().decode
_encoded = msgspec.json.Encoder().encode
_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_repeats,
    parse_constant=_refuse_constant,
    parse_float=_finite,
)
