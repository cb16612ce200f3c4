"""Why an item of a batch is no event, in words for whoever sent it."""

import re

FIELDS = {
    "id": "a text",
    "name": "a text",
    "userId": "a text or null",
    "anonymousId": "a text or null",
    "accountId": "a text or null",
    "at": "an instant with an offset, such as 2026-05-01T12:00:00Z, or null",
    "value": "a number, also as a text, or null",
    "properties": "an object",
    "experimentKey": "a text or null",
    "variantKey": "a text or null",
    "phase": "a whole number or null",
}
"""What each field of an event holds."""

_PLACE = re.compile(r"at `\$\.(\w+)")
_MISSING = re.compile(r"missing required field `(\w+)`")
_UNKNOWN = re.compile(r"unknown field `(.{0,64})")


def told(error: Exception) -> str:
    """What is wrong with an item that the decoder did not take."""
    text = str(error)
    if found := _MISSING.search(text):
        return f"{found[1]} is required: {FIELDS[found[1]]}."
    if found := _UNKNOWN.search(text):
        name = found[1].rstrip("`")
        return f"There is no field {name}; what is yours goes into properties."
    if (found := _PLACE.search(text)) and found[1] in FIELDS:
        return f"{found[1]} must be {FIELDS[found[1]]}."
    if text.startswith("Expected `object`"):
        return "An event is an object."
    if text.startswith("JSON is malformed"):
        return f"{text}."
    return "It is not whole JSON in UTF-8, or it nests too deep."
