"""The analysis plan: checked while it is drafted, completed when a phase keeps it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from core.conditions import compiled
from core.database import AsyncSession
from core.hashing import attribute_text
from core.subjects import ID_ATTRIBUTES
from core.tenancy import Project
from experiments.drafts import Draft
from experiments.eligibility.frozen import Eligibility
from experiments.errors import DesignInvalid
from experiments.models import KEY_LENGTH, NAME_LENGTH
from experiments.plan import (
    MAX_DIMENSIONS,
    MAX_LEVELS,
    MAX_LOOKBACK_DAYS,
    MAX_STRATA_COLUMNS,
    OTHER,
    UNKNOWN,
    AnalysisPlan,
    Dimension,
)
from experiments.readiness.queries import sampled

MAX_OPEN_LEVELS = MAX_LEVELS - 1
"""Levels that a dimension gets from the population: the rest is one more, `other`."""
MAX_PRIOR_DEVIATION = 10.0
LEAST_POWER = 0.5
RESERVED = frozenset({OTHER, UNKNOWN})
_PATH = ("plan",)


def check_plan(plan: AnalysisPlan) -> AnalysisPlan:
    """The plan, if it may be written down.

    Raises:
        DesignInvalid: A number is out of bounds, or a dimension does not fit.
    """
    _check_numbers(plan)
    if len(plan.dimensions) > MAX_DIMENSIONS:
        raise DesignInvalid(
            f"At most {MAX_DIMENSIONS} dimensions.", path=(*_PATH, "dimensions")
        )
    for index, dimension in enumerate(plan.dimensions):
        path = (*_PATH, "dimensions", str(index))
        _check_dimension(dimension, path)
        if dimension.key in {each.key for each in plan.dimensions[:index]}:
            raise DesignInvalid(f"{dimension.key} is there twice.", path=(*path, "key"))
    if columns_of_strata(plan) > MAX_STRATA_COLUMNS:
        raise DesignInvalid(
            f"The strata have {columns_of_strata(plan)} columns, and an estimate is "
            f"adjusted for at most {MAX_STRATA_COLUMNS}: a stratum has one for each "
            "level and one for all others.",
            path=(*_PATH, "dimensions"),
        )
    return plan


def columns_of_strata(plan: AnalysisPlan) -> int:
    """Dummies that the strata make: of k levels, `other` and `unknown` one is the base.

    A stratum without levels gets at least one at the start.
    """
    return sum(max(len(each.levels), 1) + 1 for each in plan.strata)


async def frozen_plan(
    session: AsyncSession,
    draft: Draft,
    *,
    importing: bool,
    environment_id: UUID | None = None,
    eligibility: Eligibility | None = None,
) -> AnalysisPlan | None:
    """The draft's plan as a phase keeps it: every level fixed, in the project's zone.

    A dimension that lists no levels gets the most frequent values among the people on
    record who are eligible; where nobody is, it stays open. An import has no plan:
    its data is there, and is read once.
    """
    if importing:
        return None
    project = await session.get_one(Project, draft.experiment.project_id)
    plan = replace(draft.plan, time_zone=project.time_zone)
    if environment_id is None or all(each.levels for each in plan.dimensions):
        return plan
    seen = await sampled(session, environment_id, draft.experiment.unit)
    condition = compiled((eligibility and eligibility.condition) or {})
    among = [each for each in seen if condition.holds(each)]
    return replace(plan, dimensions=_filled(plan, among))


def _filled(
    plan: AnalysisPlan, among: Collection[Mapping[str, Any]]
) -> tuple[Dimension, ...]:
    """The dimensions with levels; open strata share the columns that are left."""
    spare = MAX_STRATA_COLUMNS - columns_of_strata(plan)
    filled = []
    for each in plan.dimensions:
        if each.levels:
            filled.append(each)
            continue
        limit = min(spare + 1, MAX_OPEN_LEVELS) if each.stratum else MAX_OPEN_LEVELS
        found = levels_seen(among, each.attribute, limit)
        if each.stratum:
            spare -= max(len(found) - 1, 0)
        filled.append(replace(each, levels=found))
    return tuple(filled)


def levels_seen(
    among: Collection[Mapping[str, Any]], attribute: str, limit: int = MAX_OPEN_LEVELS
) -> tuple[str, ...]:
    """An attribute's most frequent values as texts, the first of the alphabet first."""
    texts = (level_text(each.get(attribute)) for each in among)
    counts = Counter(text for text in texts if text is not None)
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    return tuple(sorted(ranked[:limit]))


def level_text(value: object) -> str | None:
    """A trait as a level: a text or number as it is written, a boolean by its word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = "0" if value == 0 else attribute_text(value)
    return text if text is not None and len(text) <= NAME_LENGTH else None


def _check_numbers(plan: AnalysisPlan) -> None:
    bounds: Sequence[tuple[str, bool, str]] = (
        ("alpha", 0 < plan.alpha < 0.5, "Alpha is above 0 and below 0.5."),
        (
            "power",
            LEAST_POWER <= plan.power < 1 and plan.power > plan.alpha,
            f"Power is {LEAST_POWER} or more, and below 1.",
        ),
        ("lookHour", 0 <= plan.look_hour <= 23, "An hour of the day is 0 to 23."),
        (
            "lookbackDays",
            0 <= plan.lookback_days <= MAX_LOOKBACK_DAYS,
            f"Look back 0 to {MAX_LOOKBACK_DAYS} days.",
        ),
        (
            "priorDeviation",
            0 < plan.prior_deviation <= MAX_PRIOR_DEVIATION,
            f"The prior's deviation is above 0 and at most {MAX_PRIOR_DEVIATION:g}.",
        ),
    )
    for field, holds, message in bounds:
        if not holds:
            raise DesignInvalid(message, path=(*_PATH, field))


def _check_dimension(dimension: Dimension, path: tuple[str, ...]) -> None:
    for field in ("key", "attribute"):
        text = getattr(dimension, field)
        if not 0 < len(text) <= KEY_LENGTH or text.strip() != text:
            raise DesignInvalid(
                f"1 to {KEY_LENGTH} characters, without space around them.",
                path=(*path, field),
            )
    if dimension.key.startswith("$"):
        raise DesignInvalid(
            "Names with a $ are the service's own.", path=(*path, "key")
        )
    if dimension.attribute in ID_ATTRIBUTES:
        raise DesignInvalid("An id divides nobody.", path=(*path, "attribute"))
    if len(dimension.levels) > MAX_LEVELS:
        raise DesignInvalid(f"At most {MAX_LEVELS} levels.", path=(*path, "levels"))
    for index, level in enumerate(dimension.levels):
        where = (*path, "levels", str(index))
        if not 0 < len(level) <= NAME_LENGTH:
            raise DesignInvalid(f"1 to {NAME_LENGTH} characters.", path=where)
        if level in RESERVED:
            raise DesignInvalid(f"The level {level} is there by itself.", path=where)
        if level in dimension.levels[:index]:
            raise DesignInvalid(f"{level} is there twice.", path=where)
