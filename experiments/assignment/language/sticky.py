"""Sticky buckets: a subject keeps the variation that a stored document names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.assignment.language.evaluation import (
    Evaluation,
    Identity,
    identified,
)


@dataclass(frozen=True, slots=True)
class Versions:
    """Which stored assignments of an experiment count."""

    current: int
    oldest: int
    """A subject with an assignment of an older version is kept out."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the documents say about one experiment."""

    variation: int | None = None
    blocked: bool = False


def document_key(attribute: str, value: str) -> str:
    """The name that a document is stored under."""
    return f"{attribute}||{value}"


def assignment_key(experiment: str, version: int) -> str:
    """The name of an assignment within its document."""
    return f"{experiment}__{version}"


def kept(
    evaluation: Evaluation,
    experiment: str,
    versions: Versions,
    attributes: Sequence[str],
    keys: Sequence[Any],
) -> Kept:
    """The variation that the subject has already, by `keys` of the variations.

    Where documents of several attributes differ, the last attribute's wins.
    """
    stored: dict[str, Any] = {}
    for name in attributes:
        stored |= _stored(evaluation, name)
    if versions.oldest > 0 and _is_blocked(stored, experiment, versions.oldest):
        return Kept(blocked=True)
    wanted = stored.get(assignment_key(experiment, versions.current))
    if wanted is None or wanted not in keys:
        return Kept()
    return Kept(variation=keys.index(wanted))


def remember(
    evaluation: Evaluation, identity: Identity, experiment: str, variation: str
) -> None:
    """Write an assignment under the attribute that was hashed."""
    if identity.text is None:
        return
    key = document_key(identity.attribute, identity.text)
    document = evaluation.document(key)
    assignments = _assigned(document)
    if assignments.get(experiment) != variation:
        evaluation.written[key] = {
            "attributeName": identity.attribute,
            "attributeValue": identity.text,
            "assignments": {**assignments, experiment: variation},
        }


def _stored(evaluation: Evaluation, name: str) -> Mapping[str, Any]:
    value = identified(evaluation.attributes, name).text
    if value is None:
        return {}
    return _assigned(evaluation.document(document_key(name, value)))


def _assigned(document: Mapping[str, Any]) -> Mapping[str, Any]:
    assignments = document.get("assignments")
    return assignments if isinstance(assignments, Mapping) else {}


def _is_blocked(stored: Mapping[str, Any], experiment: str, oldest: int) -> bool:
    """Looks at what is stored, not at every number below a bound that may be vast."""
    prefix = assignment_key(experiment, 0)[:-1]
    return any(
        version.isdecimal() and version.isascii() and int(version) < oldest
        for name in stored
        if name.startswith(prefix) and len(version := name[len(prefix) :]) < 16
    )
