"""Which variants are one treatment: those that serve the same value."""

import json
from collections.abc import Collection, Mapping
from typing import Any


def told_apart(values: Mapping[str, Any], wanted: Collection[str]) -> bool:
    """Whether no wanted variant serves the value of one that is not wanted.

    Else people who were treated alike would be divided.
    """
    others = {_text(value) for key, value in values.items() if key not in wanted}
    return not any(_text(values[key]) in others for key in wanted)


def _text(value: object) -> str:
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: object) -> object:
    """The value with 1.0 as 1, for clients have one kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
