"""Segments: groups that targeting names, written out when a phase starts."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import select

from core.audit import Actor
from core.clock import now
from core.conditions import ConditionInvalid, hardened, validated
from core.database import AsyncSession
from core.problems import StaleVersion
from core.subjects import MAX_ID
from experiments.eligibility import queries
from experiments.eligibility.segments import SegmentRule, behind, written_out
from experiments.errors import (
    OutOfUse,
    SegmentCycle,
    SegmentInUse,
    SegmentInvalid,
    SegmentUnknown,
)
from experiments.lifecycle import HOLDING, LIVE
from experiments.models import KEY_LENGTH, Segment
from experiments.service.authorship import note_segment_author
from experiments.service.keys import keep
from experiments.service.locking import hold_project
from experiments.service.parts import check_key, checked_name
from experiments.service.recording import record

MAX_LISTED = 5_000


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """Values of an attribute, or a condition."""

    attribute: str | None = None
    listed: Sequence[str] | None = None
    condition: Mapping[str, Any] | None = None


async def create_segment(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    key: str,
    name: str,
    spec: SegmentSpec,
) -> Segment:
    """Name a group, so that targeting may.

    Raises:
        DesignInvalid: The key or the name is out of bounds.
        SegmentInvalid: It is neither a list nor a condition, or is too large.
        SegmentUnknown: Its condition names a segment that there is not.
        SegmentCycle: Its condition names the segment itself.
        ConditionInvalid: Its condition cannot be evaluated.
        KeyTaken: The project has a segment with this key.
        KeyReserved: It had one, which was archived.
    """
    check_key(key)
    await hold_project(session, project_id)
    at = await now(session)
    segment = Segment(
        project_id=project_id,
        key=key,
        name=checked_name(name or key),
        created_at=at,
        updated_at=at,
        **await _content(session, project_id, key, spec),
    )
    await keep(session, segment)
    await record(session, segment, "segment.create", actor=actor, after=facts(segment))
    return segment


async def update_segment(
    session: AsyncSession,
    *,
    project_id: UUID,
    segment_id: UUID,
    expected_version: int,
    actor: Actor,
    name: str | None = None,
    spec: SegmentSpec | None = None,
) -> Segment:
    """Change who is in it, for phases that start from now on.

    Whoever does has a hand in the unstarted designs that are for it.

    Raises:
        SegmentAbsent: There is none in the project.
        SegmentInvalid: A list would become a condition, or the other way round.
        OutOfUse: It was archived.
        StaleVersion: Somebody changed it since.
    """
    segment = await _read(session, project_id, segment_id, expected_version)
    before = facts(segment)
    if name is not None:
        segment.name = checked_name(name)
    if spec is not None:
        if (spec.condition is None) is not (segment.condition is None):
            raise SegmentInvalid("A list stays a list, and a condition a condition.")
        content = await _content(session, project_id, segment.key, spec)
        for column, value in content.items():
            setattr(segment, column, value)
        await note_segment_author(session, segment, actor)
    return await _write(session, actor, "segment.update", segment, before)


async def archive_segment(
    session: AsyncSession,
    *,
    project_id: UUID,
    segment_id: UUID,
    expected_version: int,
    actor: Actor,
) -> Segment:
    """Take it out of use; its key stays reserved, and running phases keep theirs.

    Raises:
        SegmentAbsent: There is none in the project.
        SegmentInUse: A draft or another segment names it.
        OutOfUse: It was archived before.
        StaleVersion: Somebody changed it since.
    """
    segment = await _read(session, project_id, segment_id, expected_version)
    uses = (
        await queries.uses_of(
            session,
            project_id=project_id,
            keys=[segment.key],
            statuses=HOLDING - LIVE,
        )
    )[segment.key]
    if users := (*uses.experiments, *uses.segments):
        raise SegmentInUse(f"It is named by {', '.join(users[:5])}.")
    before = facts(segment)
    segment.archived_at = await now(session)
    return await _write(session, actor, "segment.archive", segment, before)


async def spelled_out(
    session: AsyncSession,
    *,
    project_id: UUID,
    source: Mapping[str, Any],
    path: tuple[str, ...],
) -> tuple[dict[str, Any], tuple[SegmentRule, ...]]:
    """A condition with its segments written out, and the segments that it came to.

    It comes in the form that every dialect reads alike.

    Raises:
        SegmentUnknown: It names a segment that is not in use.
        SegmentCycle: A segment leads back to itself.
        ConditionInvalid: It cannot be evaluated.
    """
    rules = await queries.segments_behind(session, project_id=project_id, source=source)
    return spelled(source, rules, path=path)


def spelled(
    source: Mapping[str, Any],
    rules: Mapping[str, SegmentRule],
    *,
    path: tuple[str, ...],
) -> tuple[dict[str, Any], tuple[SegmentRule, ...]]:
    """The same from segments that were read before, for several conditions at once.

    Raises:
        SegmentUnknown, SegmentCycle, ConditionInvalid: As `spelled_out`.
    """
    own = behind(source, rules)
    condition = _evaluable(source, own, path)
    return condition, tuple(sorted(own.values(), key=lambda rule: rule.key))


def facts(segment: Segment) -> dict[str, Any]:
    """What the audit trail remembers of a segment: of listed values their digest.

    They may be ids of people, whom the trail outlives.
    """
    listed = json.dumps(segment.listed, ensure_ascii=False)
    kept = segment.model_dump(mode="json", exclude={"id", "project_id", "listed"})
    digest = hashlib.sha256(listed.encode("utf-8", "surrogatepass")).hexdigest()
    return kept | {"values": len(segment.listed), "digest": digest}


def _evaluable(
    source: Mapping[str, Any],
    rules: Mapping[str, SegmentRule],
    path: tuple[str, ...],
    *,
    within: str | None = None,
) -> dict[str, Any]:
    try:
        condition = written_out(source, rules, within=within)
        validated(condition)
    except (ConditionInvalid, SegmentCycle, SegmentUnknown) as error:
        error.path = (*path, *error.path)
        raise
    return hardened(condition)


async def _content(
    session: AsyncSession, project_id: UUID, key: str, spec: SegmentSpec
) -> dict[str, Any]:
    """The columns that say who is in it."""
    if spec.condition is None:
        return _list_of(spec)
    if spec.attribute is not None or spec.listed is not None:
        raise SegmentInvalid("A segment is a list or a condition, not both.")
    source, path = dict(spec.condition), ("condition",)
    if not source:
        raise SegmentInvalid("A condition without a part holds for all.", path=path)
    rules = await queries.segments_behind(session, project_id=project_id, source=source)
    # Named by itself it would be found as it is now, or not at all.
    own = SegmentRule(key=key, version=0, condition=source)
    _evaluable(source, {**rules, key: own}, path, within=key)
    return {"attribute": None, "listed": [], "condition": source}


def _list_of(spec: SegmentSpec) -> dict[str, Any]:
    attribute, listed = spec.attribute, list(dict.fromkeys(spec.listed or ()))
    if not attribute or len(attribute) > KEY_LENGTH or attribute.startswith("$"):
        raise SegmentInvalid("Name the attribute of the values.", path=("attribute",))
    if not 0 < len(listed) <= MAX_LISTED:
        raise SegmentInvalid(f"List 1 to {MAX_LISTED:,} values.", path=("values",))
    for index, value in enumerate(listed):
        if not 0 < len(value) <= MAX_ID:
            raise SegmentInvalid(
                f"A value has 1 to {MAX_ID} characters.", path=("values", str(index))
            )
    return {"attribute": attribute, "listed": listed, "condition": None}


async def _read(
    session: AsyncSession, project_id: UUID, segment_id: UUID, expected: int
) -> Segment:
    await queries.segment_by_id(session, project_id=project_id, segment_id=segment_id)
    await hold_project(session, project_id)
    found = await session.exec(
        select(Segment)
        .where(Segment.id == segment_id)
        .execution_options(populate_existing=True)
    )
    segment = found.one()
    if segment.version != expected:
        raise StaleVersion(segment.version)
    if segment.archived_at is not None:
        raise OutOfUse(f"The segment {segment.key} is archived.")
    return segment


async def _write(
    session: AsyncSession,
    actor: Actor,
    action: str,
    segment: Segment,
    before: dict[str, Any],
) -> Segment:
    segment.version += 1
    segment.updated_at = await now(session)
    session.add(segment)
    await session.flush()
    await record(
        session, segment, action, actor=actor, before=before, after=facts(segment)
    )
    return segment
