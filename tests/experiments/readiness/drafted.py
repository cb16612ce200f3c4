"""Drafts, what surrounds them and what was seen, made up for the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from experiments.assignment.phases import (
    PhaseDefinition,
    Serving,
    VariantDefinition,
)
from experiments.design import Direction, MetricKind, MetricRole, SourceValue, UnitKind
from experiments.drafts import Draft, Measure
from experiments.events.studies import DailyUnits, HistoryValues, SourceHealth
from experiments.events.study_sources import DailyEvents, QaExposure
from experiments.models import Experiment, Metric, Variant
from experiments.readiness.checks import Neighbour
from experiments.readiness.situation import Seen, Situation
from experiments.treatments import TreatmentKind

AT = datetime(2026, 5, 4, 12, tzinfo=UTC)
HERE = UUID(int=7)
PEOPLE = tuple(
    {"id": f"u{number}", "plan": "free" if number % 4 else "pro"}
    for number in range(400)
)


def metric(key: str, number: int, **changes: Any) -> Metric:
    """A conversion."""
    parts: dict[str, Any] = {
        "id": UUID(int=number),
        "project_id": UUID(int=1),
        "key": key,
        "name": key,
        "kind": MetricKind.CONVERSION,
        "event_name": key,
        "value": SourceValue.ONE,
        "direction": Direction.INCREASE,
        "created_at": AT,
    }
    return Metric(**(parts | changes))


def draft(margin: float | None = 0.05, **changes: Any) -> Draft:
    """Four per cent pay; is it five with a shorter form?"""
    parts: dict[str, Any] = {
        "id": UUID(int=2),
        "project_id": UUID(int=1),
        "key": "short-form",
        "name": "Shorter form",
        "treatment": TreatmentKind.FEATURE,
        "unit": UnitKind.USER,
        "statement": "Fewer fields, more sign-ups.",
        "hypothesis_metric": "paid",
        "hypothesis_direction": Direction.INCREASE,
        "minimum_effect": 0.01,
        "planned_units": 15_000,
        "plan": {"stopping": "FIXED_HORIZON"},
        "owner_name": "ada",
        "created_at": AT,
        "updated_at": AT,
    }
    variants = tuple(
        Variant(
            experiment_id=UUID(int=2),
            position=position,
            key=key,
            name=key,
            weight=0.5,
            is_control=position == 0,
            payload={"value": position},
        )
        for position, key in enumerate(("long", "short"))
    )
    measures = (
        Measure(metric("paid", 11), MetricRole.PRIMARY, None),
        Measure(metric("kept", 12), MetricRole.GUARDRAIL, margin),
    )
    columns = parts | changes
    columns["treatment"] = TreatmentKind(columns["treatment"])
    columns["unit"] = UnitKind(columns["unit"])
    return Draft(Experiment(**columns), variants, measures)


def phase(key: str, seed: str, **changes: Any) -> PhaseDefinition:
    """A phase of two arms that splits everyone."""
    parts: dict[str, Any] = {
        "experiment_id": UUID(int=2),
        "experiment_key": key,
        "treatment": TreatmentKind.FEATURE,
        "phase_id": UUID(int=3),
        "number": 1,
        "version": 1,
        "unit": UnitKind.USER,
        "seed": seed,
        "coverage": 1.0,
        "condition": None,
        "variants": (
            VariantDefinition("long", 0.5, True, {"value": 0}, 0),
            VariantDefinition("short", 0.5, False, {"value": 1}, 1),
        ),
        "serving": Serving.SPLIT,
    }
    return PhaseDefinition(**(parts | changes))


def situation(written: Draft | None = None, **changes: Any) -> Situation:
    """The draft alone, with four hundred people on record."""
    parts: dict[str, Any] = {
        "draft": written or draft(),
        "environment_id": HERE,
        "at": AT,
        "definition": phase("short-form", "a" * 16),
        "running": (),
        "neighbours": {},
        "people": PEOPLE,
    }
    return Situation(**(parts | changes))


def beside(
    *, treats: frozenset[str] = frozenset(), primary: str = "other", **changes: Any
) -> dict[str, Any]:
    """What a situation says of one experiment that runs beside the draft."""
    return {
        "running": (phase("beside", "b" * 16, phase_id=UUID(int=4), **changes),),
        "neighbours": {"beside": Neighbour("beside", None, treats, primary)},
    }


def values(share: float, units: int = 2_000) -> HistoryValues:
    """So many units, that share of them with a value of 1."""
    y = np.zeros(units, np.int64)
    y[: round(share * units)] = 1
    order = np.random.default_rng(1).permutation(units)
    ids = np.array([f"u{number}" for number in range(units)], object)
    return HistoryValues(units, ids, y[order], np.zeros(units, np.int64), 0)


def health(**changes: Any) -> SourceHealth:
    """A source whose events come every day, and come whole."""
    days = tuple(DailyEvents(AT - timedelta(days=14 - k), 100) for k in range(14))
    parts: dict[str, Any] = {
        "events": 1_400,
        "last_event_at": AT - timedelta(hours=1),
        "without_person": 0,
        "without_account": 1_400,
        "without_value": 0,
        "days": days,
    }
    return SourceHealth(**(parts | changes))


def trial(variant: str) -> QaExposure:
    """An exposure that somebody tried out."""
    return QaExposure(variant, 3, 1, AT - timedelta(days=1), AT)


def seen(**changes: Any) -> Seen:
    """Two weeks of nine hundred new units a day, and everything in order."""
    parts: dict[str, Any] = {
        "traffic": tuple(
            DailyUnits(AT - timedelta(days=14 - k), 2_000, 900) for k in range(14)
        ),
        "values": {"paid": values(0.04), "kept": values(0.5)},
        "sources": {"paid": health(), "kept": health()},
        "trials": (trial("long"), trial("short")),
    }
    return Seen(**(parts | changes))
