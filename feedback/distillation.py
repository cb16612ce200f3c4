"""Turn verdicts and many voices into insights, each conclusion once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core import audit
from core.audit import WORKER, Actor
from core.clock import now
from core.database import AsyncSession, skip_locked
from core.ids import new_id
from core.problems import Invalid
from feedback import queries
from feedback.insights import (
    EvidenceKind,
    EvidenceRef,
    InsightKind,
    TagFacts,
    Threshold,
    VerdictFacts,
)
from feedback.models import (
    AppliedTag,
    Evidence,
    Insight,
    Tag,
    ThresholdRule,
    VerdictRule,
)
from feedback.tagging import TagState

MAX_EVIDENCE = 25
MAX_STATEMENT = 2_000


@dataclass(frozen=True, slots=True)
class NewInsight:
    """An insight before it has a row."""

    kind: InsightKind
    topic: str
    statement: str
    dedupe_key: str
    facts: dict[str, Any] = field(default_factory=dict)
    environment_id: UUID | None = None
    confidence: float | None = None
    rule: VerdictRule | ThresholdRule | None = None
    inputs_hash: str | None = None


async def create_insight_from_verdict(
    session: AsyncSession,
    *,
    project_id: UUID,
    environment_id: UUID,
    facts: VerdictFacts,
    evidence: Sequence[EvidenceRef] = (),
) -> Insight | None:
    """Write down what an analysis concluded; None where no rule waits for it.

    A phase that concludes the same again changes nothing: the insight that stands is
    returned. The experiment and the snapshot are evidence by themselves.
    """
    rule = await _verdict_rule(session, project_id, facts.recommendation)
    if rule is None:
        return None
    own = (
        EvidenceRef(EvidenceKind.EXPERIMENT, facts.experiment_id),
        EvidenceRef(EvidenceKind.SNAPSHOT, facts.snapshot_id),
    )
    insight, _ = await _write(
        session,
        project_id,
        NewInsight(
            kind=InsightKind.VERDICT,
            topic=facts.topic,
            statement=facts.headline,
            dedupe_key=facts.dedupe_key,
            facts=facts.facts(),
            environment_id=environment_id,
            confidence=facts.confidence,
            rule=rule,
            inputs_hash=facts.inputs_hash,
        ),
        (*own, *evidence),
    )
    return insight


async def write_insight(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    statement: str,
    confidence: float | None = None,
    evidence: Sequence[EvidenceRef] = (),
) -> Insight:
    """Write down what a person concluded. The caller has checked the evidence's scope.

    Raises:
        Invalid: The statement, the confidence or the evidence is out of bounds.
    """
    text = statement.strip()
    if not 1 <= len(text) <= MAX_STATEMENT:
        raise Invalid(
            f"A statement has 1 to {MAX_STATEMENT} characters.", path=("statement",)
        )
    if confidence is not None and not 0.0 <= confidence <= 1.0:
        raise Invalid("A confidence lies within 0 to 1.", path=("confidence",))
    if len(evidence) > 200:
        raise Invalid("Link at most 200 pieces of evidence.", path=("evidence",))
    key = new_id()
    insight, _ = await _write(
        session,
        project_id,
        NewInsight(
            kind=InsightKind.MANUAL,
            topic=f"insight:{key}",
            statement=text,
            dedupe_key=f"manual:{key}",
            confidence=confidence,
        ),
        evidence,
        author=actor,
    )
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        action="insight.create",
        subject="Insight",
        subject_id=insight.id,
        after={"statement": text, "evidence": len(evidence)},
    )
    return insight


async def cross_thresholds(session: AsyncSession, *, limit: int) -> int:
    """Weigh tags that were decided since the last time; returns how many rows it took.

    Every accepted tag in the window counts, not only the new ones, so that any order
    and any number of workers come to the same insights.
    """
    found = await session.exec(
        skip_locked(
            select(AppliedTag)
            .where(
                col(AppliedTag.weighed_at).is_(None),
                AppliedTag.state == TagState.ACCEPTED,
            )
            .order_by(col(AppliedTag.id))
            .limit(limit),
            session,
        )
    )
    taken = found.all()
    at = await now(session)
    for tag_id in sorted({row.tag_id for row in taken}):
        await weigh_tag(session, await session.get_one(Tag, tag_id), at)
    for row in taken:
        row.weighed_at = at
        session.add(row)
    await session.flush()
    return len(taken)


async def weigh_tag(session: AsyncSession, tag: Tag, at: datetime) -> Sequence[Insight]:
    """Write the insights that are due about a tag, one for each threshold crossed."""
    written = []
    for rule in await _threshold_rules(session, tag):
        threshold = Threshold(rule.minimum, timedelta(days=rule.window_days))
        since = at - threshold.window
        heard = await queries.voices(session, tag.id, since)
        before = await _earlier(session, rule, tag)
        last = before[0].created_at if before else None
        if not threshold.crossed(heard, last, at):
            continue
        facts = TagFacts(tag.id, tag.slug, tag.name, heard, threshold.window)
        comments = await queries.newest_tagged(session, tag.id, since, MAX_EVIDENCE)
        insight, created = await _write(
            session,
            tag.project_id,
            NewInsight(
                kind=InsightKind.TAG_THRESHOLD,
                topic=facts.topic,
                statement=facts.statement(),
                dedupe_key=f"tag:{tag.id}:{rule.id}:{len(before)}",
                facts=facts.facts(),
                rule=rule,
            ),
            (
                EvidenceRef(EvidenceKind.TAG, tag.id),
                *(EvidenceRef(EvidenceKind.COMMENT, one) for one in comments),
            ),
        )
        if created:
            written.append(insight)
    return written


async def _write(
    session: AsyncSession,
    project_id: UUID,
    new: NewInsight,
    evidence: Sequence[EvidenceRef],
    *,
    author: Actor = WORKER,
) -> tuple[Insight, bool]:
    """The insight with this dedupe key, and whether it was written just now."""
    at = await now(session)
    insight = Insight(
        project_id=project_id,
        environment_id=new.environment_id,
        kind=new.kind,
        topic=new.topic,
        statement=new.statement,
        dedupe_key=new.dedupe_key,
        confidence=new.confidence,
        facts=new.facts,
        rule=None if new.rule is None else new.rule.name,
        rule_id=None if new.rule is None else new.rule.id,
        rule_version=None if new.rule is None else new.rule.version,
        inputs_hash=new.inputs_hash,
        author_id=author.id,
        author=author.name,
        created_at=at,
    )
    try:
        async with session.begin_nested():
            session.add(insight)
            await session.flush()
    except IntegrityError:
        standing = await session.exec(
            select(Insight).where(
                Insight.project_id == project_id, Insight.dedupe_key == new.dedupe_key
            )
        )
        return standing.one(), False
    session.add_all(
        Evidence(
            insight_id=insight.id,
            kind=ref.kind,
            target_id=ref.target_id,
            added_by=author.name,
            added_at=at,
        )
        for ref in dict.fromkeys(evidence)
    )
    await session.flush()
    return insight, True


async def _verdict_rule(
    session: AsyncSession, project_id: UUID, recommendation: str
) -> VerdictRule | None:
    found = await session.exec(
        select(VerdictRule)
        .where(VerdictRule.project_id == project_id, col(VerdictRule.enabled).is_(True))
        .order_by(col(VerdictRule.id))
        .limit(queries.MAX_RULES)
    )
    matching = (rule for rule in found.all() if recommendation in rule.recommendations)
    return next(matching, None)


async def _threshold_rules(session: AsyncSession, tag: Tag) -> Sequence[ThresholdRule]:
    found = await session.exec(
        select(ThresholdRule)
        .where(
            ThresholdRule.project_id == tag.project_id,
            col(ThresholdRule.enabled).is_(True),
            col(ThresholdRule.tag_id).is_(None) | (col(ThresholdRule.tag_id) == tag.id),
        )
        .order_by(col(ThresholdRule.id))
        .limit(queries.MAX_RULES)
    )
    return found.all()


async def _earlier(
    session: AsyncSession, rule: ThresholdRule, tag: Tag
) -> Sequence[Insight]:
    """What this rule has said of this tag, newest first."""
    found = await session.exec(
        select(Insight)
        .where(
            Insight.rule_id == rule.id,
            Insight.project_id == tag.project_id,
            Insight.topic == f"tag:{tag.slug}",
        )
        .order_by(col(Insight.created_at).desc())
        .limit(1_000)
    )
    return found.all()
