"""One evaluation: who asks, what is known so far, and what it leaves behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.hashing import attribute_text
from experiments.assignment.language.results import Documents, Exposure, FeatureResult

if TYPE_CHECKING:
    from experiments.assignment.language.features import Feature

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Context:
    """Who asks, and how the client that asks is set up."""

    attributes: Attributes = field(default_factory=dict)
    url: str = ""
    enabled: bool = True
    qa_mode: bool = False
    forced_variations: Mapping[str, Any] = field(default_factory=dict)
    """Index of a variation, by experiment key."""
    forced_features: Mapping[str, Any] = field(default_factory=dict)
    """Value, by feature key."""
    sticky_documents: Documents | None = None
    """Documents by `attribute||value`; None where buckets are not sticky at all."""
    groups: Mapping[str, Any] = field(default_factory=dict)
    """Old named groups that the subject is in; not saved groups."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The attribute that is hashed, its value as it came, and its text."""

    attribute: str
    value: Any
    text: str | None
    """None where the attribute cannot be hashed."""


@dataclass(slots=True)
class Evaluation:
    """The working memory of one call; the definitions and the context stay as is."""

    context: Context
    features: Mapping[str, "Feature"]
    written: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    exposures: list[Exposure] = field(default_factory=list)
    settled: dict[str, FeatureResult] = field(default_factory=dict)
    """Features already answered, so that shared prerequisites cost once."""
    path: list[str] = field(default_factory=list)
    """Features that wait for a prerequisite."""

    @property
    def attributes(self) -> Attributes:
        """The subject's attributes."""
        return self.context.attributes

    @property
    def sticky(self) -> bool:
        """Whether buckets are sticky for this client."""
        return self.context.sticky_documents is not None

    def document(self, key: str) -> Mapping[str, Any]:
        """A sticky document as this evaluation has left it, or an empty one."""
        written = self.written.get(key)
        if written is not None:
            return written
        stored = (self.context.sticky_documents or {}).get(key)
        return stored if isinstance(stored, Mapping) else {}

    def reported(self) -> tuple[Exposure, ...]:
        """The exposures, each once, in order."""
        return tuple({each.identity(): each for each in self.exposures}.values())


def identified(
    attributes: Attributes, attribute: str, fallback: str | None = None
) -> Identity:
    """What is hashed: the attribute, else the fallback where that can be hashed."""
    for found in (attribute, fallback):
        if found is not None:
            value = attributes.get(found)
            printed = attribute_text(value)
            if printed is not None:
                return Identity(found, value, printed)
    return Identity(attribute, "", None)
