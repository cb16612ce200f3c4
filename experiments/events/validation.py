"""Whether one event may enter the log, and the form in which it does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_05UP, Context, Decimal
from hashlib import blake2b
from uuid import UUID

import msgspec

from experiments.events.log import EXPOSURE, Json, NewEvent
from experiments.events.store import StoredEvent, to_milliseconds

MAX_AGE = timedelta(days=35)
"""Ids are remembered this long; an older event must name its import."""
MAX_AHEAD = timedelta(minutes=5)
MAX_VALUE = Decimal(10**9)
MAX_PROPERTIES = 64
MAX_PROPERTIES_BYTES = 8 * 1024
MAX_DEPTH = 32
MAX_PHASE = 2**31 - 1
NO_PHASE = 0
FIRST_YEAR = 2000

_ID = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,128}")
_SUBJECT = re.compile(r"[^\x00\ud800-\udfff]{1,256}")
_NAME = re.compile(r"[A-Za-z0-9_.$:/-]{1,64}")
_KEY = re.compile(r"[A-Za-z0-9_.$-]{1,128}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_FINEST = Decimal("1e-18")
_EXACT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event may not enter."""

    code: str
    message: str


def admit(
    event: NewEvent, *, environment_id: UUID, now: datetime, batch_id: str | None
) -> StoredEvent | Refusal:
    """Judge one event at its receipt; `batch_id` frees it from the age limit."""
    occurred_at = event.occurred_at or now
    if occurred_at.tzinfo is None:
        occurred_at = occurred_at.replace(tzinfo=UTC)
    refusal = (
        _refused_name(event)
        or _refused_subject(event)
        or _refused_exposure(event)
        or _refused_phase(event.phase)
        or _refused_value(event.value)
        or _refused_instant(occurred_at, now, imported=batch_id is not None)
    )
    if refusal is not None:
        return refusal
    properties = _properties(event)
    if isinstance(properties, Refusal):
        return properties
    moved = occurred_at > now + MAX_AHEAD
    return StoredEvent(
        environment_id=environment_id,
        id=event.id,
        id_key=id_key(event.id),
        name=event.name,
        user_id=event.user_id,
        anonymous_id=event.anonymous_id,
        account_id=event.account_id,
        occurred_at=to_milliseconds(now if moved else occurred_at),
        clock_moved=moved,
        value=None if event.value is None else _exact_text(event.value),
        properties=properties,
        experiment_key=event.experiment_key,
        variant_key=event.variant_key,
        phase=event.phase or NO_PHASE,
        batch_id=batch_id,
    )


def lacks_variant_only(event: NewEvent) -> bool:
    """Whether this is an exposure that waits for nothing but its variant's key."""
    if event.name != EXPOSURE or event.variant_key is not None:
        return False
    if event.experiment_key is None or not _KEY.fullmatch(event.experiment_key):
        return False
    return _refused_name(event) is None and _refused_subject(event) is None


