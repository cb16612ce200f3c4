"""Saved groups: lists of values, and conditions with a name."""

from collections.abc import Mapping, Sequence
from typing import Any

Groups = Mapping[str, Any]
Listed = Sequence[Any]


def listed(groups: Groups, key: object) -> Listed | None:
    """The values for `$inGroup`; an id that nobody knows is an empty list.

    So is one that is no text. None where the entry is no list: it must not pass
    everyone by `$notInGroup`.
    """
    entry = groups.get(key, ()) if isinstance(key, str) else ()
    if isinstance(entry, Mapping):
        entry = entry.get("values") if entry.get("type") == "list" else None
    return entry if isinstance(entry, (list, tuple)) else None


def referred(
    groups: Groups, reference: object
) -> tuple[str, Listed] | tuple[str, Mapping[str, Any]] | None:
    """What `$savedGroup` names: an attribute and its values, or an id and a condition.

    None where it names nothing that can be read.
    """
    if not isinstance(reference, Mapping):
        return None
    key = reference.get("id")
    entry = groups.get(key) if isinstance(key, str) else None
    override = reference.get("attributeKey", "")
    if not isinstance(entry, Mapping) or not isinstance(override, str):
        return None
    if entry.get("type") == "list":
        attribute = reference.get("attributeKey", entry.get("attributeKey"))
        values = entry.get("values")
        if not isinstance(attribute, str) or not isinstance(values, (list, tuple)):
            return None
        return attribute, values
    condition = entry.get("condition")
    if entry.get("type") != "condition" or not isinstance(condition, Mapping):
        return None
    return str(key), condition
