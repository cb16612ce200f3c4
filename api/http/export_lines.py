"""A table as it is sent: its header, then its records page after page."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from api.context import Context
from experiments.analysis import queries as published
from experiments.analysis.exports import (
    ExportKind,
    Record,
    exposure_record,
    header,
    look_record,
    result_records,
    sum_records,
    value_record,
)
from experiments.analysis.queries import Published
from experiments.analysis.results import Report
from experiments.design import MetricDesign, PhaseDesign

PAGE = 5_000

TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""
_SUMS = ("n", "y", "yy", "d", "dd", "yd", "x", "xx", "yx", "dx", "w", "ww")
_MORE_SUMS = ("yw", "dw", "xw", "m", "ym", "dm")


@dataclass(frozen=True, slots=True)
class Export:
    """One table that may be sent."""

    context: Context
    kind: ExportKind
    design: PhaseDesign
    metric: MetricDesign | None
    shown: Published | None
    report: Report | None
    watermark: datetime
    at: datetime

    @property
    def invalid(self) -> bool:
        """Whether every copy has to say that it may not be believed."""
        return self.shown is not None and self.shown.is_invalid

    def header(self) -> Record:
        """Where it comes from."""
        return header(
            self.kind,
            self.design,
            None if self.shown is None else self.shown.snapshot,
            self.report,
            watermark=self.watermark,
            at=self.at,
            invalid=self.invalid,
        )


async def lines_of(export: Export, suffix: str) -> AsyncIterator[bytes]:
    """The whole file, a page at a time."""
    if suffix == "jsonl":
        yield msgspec.json.encode(export.header()) + b"\n"
        async for page in _pages(export, states=True):
            yield b"".join(msgspec.json.encode(each) + b"\n" for each in page)
        return
    columns: tuple[str, ...] = ()
    yield _comments(export.header())
    async for page in _pages(export, states=False):
        rows = list(page)
        if rows and not columns:
            columns = _columns(export.kind, rows[0])
            yield _csv([columns])
        yield _csv([[_cell(row.get(name)) for name in columns] for row in rows])


async def _pages(export: Export, *, states: bool) -> AsyncIterator[Iterable[Record]]:
    """The records after the header, as many at once as are held in memory."""
    if export.kind is ExportKind.EXPOSURES:
        async for page in _exposures(export):
            yield page
    elif export.kind is ExportKind.VALUES:
        async for page in _values(export):
            yield page
    elif export.kind is ExportKind.RESULTS:
        yield () if export.report is None else result_records(export.report.metrics)
    else:
        async for page in _looks(export, states=states):
            yield page


async def _exposures(export: Export) -> AsyncIterator[Iterable[Record]]:
    after, full = None, True
    while full:
        rows = await export.context.log.studies.exposures(
            export.design.phase_id, after=after, limit=PAGE
        )
        yield [exposure_record(row) for row in rows]
        full = len(rows) == PAGE
        after = rows[-1].cursor if rows else None


async def _values(export: Export) -> AsyncIterator[Iterable[Record]]:
    metric = export.metric
    if metric is None:
        return
    after, full = None, True
    while full:
        rows = await export.context.log.studies.values(
            export.design.phase_id, metric.metric_id, after=after, limit=PAGE
        )
        yield [value_record(metric.key, row) for row in rows]
        full = len(rows) == PAGE
        after = rows[-1].cursor if rows else None


async def _looks(export: Export, *, states: bool) -> AsyncIterator[Iterable[Record]]:
    """One look at a time, as far as the snapshot knows them."""
    looks = () if export.report is None else export.report.looks
    for look in looks:
        async with export.context.readers() as session:
            rows = await published.looks_numbered(
                session, export.design.phase_id, look.number
            )
        if export.kind is ExportKind.LOOKS:
            yield [look_record(row, state=False) for row in rows]
        elif states:
            yield [look_record(row, state=True) for row in rows]
        else:
            yield sum_records(rows)


def _columns(kind: ExportKind, first: Record) -> tuple[str, ...]:
    named = tuple(name for name in first if name not in (*_SUMS, *_MORE_SUMS))
    if kind is ExportKind.SUMS:
        return tuple(name for name in (*named, *_SUMS, *_MORE_SUMS) if name != "record")
    return tuple(name for name in first if name != "record")


def _comments(found: Record) -> bytes:
    """The header of a CSV: lines that begin with #, and no design."""
    lines = [
        f"# {name}: {value}"
        for name, value in found.items()
        if name not in ("record", "design", "alarms") and value is not None
    ]
    return ("\r\n".join(lines) + "\r\n").encode()


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet runs; the JSON form has texts as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA) and not _number(value):
        return f"'{value}"
    return value


def _number(value: str) -> bool:
    return re.fullmatch(r"[+-]?\d+", value) is not None


def headers_of(export: Export, suffix: str) -> dict[str, str]:
    """What a response says of the file."""
    shown, design = export.shown, export.design
    name = re.sub(r"[^A-Za-z0-9._-]", "_", design.experiment_key)
    file = f"{name}-{design.number}-{export.kind.value.lower()}.{suffix}"
    found = {
        "content-type": TYPES[suffix],
        "content-disposition": f'attachment; filename="{file}"',
        "cache-control": "no-store",
        "x-hone-watermark": export.watermark.isoformat(),
    }
    if shown is not None:
        found["x-hone-inputs-hash"] = shown.snapshot.inputs_hash
    if export.invalid:
        found["x-hone-invalid"] = "true"
    return found
