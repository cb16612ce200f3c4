"""What may be taken away to check the numbers elsewhere, and how to get them again.

A table is a header and records. From the header and the records of SUMS in their JSON
form, `recompute` gives the numbers of the snapshot again, and the hash of every look.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from experiments.analysis.disclosure import shows_effects
from experiments.analysis.errors import EffectHidden
from experiments.analysis.inputs import CODE_VERSION, look_hash
from experiments.analysis.labels import HorizonState
from experiments.analysis.models import Look, Snapshot
from experiments.analysis.results import (
    Alarm,
    Comparison,
    MetricResult,
    Reading,
    Report,
)
from experiments.analysis.rows import kept_of, line_of
from experiments.analysis.scorecard import looked_at
from experiments.analysis.taken import Taken
from experiments.design import PhaseDesign, design_hash
from experiments.events.study_exports import ExposureRow, ValueRow

Record = dict[str, Any]


class ExportKind(StrEnum):
    """Which table."""

    EXPOSURES = "EXPOSURES"
    """A row for each unit at its first exposure."""
    VALUES = "VALUES"
    """A row for each matured unit of one metric, in steps."""
    SUMS = "SUMS"
    """The exact state that each look read."""
    LOOKS = "LOOKS"
    """What each look made of it."""
    RESULTS = "RESULTS"
    """The readings of the current snapshot."""


BY_UNIT = frozenset({ExportKind.EXPOSURES, ExportKind.VALUES})
"""Tables whose rows are single units."""

_LOOK = (
    "number",
    "metric_id",
    "metric_key",
    "arm",
    "cut",
    "at",
    "watermark",
    "position",
    "horizon",
    "information",
    "alpha_spent",
    "boundary",
    "statistic",
    "precision",
    "estimate",
    "level",
    "p_value",
    "design_hash",
    "inputs_hash",
)
_INSTANTS = frozenset({"cut", "at", "watermark"})


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What exported sums say, and whether they are those that were hashed."""

    metrics: tuple[MetricResult, ...]
    """As the looks have them: without the alarm and the notes of the state now."""
    agrees: bool | None
    """Whether every look's hash comes out again; None for another code version."""


def check_shown(kind: ExportKind, report: Report) -> None:
    """Refuse what would show an effect that the page does not show.

    Raises:
        EffectHidden: No look was taken, or the plan shows effects at the end.
    """
    if kind is not ExportKind.EXPOSURES and not shows_effects(report):
        raise EffectHidden


def header(
    kind: ExportKind,
    design: PhaseDesign,
    snapshot: Snapshot | None,
    report: Report | None,
    *,
    watermark: datetime,
    at: datetime,
    invalid: bool,
) -> Record:
    """Where a table comes from; its first record.

    Args:
        kind: Which table.
        design: The frozen phase.
        snapshot: What the phase shows now; None before the first.
        report: What it says.
        watermark: Up to when the records are complete.
        at: The instant of the export.
        invalid: Whether the results are INVALID, which every copy has to say.
    """
    return {
        "record": "header",
        "kind": kind.value,
        "experiment": design.experiment_key,
        "phase": str(design.phase_id),
        "exported_at": at.isoformat(),
        "watermark": watermark.isoformat(),
        "warning": "INVALID: nothing may be concluded from this" if invalid else None,
        "snapshot": None if snapshot is None else str(snapshot.id),
        "computed_at": None if snapshot is None else snapshot.computed_at.isoformat(),
        "inputs_hash": None if snapshot is None else snapshot.inputs_hash,
        "code_version": None if snapshot is None else snapshot.code_version,
        "design_hash": design_hash(design),
        "design": msgspec.to_builtins(design),
        "alarms": [] if report is None else msgspec.to_builtins(report.alarms),
    }


def exposure_record(row: ExposureRow) -> Record:
    """A unit at its first exposure."""
    return {
        "record": "exposure",
        "kind": row.kind,
        "id": row.id,
        "arm": row.arm,
        "exposed_at": row.exposed_at.isoformat(),
        "in_gap": row.in_gap,
        "linked": row.linked,
        "conflicted": row.conflicted,
        "joined": row.joined,
    }


def value_record(metric_key: str, row: ValueRow) -> Record:
    """A matured unit's value; steps are whole numbers beyond what a double holds."""
    return {
        "record": "value",
        "metric": metric_key,
        "kind": row.kind,
        "id": row.id,
        "arm": row.arm,
        "y": str(row.y),
        "d": str(row.d),
        "capped_y": str(row.capped_y),
        "refused": row.refused,
        "x": str(row.x),
        "w": str(row.w),
        "m": row.m,
    }


