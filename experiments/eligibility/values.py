"""What served values are: their types, and which variants are one treatment."""

import json
from collections.abc import Collection, Mapping
from typing import Any


def told_apart(values: Mapping[str, Any], wanted: Collection[str]) -> bool:
    """Whether no wanted variant serves the value of one that is not wanted.

    Else people who were treated alike would be divided.
    """
    others = {_text(value) for key, value in values.items() if key not in wanted}
    return not any(_text(values[key]) in others for key in wanted)


def json_type(value: object) -> str:
    """What JSON calls a value; it has one kind of number."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def _text(value: object) -> str:
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: object) -> object:
    """The value with 1.0 as 1, for clients have one kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
