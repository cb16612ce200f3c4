"""A published payload, compiled once for all the subjects that come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from experiments.assignment.language.features import Feature, Shared
from experiments.assignment.language.reading import Unreadable

_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Definitions:
    """Features by key, and the saved groups that their conditions name."""

    features: Mapping[str, Feature] = field(default_factory=lambda: _NONE)
    groups: Mapping[str, Any] = field(default_factory=lambda: _NONE)

    @classmethod
    def of(cls, payload: Mapping[str, Any]) -> "Definitions":
        """Compile `features` and `savedGroups`; what is no feature is unknown."""
        groups = _object(payload.get("savedGroups"))
        shared = Shared(groups, _object(payload.get("contextualBandits")))
        features: dict[str, Feature] = {}
        for key, value in _object(payload.get("features")).items():
            try:
                features[key] = Feature.of(key, value, shared)
            except Unreadable:
                continue
        return cls(MappingProxyType(features), groups)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else _NONE