def look_record(look: Look, *, state: bool) -> Record:
    """What a look made of one metric in one arm, with the state behind it or not."""
    found = {name: _plain(getattr(look, name)) for name in _LOOK}
    record = {"record": "look", **found}
    return record | {"state": look.state} if state else record


def sum_records(looks: Sequence[Look]) -> Iterator[Record]:
    """The states of looks as a flat table: a row for each sum, each of them once."""
    seen: set[tuple[object, ...]] = set()
    for look in looks:
        parts = [(look.state[side], "*", "*") for side in ("control", "treatment")]
        parts += [
            (each, each["dimension"], each["level"])
            for each in look.state.get("segments", ())
        ]
        for part, dimension, level in parts:
            place = (look.number, look.metric_key, part["arm"], dimension, level)
            if place in seen:
                continue
            seen.add(place)
            for values in ("raw", "capped"):
                if part[values] is not None:
                    yield {
                        "record": "sums",
                        "look": look.number,
                        "metric": look.metric_key,
                        "arm": part["arm"],
                        "dimension": dimension,
                        "level": level,
                        "values": values,
                        "nonzero": part["nonzero"],
                        **part[values],
                    }


def result_records(metrics: Iterable[MetricResult]) -> Iterator[Record]:
    """The readings of a snapshot as a flat table."""
    for metric in metrics:
        for comparison in metric.comparisons:
            yield {
                "record": "result",
                "metric": metric.key,
                "role": metric.role.value,
                "arm": comparison.arm,
                "look": comparison.look,
                "verdict": comparison.verdict.value,
                "guardrail": _plain(comparison.guardrail),
                **_reading("", comparison.decisive),
                **_valid(comparison),
                **_reading("raw_", comparison.raw),
            }


def recompute(records: Iterable[Mapping[str, Any]]) -> Recomputed:
    """The numbers again, from a SUMS export in its JSON form.

    Args:
        records: The header, then the looks with their states.

    Raises:
        ValueError: The first record is no header, or another one is no look.
    """
    found = iter(records)
    top = next(found, None)
    if top is None or top.get("record") != "header":
        raise ValueError("An export begins with its header.")
    design = msgspec.convert(top["design"], PhaseDesign)
    looks = [_look_from(record) for record in found]
    kept = kept_of(looks)
    taken = Taken(tuple(line_of(look) for look in looks), kept)
    alarms = msgspec.convert(top["alarms"], tuple[Alarm, ...])
    metrics = {metric.metric_id: metric for metric in design.metrics}
    agrees = None
    if top["code_version"] == CODE_VERSION:
        agrees = all(
            look_hash(design, metrics[look.metric_id], kept[look.number], look.arm)
            == look.inputs_hash
            for look in looks
        )
    return Recomputed(looked_at(design, taken, alarms, waiting_for=None), agrees)


def _look_from(record: Mapping[str, Any]) -> Look:
    if record.get("record") != "look" or "state" not in record:
        raise ValueError("After the header there are looks with their states.")
    values = {name: record[name] for name in _LOOK}
    for name in _INSTANTS:
        values[name] = datetime.fromisoformat(values[name])
    horizon = values["horizon"]
    values["horizon"] = None if horizon is None else HorizonState(horizon)
    values["metric_id"] = UUID(values["metric_id"])
    return Look(**values, state=record["state"])


def _reading(prefix: str, reading: Reading) -> Record:
    return {
        f"{prefix}method": _plain(reading.method),
        f"{prefix}control_n": reading.control.n,
        f"{prefix}control_mean": reading.control.mean,
        f"{prefix}treatment_n": reading.treatment.n,
        f"{prefix}treatment_mean": reading.treatment.mean,
        f"{prefix}absolute": reading.absolute,
        f"{prefix}standard_error": reading.standard_error,
        f"{prefix}ci_low": reading.low,
        f"{prefix}ci_high": reading.high,
        f"{prefix}p_value": reading.p_value,
    }


def _valid(comparison: Comparison) -> Record:
    valid, corrected = comparison.valid, comparison.unbiased
    return {
        "valid_method": None if valid is None else valid.method.value,
        "valid_ci_low": None if valid is None else valid.low,
        "valid_ci_high": None if valid is None else valid.high,
        "valid_p_value": None if valid is None else valid.p_value,
        "unbiased": None if corrected is None else corrected.value,
        "unbiased_ci_low": None if corrected is None else corrected.low,
        "unbiased_ci_high": None if corrected is None else corrected.high,
    }


def _plain(value: Any) -> Any:
    """A column's value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    return str(value) if isinstance(value, UUID) else value
