"""One experiment, compiled: who is in it, and which variation they get."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.conditions import Condition
from core.hashing import bucket
from experiments.assignment.language.addresses import Matches, Target, matcher, targets
from experiments.assignment.language.prerequisites import Prerequisite, prerequisites
from experiments.assignment.language.reading import (
    Groups,
    Source,
    condition,
    count,
    hash_version,
    mapping,
    name,
    number,
    numbers,
    optional,
    sequence,
    spans,
    text,
)
from experiments.assignment.language.slices import (
    Filter,
    Namespace,
    filters,
    namespace,
)
from experiments.assignment.language.sticky import Versions
from experiments.assignment.ranges import Range, bucket_ranges

COPIED = (
    "coverage",
    "weights",
    "hashAttribute",
    "fallbackAttribute",
    "disableStickyBucketing",
    "bucketVersion",
    "minBucketVersion",
    "namespace",
    "meta",
    "ranges",
    "name",
    "phase",
    "seed",
    "hashVersion",
    "filters",
    "condition",
)
"""What an experiment takes from the rule that it is written in."""


@dataclass(frozen=True, slots=True)
class Hashing:
    """What is hashed, and how."""

    attribute: str
    fallback: str | None
    seed: str
    version: int

    @classmethod
    def of(cls, source: Source, key: str) -> "Hashing":
        """Read it; the key is the seed where there is none."""
        return cls(
            attribute=name(source.get("hashAttribute"), "id"),
            fallback=optional(text, source.get("fallbackAttribute"), None) or None,
            seed=name(source.get("seed"), key),
            version=hash_version(source.get("hashVersion"), 1),
        )

    @property
    def attributes(self) -> tuple[str, ...]:
        """What may be hashed, the preferred one last."""
        if self.fallback is None:
            return (self.attribute,)
        return self.fallback, self.attribute

    def position(self, value: str) -> float | None:
        """Where the subject falls; None for a version that nobody knows."""
        return bucket(value, self.seed, self.version)


@dataclass(frozen=True, slots=True)
class Admission:
    """What a subject must fulfil, unless a sticky bucket names a variation."""

    filters: tuple[Filter, ...] | None
    namespace: Namespace | None
    include: Callable[[], object] | None
    condition: Condition | None
    parents: tuple[Prerequisite, ...]
    groups: tuple[str, ...] | None

    @classmethod
    def of(cls, source: Source, groups: Groups | None) -> "Admission":
        """Read it; what cannot be called as `include` includes nobody."""
        include = source.get("include")
        names = source.get("groups")
        return cls(
            filters=filters(source.get("filters")),
            namespace=optional(namespace, source.get("namespace"), None),
            include=include if include is None or callable(include) else _nobody,
            condition=condition(source.get("condition"), groups),
            parents=prerequisites(source.get("parentConditions"), groups),
            groups=None if names is None else tuple(map(text, sequence(names))),
        )


@dataclass(frozen=True, slots=True)
class Places:
    """The addresses where the experiment runs."""

    targets: tuple[Target, ...] | None
    expression: Matches | None
    """An old expression on the whole address or on its path."""

    @classmethod
    def of(cls, source: Source) -> "Places":
        """Read them."""
        expression = source.get("url")
        return cls(
            targets=optional(targets, source.get("urlPatterns"), None),
            expression=None if expression is None else matcher(expression),
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment as it was published, with everything read once."""

    source: Source
    key: str
    variations: tuple[Any, ...]
    meta: tuple[Source, ...]
    ranges: tuple[Range, ...]
    hashing: Hashing
    admission: Admission
    places: Places
    versions: Versions
    sticky: bool
    draft: bool
    stopped: bool
    forced: tuple[int | None, ...]
    """One index (None where it is no index), or empty where nothing is forced."""
    bandit: Source | None = None
    """What a result by hash reports about the bandit behind the weights."""

    @classmethod
    def of(
        cls, source: Source, groups: Groups | None, bandit: Source | None = None
    ) -> "Experiment":
        """Read an experiment.

        Raises:
            Unreadable: A part has a shape that the language does not know.
        """
        key = name(source.get("key"), "")
        variations = tuple(sequence(source.get("variations")))
        return cls(
            source=source,
            key=key,
            variations=variations,
            meta=tuple(map(mapping, optional(sequence, source.get("meta"), ()))),
            ranges=_ranges(source, len(variations)),
            hashing=Hashing.of(source, key),
            admission=Admission.of(source, groups),
            places=Places.of(source),
            versions=Versions(
                current=count(source.get("bucketVersion")),
                oldest=count(source.get("minBucketVersion")),
            ),
            sticky=not source.get("disableStickyBucketing"),
            draft=source.get("status") == "draft" or source.get("active") is False,
            stopped=source.get("status") == "stopped",
            forced=(index(source["force"]),) if "force" in source else (),
            bandit=bandit,
        )

    def described(self, variation: int) -> Source:
        """What was published about one variation besides its value."""
        return self.meta[variation] if variation < len(self.meta) else {}


def index(value: object) -> int | None:
    """The index of a variation, or None for what cannot be one."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value


def _ranges(source: Source, arms: int) -> tuple[Range, ...]:
    published = source.get("ranges")
    if published is not None:
        return spans(published)
    if arms == 0:
        return ()
    coverage = optional(number, source.get("coverage"), 1.0)
    return bucket_ranges(arms, coverage, optional(numbers, source.get("weights"), None))


def _nobody() -> bool:
    return False
