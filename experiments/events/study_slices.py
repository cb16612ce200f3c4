"""Who was exposed, by what the first exposure said of them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from experiments.events import definitions
from experiments.events.store import Session, from_milliseconds
from experiments.events.study_rows import read
from experiments.plan import OTHER, UNKNOWN

DAY = "$day"
"""The attribute whose levels are UTC days of first exposure."""
ALWAYS = ("sdk", "sdk_version", "app_version", "country", "device")
MAX_ATTRIBUTES = 20
MAX_LEVELS = 20
MAX_DAYS = 3_000

_ATTRIBUTE = re.compile(r"[A-Za-z0-9_.$-]{1,128}")


@dataclass(frozen=True, slots=True)
class Slice:
    """The units of one arm in one level of an attribute.

    The most frequent MAX_LEVELS are named, the rest is `other`, and `unknown` are
    those whose exposure did not say.
    """

    attribute: str
    level: str
    arm: str
    units: int


async def slices(
    session: Session, phase_id: UUID, attributes: Sequence[str]
) -> tuple[Slice, ...]:
    """Count counted units by each attribute of ALWAYS, these ones, and DAY.

    Raises:
        UnknownPhase: The phase was never published.
        ValueError: There are more than MAX_ATTRIBUTES, or one that no event can have.
        TooManyRows: The phase has run for longer than MAX_DAYS / arms days.
    """
    design, _ = await definitions.find(session, phase_id)
    asked = [key for key in dict.fromkeys((*ALWAYS, *attributes)) if key != DAY]
    if len(asked) > MAX_ATTRIBUTES:
        raise ValueError(f"At most {MAX_ATTRIBUTES} attributes, not {len(asked)}.")
    for key in asked:
        if not _ATTRIBUTE.fullmatch(key):
            raise ValueError(f"{key!r} is the name of no property.")
    found: list[Slice] = []
    for key in asked:
        counts: Counter[tuple[str, str]] = Counter()
        for level, arm, units in await session.run(
            "study_slices",
            environment_id=design.environment_id,
            experiment_key=design.experiment_key,
            phase_id=phase_id,
            attribute=key,
            levels=MAX_LEVELS,
            other=OTHER,
            unknown=UNKNOWN,
        ):
            counts[level, arm] += int(units)
        found += [Slice(key, *place, units) for place, units in sorted(counts.items())]
    days = await read(session, "study_slices_day", limit=MAX_DAYS, phase_id=phase_id)
    found += [
        Slice(DAY, from_milliseconds(day).date().isoformat(), arm, int(units))
        for day, arm, units in days
    ]
    return tuple(found)
