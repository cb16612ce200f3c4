"""Who falls into a slice: filters, namespaces and rollouts."""

from dataclasses import dataclass

from core.hashing import bucket
from experiments.assignment.language.evaluation import (
    Attributes,
    Evaluation,
    identified,
)
from experiments.assignment.language.reading import (
    Source,
    Unreadable,
    hash_version,
    mapping,
    name,
    number,
    optional,
    sequence,
    span,
    spans,
    text,
)
from experiments.assignment.ranges import Range

Namespace = tuple[str, float, float]


@dataclass(frozen=True, slots=True)
class Filter:
    """A hash of its own, and the slices of it that pass."""

    attribute: str
    seed: str
    version: int
    ranges: tuple[Range, ...]

    @classmethod
    def of(cls, value: object) -> "Filter":
        """Read one filter."""
        source = mapping(value)
        return cls(
            attribute=name(source.get("attribute"), "id"),
            seed=text(source.get("seed")),
            version=hash_version(source.get("hashVersion"), 2),
            ranges=spans(source.get("ranges")),
        )

    def passes(self, attributes: Attributes) -> bool:
        """Whether the subject falls into one of the slices."""
        value = identified(attributes, self.attribute).text
        if value is None:
            return False
        position = bucket(value, self.seed, self.version)
        return position is not None and any(
            low <= position < high for low, high in self.ranges
        )


@dataclass(frozen=True, slots=True)
class Rollout:
    """The share of subjects that a forced value reaches."""

    seed: str
    version: int
    attribute: str
    fallback: str | None
    range: Range | None
    coverage: float | None

    @classmethod
    def of(cls, source: Source, key: str) -> "Rollout":
        """Read the rollout of a force rule; `key` is the seed where there is none."""
        sticky = not source.get("disableStickyBucketing")
        fallback = source.get("fallbackAttribute")
        return cls(
            seed=name(source.get("seed"), key),
            version=hash_version(source.get("hashVersion"), 1),
            attribute=name(source.get("hashAttribute"), "id"),
            fallback=optional(text, fallback, None) if sticky else None,
            range=optional(span, source.get("range"), None),
            coverage=optional(number, source.get("coverage"), None),
        )

    def reaches(self, evaluation: Evaluation) -> bool:
        """Whether the subject is in; a coverage takes its upper bound in."""
        if self.range is None and self.coverage is None:
            return True
        if self.range is None and self.coverage == 0:
            return False
        fallback = self.fallback if evaluation.sticky else None
        value = identified(evaluation.attributes, self.attribute, fallback).text
        if value is None:
            return False
        position = bucket(value, self.seed, self.version)
        if position is None:
            return False
        if self.range is not None:
            return self.range[0] <= position < self.range[1]
        return self.coverage is not None and position <= self.coverage


def filters(value: object) -> tuple[Filter, ...] | None:
    """Read the filters of a rule; an empty list still replaces a namespace."""
    return None if value is None else tuple(map(Filter.of, sequence(value)))


def namespace(value: object) -> Namespace:
    """Read a namespace: its name and one slice of it."""
    parts = sequence(value)
    if len(parts) != 3:
        raise Unreadable("A namespace has a name and two bounds.")
    return text(parts[0]), number(parts[1]), number(parts[2])


def in_namespace(value: str, spot: Namespace) -> bool:
    """Whether the hashed text falls into the slice of a namespace."""
    title, low, high = spot
    position = bucket(value, f"__{title}", 1)
    return position is not None and low <= position < high
