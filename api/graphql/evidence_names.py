"""What a checklist's evidence is called over the API: as its other fields are."""

from collections.abc import Mapping
from typing import Any

from experiments.readiness.items import ItemCode

_BY_OWN_KEY = frozenset({"margins", "margins_shown"})
"""Parts whose names are the keys that a project gave its metrics."""

_ITEMS_BY_OWN_KEY = frozenset({ItemCode.METRIC_HEALTH, ItemCode.EXPOSURE_SEEN})
"""Items that have an entry for each metric or variant."""


def named_evidence(code: ItemCode, evidence: Mapping[str, Any]) -> dict[str, Any]:
    """The evidence of an item with names in camel case; own keys stay as they are."""
    if code in _ITEMS_BY_OWN_KEY:
        return {key: _named(value) for key, value in evidence.items()}
    return {_camel(name): _part(name, value) for name, value in evidence.items()}


def _named(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_camel(name): _part(name, inside) for name, inside in value.items()}
    if isinstance(value, list | tuple):
        return [_named(each) for each in value]
    return value


def _part(name: str, value: Any) -> Any:
    if name in _BY_OWN_KEY and isinstance(value, Mapping):
        return dict(value)
    return _named(value)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(each.capitalize() for each in others)
