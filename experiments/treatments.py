"""What an arm does: a feature's value, a freemium limit or an onboarding flow."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

import msgspec

from experiments.errors import TreatmentInvalid

MAX_BYTES = 8 * 1024
MAX_LONG = 2**53 - 1
WARN_AT_PERCENT = (80, 95)

Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,128}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Long = Annotated[int, msgspec.Meta(ge=0, le=MAX_LONG)]
Percent = Annotated[int, msgspec.Meta(ge=1, le=200)]
Document: TypeAlias = dict[str, Any]


class TreatmentKind(StrEnum):
    """What the arms of an experiment vary."""

    ONBOARDING_FLOW = "ONBOARDING_FLOW"
    FREEMIUM_LIMIT = "FREEMIUM_LIMIT"
    FEATURE = "FEATURE"


class LimitKind(StrEnum):
    """What a limit holds back."""

    STOCK = "STOCK"
    FLOW = "FLOW"
    FEATURE_SET = "FEATURE_SET"
    TIME_BOX = "TIME_BOX"


class LimitWindow(StrEnum):
    """How long a flow of usage is counted before it starts again."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


class Enforcement(StrEnum):
    """What happens at the limit."""

    SOFT = "SOFT"
    HARD = "HARD"
    GRACE = "GRACE"


class StepKind(StrEnum):
    """How a step of a flow is presented."""

    WALKTHROUGH = "WALKTHROUGH"
    TOOLTIP = "TOOLTIP"
    LIGHTBOX = "LIGHTBOX"
    LANDING_PAD = "LANDING_PAD"
    BLANK_SLATE = "BLANK_SLATE"
    KNOWLEDGE_BASE = "KNOWLEDGE_BASE"
    EMAIL = "EMAIL"
    HUMAN = "HUMAN"


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A part of a payload: checked when it is read, camelCase when it is written."""


class Feature(Part, frozen=True):
    """Any JSON value of at most 8 KiB."""

    value: Any


class Disclosure(Part, frozen=True):
    """What a person is told of a limit before meeting it."""

    text: Text


class Limit(Part, frozen=True):
    """A freemium limit; a null value is no limit."""

    meter: Key
    kind: LimitKind
    value: Long | None = None
    window: LimitWindow | None = None
    enforcement: Enforcement = Enforcement.HARD
    warn_at_percent: Annotated[tuple[Percent, ...], msgspec.Meta(max_length=10)] = (
        WARN_AT_PERCENT
    )
    features: Annotated[dict[Key, bool], msgspec.Meta(max_length=100)] = {}
    disclosure: Disclosure | None = None


class FlowStep(Part, frozen=True):
    """One step of an onboarding flow, done when its event arrives."""

    key: Key
    kind: StepKind
    title: Text
    required: bool = True
    completion_event: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Flow(Part, frozen=True):
    """A version of an onboarding flow."""

    flow: Key
    version: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    steps: Annotated[tuple[FlowStep, ...], msgspec.Meta(min_length=1, max_length=50)]


Treatment: TypeAlias = Feature | Limit | Flow

_TYPES: dict[TreatmentKind, type[Feature] | type[Limit] | type[Flow]] = {
    TreatmentKind.FEATURE: Feature,
    TreatmentKind.FREEMIUM_LIMIT: Limit,
    TreatmentKind.ONBOARDING_FLOW: Flow,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a payload stands in the input, for the path of a refusal."""

    path: tuple[str, ...]

    def refuse(self, message: str, *where: str) -> TreatmentInvalid:
        return TreatmentInvalid(message, path=(*self.path, *where))


def treatment_of(
    kind: TreatmentKind, payload: Document, *, path: tuple[str, ...] = ()
) -> Treatment:
    """Read a payload.

    Raises:
        TreatmentInvalid: It does not fit the kind, or is larger than 8 KiB.
    """
    place = _Place(path)
    if len(json.dumps(payload, ensure_ascii=False).encode()) > MAX_BYTES:
        raise place.refuse(f"A payload has at most {MAX_BYTES} bytes.")
    try:
        treatment = msgspec.convert(payload, _TYPES[kind], strict=True)
    except msgspec.ValidationError as error:
        raise place.refuse(f"This is no {kind}: {error}.") from None
    if isinstance(treatment, Limit):
        _check_limit(treatment, place)
    elif isinstance(treatment, Flow):
        _check_flow(treatment, place)
    return treatment


def document_of(treatment: Treatment) -> Document:
    """The payload as it is stored and served."""
    document: Document = msgspec.to_builtins(treatment)
    return document


def served_value(kind: TreatmentKind, payload: Document) -> Any:
    """What a flag client receives for a payload."""
    if kind is TreatmentKind.FEATURE:
        return payload["value"]
    if kind is TreatmentKind.ONBOARDING_FLOW:
        return {"flow": payload["flow"], "version": payload["version"]}
    if payload["kind"] == LimitKind.FEATURE_SET:
        return payload["features"]
    return payload["value"]


def _check_limit(limit: Limit, place: _Place) -> None:
    if (limit.window is not None) is not (limit.kind is LimitKind.FLOW):
        raise place.refuse("A FLOW limit, and no other, has a window.", "window")
    if limit.kind is LimitKind.FEATURE_SET:
        if not limit.features or limit.value is not None:
            raise place.refuse("A FEATURE_SET names features, no value.", "features")
    elif limit.features:
        raise place.refuse("Only a FEATURE_SET names features.", "features")
    if limit.kind is LimitKind.TIME_BOX and not limit.value:
        raise place.refuse("A TIME_BOX has a number of days.", "value")


def _check_flow(flow: Flow, place: _Place) -> None:
    keys = [step.key for step in flow.steps]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise place.refuse(f"Two steps have the key {key}.", "steps", str(index))
