"""The quick reading of a body says what the strict one says, or says nothing."""

import json
from random import Random
from typing import Any
from urllib.parse import quote, quote_plus, unquote_to_bytes

import msgspec
import pytest

from api.decoding import (
    _UNSURE,
    _decoded,
    _quickly,
    _strictly,
    decode_object,
    decode_parameters,
)
from api.problems import Malformed, Refused

PIECES = (
    *('"a"', '"b"', '":"', '":x"', '"\\":"', '"x:"', '""', '"\\u0061"', '"é"'),
    *('"\\u0000"', '"\\\\u0000"', '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"'),
    *("{", "}", "[", "]", ":", ",", " ", " :", "\n:", "\t"),
    *("1", "-0", "1.5", "1e400", "NaN", "true", "null", "01", str(2**70)),
    *('{"a":1}', '{"a":1,"a":1}', '{"a" :1,"a":2}', '[{"b":[]}]', "\x00", "\ufeff"),
)


def strict(body: bytes) -> Any:
    try:
        return _strictly(body)
    except Refused as refusal:
        return refusal.code


def quick(body: bytes) -> Any:
    try:
        return _quickly(body)
    except Refused as refusal:
        return refusal.code


def test_what_is_read_quickly_is_what_is_read_strictly() -> None:
    random, read = Random(3), 0  # noqa: S311 - not a secret
    for _ in range(60_000):
        parts = random.choices(PIECES, k=random.randint(1, 9))
        text = "".join(parts)
        if random.random() < 0.7:
            text = '{"q":' + text + "}"
        body = text.encode()
        found = quick(body)
        if found is not _UNSURE:
            read += 1
            assert repr(found) == repr(strict(body)), body
    assert read > 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":2}',
        b'{"a" :1,"a":2}',
        b'{"a":":","a" :2}',
        b'{"v":{"a":1,"\\u0061":2}}',
        b'{"v":[{"b":1},{"a":1,"a":1}]}',
    ],
)
def test_a_key_that_comes_twice_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        decode_object(body)


@pytest.mark.parametrize(
    "text", ['{"a": [1, "x$y"]}', "%%322", "%2%22", "100%", "%7b%7B", "é+ü %25", "%%22"]
)
def test_parameters_are_unquoted_as_the_library_does(text: str) -> None:
    for sent in (quote(text), quote_plus(text), text.encode().decode("latin-1")):
        if sent.isascii():
            found = decode_parameters(b"query=" + sent.encode())
            meant = unquote_to_bytes(sent.replace("+", " ").replace("&", "%26"))
            assert found["query"] == meant.decode()


def test_a_body_of_very_many_values_is_refused_before_it_is_read() -> None:
    body = b'{"variables":{"a":[' + b"1," * 400_000 + b"1]}}"
    with pytest.raises(Refused, match="25,000 values") as refused:
        decode_object(body)
    assert refused.value.code == "BAD_INPUT"


def test_a_batch_of_a_thousand_events_is_read() -> None:
    event = (
        b'{"id":"e","name":"n","userId":"u","occurredAt":"2026-01-01T00:00:00Z",'
        b'"value":"1","properties":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8}}'
    )
    read = decode_object(b'{"variables":{"e":[' + b",".join([event] * 1_000) + b"]}}")
    assert len(read["variables"]["e"]) == 1_000


def test_a_body_of_very_many_lists_is_refused_before_it_is_read() -> None:
    body = b'{"query": "{ a }", "variables": {"a": [' + b"[]," * 5_000 + b"1]}}"
    with pytest.raises(Malformed, match="5,000 lists and objects"):
        decode_object(body)


def test_what_the_quick_decoder_refuses_is_no_json_in_the_strict_one() -> None:
    random, refused = Random(5), 0  # noqa: S311 - not a secret
    for _ in range(60_000):
        text = "".join(random.choices(PIECES, k=random.randint(1, 9)))
        body = (text if random.random() < 0.5 else f'{{"q":{text}}}').encode()
        try:
            _decoded(body)
        except (msgspec.DecodeError, ValueError):
            refused += 1
            with pytest.raises(Refused):
                _strictly(body)
    assert refused > 500


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b'"' + b"x" * 65_537 + b'"', "BAD_REQUEST"),
        (b'"' + b"x" * 1_000_000 + b'"', "BAD_REQUEST"),
        (b'"' + b"\\u0078" * 65_537 + b'"', "BAD_REQUEST"),
        (b'{"' + b"k" * 65_537 + b'":1}', "BAD_REQUEST"),
        (b"7" * 1_000_000, "BAD_REQUEST"),
        (b'["' + b"x" * 65_000 + b'","\\u0000"]', "BAD_INPUT"),
        (b'["' + b"x" * 65_536 + b'",NaN]', "BAD_REQUEST"),
        (b'["' + b"x" * 65_536 + b'","\\ud800"]', "BAD_REQUEST"),
        (b"[" + b"1234567890123," * 5_000 + b"1]", "BAD_INPUT"),
        (json.dumps({f"a key of {n}": n for n in range(5_001)}).encode(), "BAD_INPUT"),
        (b"[" * 65 + b"]" * 65, "BAD_REQUEST"),
        (b"[" * 900 + b"]" * 900, "BAD_REQUEST"),
        (b"[" * 2_000 + b"]" * 2_000, "BAD_REQUEST"),
    ],
)
def test_long_texts_and_deep_values_are_refused(value: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        decode_object(b'{"variables":' + value + b"}")
    assert refused.value.code == code


def test_a_long_body_of_texts_within_the_bound_is_read() -> None:
    texts = ["x" * 65_536, "é" * 65_536, '":' * 20, "\\u0000"] * 4
    body = json.dumps({"a": texts, "b": {"c" * 65_536: 1}}).encode()
    assert decode_object(body) == json.loads(body)
    apart = json.dumps(
        {f"a key of {n}": n for n in range(4_500)}, separators=(",", " : ")
    )
    assert len(decode_object(apart.encode())) == 4_500
