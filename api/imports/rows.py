"""Rows of a table become events with ids of their own. Pure."""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from api.imports.mapping import Mapping, OutcomePart, instant
from experiments.design import SourceValue, UnitKind
from experiments.events.log import EXPOSURE

NO_EVENT = frozenset({"", "0", "0.0", "false", "f", "no", "n", "null", "na", "none"})
MAX_FIELD_BYTES = 1_048_576

csv.field_size_limit(MAX_FIELD_BYTES)


class RowWrong(Exception):
    """A row cannot be read; the message names its line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One unit of the table."""

    line: int
    unit: str
    arm: str
    exposed_at: datetime
    outcomes: tuple[tuple[OutcomePart, Decimal], ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """What a first pass over the table found."""

    units: int
    by_arm: dict[str, int]
    first_exposure: datetime
    events: int
    digest: str
    """SHA-256 of the file: the same table again is the same batch."""


def read(path: Path, mapping: Mapping) -> Iterator[Row]:
    """The rows of a CSV file, checked one by one.

    Raises:
        RowWrong: A column is missing or a value cannot be what the mapping says.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restkey="")
        missing = set(mapping.needed_columns) - set(reader.fieldnames or ())
        if missing:
            raise RowWrong(f"The table has no column {', '.join(sorted(missing))}.")
        arms = {arm.value: arm.key for arm in mapping.arms}
        for cells in reader:
            yield _row(reader.line_num, cells, mapping, arms)


def overview(path: Path, mapping: Mapping) -> Overview:
    """Read the whole table once, so that nothing is sent of a broken one.

    Raises:
        RowWrong: As `read`; also if a unit occurs twice, or there are no rows.
    """
    seen: set[str] = set()
    by_arm = {arm.key: 0 for arm in mapping.arms}
    first, events = None, 0
    for row in read(path, mapping):
        if row.unit in seen:
            raise RowWrong(f"Line {row.line}: the unit {row.unit} occurs twice.")
        seen.add(row.unit)
        by_arm[row.arm] += 1
        events += 1 + len(row.outcomes)
        first = row.exposed_at if first is None else min(first, row.exposed_at)
    if first is None:
        raise RowWrong("The table has no rows.")
    return Overview(len(seen), by_arm, first, events, _digest(path))


def events_of(row: Row, mapping: Mapping) -> list[dict[str, Any]]:
    """A row's exposure and outcomes, as the events endpoint takes them."""
    key = mapping.experiment.key
    of_account = mapping.experiment.unit is UnitKind.ACCOUNT
    subject = {"accountId" if of_account else "userId": row.unit}
    exposure = {
        "id": f"{key}:{row.unit}",
        "name": EXPOSURE,
        **subject,
        "at": _text(row.exposed_at),
        "experimentKey": key,
        "variantKey": row.arm,
    }
    outcomes = [
        {
            "id": f"{key}:{row.unit}:{outcome.column}",
            "name": outcome.event,
            **subject,
            "at": _text(row.exposed_at + outcome.offset),
            **({"value": str(value)} if _carries(outcome) else {}),
        }
        for outcome, value in row.outcomes
    ]
    return [exposure, *outcomes]


def batches(
    rows: Iterable[Row], mapping: Mapping, size: int
) -> Iterator[list[dict[str, Any]]]:
    """All events in order, in lists of about `size`."""
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch += events_of(row, mapping)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(
    line: int, cells: dict[str, str], mapping: Mapping, arms: dict[str, str]
) -> Row:
    unit = (cells[mapping.columns.unit] or "").strip()
    arm = arms.get((cells[mapping.columns.arm] or "").strip())
    if not unit:
        raise RowWrong(f"Line {line}: no unit.")
    if arm is None:
        found = cells[mapping.columns.arm]
        raise RowWrong(f"Line {line}: no arm of the mapping has the value {found!r}.")
    outcomes = []
    for outcome in mapping.outcomes:
        happened = _value(line, outcome, cells[outcome.column] or "")
        if happened is not None:
            outcomes.append((outcome, happened))
    exposed_at = _exposed_at(line, unit, cells, mapping)
    return Row(line, unit, arm, exposed_at, tuple(outcomes))


def _exposed_at(
    line: int, unit: str, cells: dict[str, str], mapping: Mapping
) -> datetime:
    exposure = mapping.exposure
    if exposure.column is not None:
        try:
            return instant(cells[exposure.column] or "")
        except ValueError as error:
            raise RowWrong(
                f"Line {line}: {cells[exposure.column]!r} is no instant."
            ) from error
    if exposure.at is None:
        raise RowWrong("The mapping says nothing of exposure times.")
    if exposure.until is None:
        return exposure.at
    # Spread by the unit's own hash: independent of the row's place, and of its arm.
    share = int.from_bytes(hashlib.sha256(unit.encode()).digest()[:6]) / 2**48
    return exposure.at + (exposure.until - exposure.at) * share


def _value(line: int, outcome: OutcomePart, text: str) -> Decimal | None:
    """What the event carries; None if the cell says that nothing happened."""
    plain = text.strip()
    if plain.lower() in NO_EVENT:
        return None
    if not _carries(outcome):
        return Decimal(1)
    try:
        value = Decimal(plain)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise RowWrong(f"Line {line}: {outcome.column} is {text!r}, no number.")
    return value or None


def _carries(outcome: OutcomePart) -> bool:
    return outcome.value is SourceValue.VALUE


def _text(at: datetime) -> str:
    shown = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return shown.replace("+00:00", "Z")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
