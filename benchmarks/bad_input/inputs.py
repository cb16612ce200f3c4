"""Attributes as they come over the wire, bad in one way each."""

MEGABYTE = 1_000_000


def inputs() -> dict[str, bytes]:
    """Attributes as they come over the wire, each an object that is bad in one way."""
    values = {
        "ordinary": b'"x","plan":"free"',
        "NUL": rb'"a\u0000b"',
        "lone surrogate": rb'"\ud800x"',
        "bytes that are no UTF-8": b'"\xff\xfe\xed\xa0\x80"',
        "NaN": b"NaN",
        "-Infinity": b"-Infinity",
        "1e999": b"1e999",
        "integer of 4,000 digits": b"7" * 4_000,
        "integer of 1 MB": b"7" * MEGABYTE,
        "text of 1 MB": _text(b"x" * MEGABYTE),
        "text of 1 MB, two bytes a letter": _text("é".encode() * (MEGABYTE // 2)),
        "text of 1 MB, escaped": _text(rb"\u0078" * (MEGABYTE // 6)),
        "numeral of 1 MB": _text(b"1" * MEGABYTE),
        "version of 1 MB": _text(b"1." * (MEGABYTE // 2)),
        "cruel for a pattern, 60 KB": _text(b"x" * 60_000),
        "33 lists deep": b"[" * 33 + b"]" * 33,
        "2,000 lists deep": b"[" * 2_000 + b"]" * 2_000,
        "2,000 objects deep": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
        "500,000 lists deep": b"[" * 500_000,
        "24,000 numbers": b"[" + b",".join([b"1"] * 24_000) + b"]",
        "24,000 texts": b"[" + b",".join([b'"xxx"'] * 24_000) + b"]",
        "400,000 numbers": b"[" + b",".join([b"1"] * 400_000) + b"]",
        "4,900 objects": b"[" + b",".join([b"{}"] * 4_900) + b"]",
        "50 texts of 19 KB": b"[" + b",".join([_text(b"x" * 19_000)] * 50) + b"]",
    }
    found = {name: b'{"a":' + value + b"}" for name, value in values.items()}
    for keys_ in (101, 5_000, 24_000, 90_000):
        found[f"{keys_:,} keys"] = _object(keys_)
    found["24,000 keys, one level down"] = b'{"a":' + _object(24_000) + b"}"
    found["90,000 keys, one level down"] = b'{"a":' + _object(90_000) + b"}"
    found["24,000 keys and a NaN"] = _object(24_000)[:-1] + b',"a":NaN}'
    found["24,000 keys, the last one twice"] = _object(24_000)[:-1] + b',"k0":1}'
    found["24,000 escaped keys"] = _object(24_000, rb"\u0061")
    found["a key of 1 MB"] = b"{" + _text(b"k" * MEGABYTE) + b":1}"
    found["a key that comes twice"] = b'{"a":1,"a":2}'
    found["a list for an object"] = b"[1]"
    return found


def _text(content: bytes) -> bytes:
    return b'"' + content + b'"'


def _object(members: int, sign: bytes = b"k") -> bytes:
    pairs = (b'"%s%d":1' % (sign, number) for number in range(members))
    return b"{" + b",".join(pairs) + b"}"