def id_key(event_id: str) -> int:
    """64 bits by which an id is looked up; ids with equal keys are then compared.

    The leading bits of a UUID, so that time-ordered ids have neighbouring keys and a
    store can prune; else a digest.
    """
    if _UUID.fullmatch(event_id):
        digits = event_id[:8] + event_id[9:13] + event_id[14:18]
        return int(digits, 16) - (1 << 63)
    digest = blake2b(event_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _refused_name(event: NewEvent) -> Refusal | None:
    if not _ID.fullmatch(event.id):
        return Refusal("BAD_ID", "id must be 1 to 128 printable characters.")
    if not _NAME.fullmatch(event.name):
        return Refusal("BAD_NAME", "name must be 1 to 64 of A-Z a-z 0-9 _ . $ : / -")
    return None


def _refused_subject(event: NewEvent) -> Refusal | None:
    subjects = (event.user_id, event.anonymous_id, event.account_id)
    if not any(subject is not None for subject in subjects):
        return Refusal("NO_SUBJECT", "Give userId, anonymousId or accountId.")
    for subject in subjects:
        if subject is not None and not _SUBJECT.fullmatch(subject):
            return Refusal("BAD_SUBJECT", "A subject's id has 1 to 256 characters.")
    return None


def _refused_exposure(event: NewEvent) -> Refusal | None:
    if event.name != EXPOSURE:
        return _refused_context(event)
    if event.experiment_key is None or not _KEY.fullmatch(event.experiment_key):
        return Refusal("NO_EXPERIMENT", "An exposure names its experiment's key.")
    if event.variant_key is None or not _KEY.fullmatch(event.variant_key):
        return Refusal("NO_VARIANT", "An exposure names the variant that was met.")
    return None


def _refused_context(event: NewEvent) -> Refusal | None:
    """Any event may say which variant it happened under, in keys like an exposure's."""
    for key in (event.experiment_key, event.variant_key):
        if key is not None and not _KEY.fullmatch(key):
            return Refusal("BAD_KEY", "experimentKey and variantKey are plain keys.")
    return None


def _refused_phase(phase: int | None) -> Refusal | None:
    if phase is None or 1 <= phase <= MAX_PHASE:
        return None
    return Refusal("BAD_PHASE", "phase is the number of one: 1 or more.")


def _refused_value(value: Decimal | None) -> Refusal | None:
    if value is None:
        return None
    if not value.is_finite():
        return Refusal("BAD_VALUE", "value must be a finite number.")
    if value.adjusted() > MAX_VALUE.adjusted() or value.copy_abs() > MAX_VALUE:
        return Refusal("BAD_VALUE", "value must be within -1e9 and 1e9.")
    return None


def _refused_instant(
    occurred_at: datetime, now: datetime, *, imported: bool
) -> Refusal | None:
    if occurred_at.year < FIRST_YEAR:
        return Refusal("BAD_TIME", f"occurredAt is before the year {FIRST_YEAR}.")
    if not imported and occurred_at < now - MAX_AGE:
        return Refusal(
            "TOO_OLD", f"Older than {MAX_AGE.days} days: send it as an import's batch."
        )
    return None


def _properties(event: NewEvent) -> str | Refusal:
    if not event.properties:
        return "{}"
    if len(event.properties) > MAX_PROPERTIES:
        return Refusal("BAD_PROPERTIES", f"At most {MAX_PROPERTIES} properties.")
    if not all(_KEY.fullmatch(key) for key in event.properties):
        return Refusal("BAD_PROPERTIES", "A property's key has plain characters.")
    try:
        encoded = msgspec.json.encode(event.properties)
    except (TypeError, ValueError, RecursionError):
        return Refusal("BAD_PROPERTIES", "Properties must be plain JSON.")
    unfit = _unfit(event.properties, encoded)
    return encoded.decode() if unfit is None else Refusal("BAD_PROPERTIES", unfit)


def _unfit(properties: Mapping[str, Json], encoded: bytes) -> str | None:
    if len(encoded) > MAX_PROPERTIES_BYTES:
        return f"At most {MAX_PROPERTIES_BYTES} bytes."
    if _NUL.search(encoded):
        return "Text has no NUL."
    openings = encoded.count(b"[") + encoded.count(b"{")
    if openings > MAX_DEPTH and _nests(properties, MAX_DEPTH):
        return f"They nest at most {MAX_DEPTH} deep."
    return None


def _nests(value: object, depth: int) -> bool:
    """Whether a value is nested deeper than this."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return depth == 0 or any(_nests(item, depth - 1) for item in value)


def _exact_text(value: Decimal) -> str:
    # Sent exactly where it has at most 18 decimals. Past them 05UP leaves a digit that
    # no later rounding mistakes for a tie: the value is still rounded only once.
    rounded = value.quantize(_FINEST, rounding=ROUND_05UP, context=_EXACT)
    return f"{rounded:f}"
