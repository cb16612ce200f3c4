"""Exact state as JSON and back, as a look keeps it.

Sums are written as decimal strings: readers that keep numbers as doubles would lose
digits past 2^53. Those that came later are left out where they are 0, so that what was
written before them reads back the same.
"""

from dataclasses import fields
from typing import Any
from uuid import UUID

import msgspec

from experiments.analysis.effects import Effect
from experiments.events.state import (
    ArmMetricState,
    SegmentState,
    Sums,
    SurvivalState,
)

_ALWAYS = ("n", "y", "yy", "d", "dd", "yd")
_SUMS = tuple(field.name for field in fields(Sums))

Document = dict[str, Any]


def state_document(state: ArmMetricState) -> Document:
    """One arm's state as JSON."""
    return {
        "arm": state.arm,
        "metric_id": str(state.metric_id),
        "raw": _sums_document(state.raw),
        "capped": None if state.capped is None else _sums_document(state.capped),
        "nonzero": state.nonzero,
        "maturing": state.maturing,
        "refused": state.refused,
    }


def state_from(document: Document) -> ArmMetricState:
    """The state that `state_document` wrote."""
    capped = document["capped"]
    return ArmMetricState(
        arm=document["arm"],
        metric_id=UUID(document["metric_id"]),
        raw=_sums_from(document["raw"]),
        capped=None if capped is None else _sums_from(capped),
        nonzero=document["nonzero"],
        maturing=document["maturing"],
        refused=document["refused"],
    )


def segment_document(segment: SegmentState) -> Document:
    """One level of one dimension as JSON."""
    capped = segment.capped
    return {
        "arm": segment.arm,
        "metric_id": str(segment.metric_id),
        "dimension": segment.dimension,
        "level": segment.level,
        "raw": _sums_document(segment.raw),
        "capped": None if capped is None else _sums_document(capped),
        "nonzero": segment.nonzero,
        "refused": segment.refused,
    }


def segment_from(document: Document) -> SegmentState:
    """The level that `segment_document` wrote."""
    capped = document["capped"]
    return SegmentState(
        arm=document["arm"],
        metric_id=UUID(document["metric_id"]),
        dimension=document["dimension"],
        level=document["level"],
        raw=_sums_from(document["raw"]),
        capped=None if capped is None else _sums_from(capped),
        nonzero=document["nonzero"],
        refused=document["refused"],
    )


def survival_document(state: SurvivalState) -> Document:
    """One arm's hazard table as JSON."""
    return {
        "arm": state.arm,
        "metric_id": str(state.metric_id),
        "at_risk": list(state.at_risk),
        "events": list(state.events),
    }


def survival_from(document: Document) -> SurvivalState:
    """The hazard table that `survival_document` wrote."""
    return SurvivalState(
        arm=document["arm"],
        metric_id=UUID(document["metric_id"]),
        at_risk=tuple(document["at_risk"]),
        events=tuple(document["events"]),
    )


def effect_document(effect: Effect) -> Document:
    """A difference that was read from units' values, as JSON."""
    document: Document = msgspec.to_builtins(effect)
    return document


def effect_of_document(document: Document) -> Effect:
    """The difference that `effect_document` wrote."""
    return msgspec.convert(document, Effect)


def _sums_document(sums: Sums) -> dict[str, str]:
    return {
        name: str(getattr(sums, name))
        for name in _SUMS
        if name in _ALWAYS or getattr(sums, name) != 0
    }


def _sums_from(document: dict[str, str]) -> Sums:
    return Sums(**{name: int(value) for name, value in document.items()})
