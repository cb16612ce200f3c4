"""What an evaluation answers, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Json = dict[str, Any]
Documents = Mapping[str, Mapping[str, Any]]


class Source(StrEnum):
    """The step that gave a feature its value."""

    UNKNOWN = "unknownFeature"
    DEFAULT = "defaultValue"
    FORCE = "force"
    OVERRIDE = "override"
    EXPERIMENT = "experiment"
    PREREQUISITE = "prerequisite"
    CYCLE = "cyclicPrerequisite"


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """Which variation one subject gets from one experiment."""

    key: str
    variation_id: int
    value: Any
    in_experiment: bool
    hash_used: bool
    hash_attribute: str
    hash_value: Any
    """The attribute as it came; an empty text where it cannot be hashed."""
    feature_id: str | None = None
    bucket: float | None = None
    name: str | None = None
    passthrough: bool = False
    sticky_bucket_used: bool = False
    bandit: Mapping[str, Any] | None = None
    """What a bandit's client reports with its exposure."""
    documents: Documents = field(default_factory=dict)
    """Sticky documents that this evaluation wrote or changed."""

    def to_json(self) -> Json:
        """The result in the words of the SDKs; what is absent is left out."""
        always = {
            "key": self.key,
            "variationId": self.variation_id,
            "value": self.value,
            "inExperiment": self.in_experiment,
            "hashUsed": self.hash_used,
            "hashAttribute": self.hash_attribute,
            "hashValue": self.hash_value,
            "featureId": self.feature_id,
            "stickyBucketUsed": self.sticky_bucket_used,
        }
        present: Json = {
            name: value
            for name, value in (("bucket", self.bucket), ("name", self.name))
            if value is not None
        }
        if self.passthrough:
            present["passthrough"] = True
        return always | present | dict(self.bandit or {})


@dataclass(frozen=True, slots=True)
class Exposure:
    """One experiment that a client would report having shown."""

    experiment: Mapping[str, Any]
    result: Mapping[str, Any]

    def identity(self) -> tuple[str, ...]:
        """Two exposures that are alike in this are reported once."""
        names = ("hashAttribute", "hashValue", "variationId")
        texts = [str(self.result.get(name)) for name in names]
        return (str(self.experiment.get("key")), *texts)


@dataclass(frozen=True, slots=True)
class FeatureResult:
    """What one subject gets from one feature, and why."""

    value: Any
    source: Source
    rule_id: str = ""
    experiment: Mapping[str, Any] | None = None
    """The experiment as its rule published it."""
    experiment_result: ExperimentResult | None = None
    exposures: tuple[Exposure, ...] = ()
    documents: Documents = field(default_factory=dict)
    """Sticky documents that this evaluation wrote or changed."""

    @property
    def on(self) -> bool:
        """Whether the value counts as on: only null, false, 0 and "" do not."""
        if self.value is None or isinstance(self.value, bool | int | float | str):
            return bool(self.value)
        return True

    def to_json(self) -> Json:
        """The result in the words of the SDKs; what is absent is left out."""
        answer: Json = {
            "value": self.value,
            "on": self.on,
            "off": not self.on,
            "source": str(self.source),
            "ruleId": self.rule_id,
        }
        if self.experiment is not None:
            answer["experiment"] = dict(self.experiment)
        if self.experiment_result is not None:
            answer["experimentResult"] = self.experiment_result.to_json()
        return answer
