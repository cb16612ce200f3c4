"""Keep the codebook, suggest its tags, and decide what was suggested."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from core import audit
from core.audit import Actor
from core.clock import now
from core.database import AsyncSession, is_sqlite, skip_locked
from core.problems import Invalid, NotFound
from feedback import queries, tagging
from feedback.errors import SlugTaken
from feedback.models import AppliedTag, Comment, Tag, TagRule
from feedback.tagging import (
    FeedbackSource,
    PhraseMatch,
    TagOrigin,
    TagState,
)

MAX_DECISIONS = 200
MAX_REREAD = 5_000
"""Comments that a new rule looks back at."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True, slots=True)
class NewRule:
    """What a rule looks for, as an editor writes it."""

    phrases: Sequence[str]
    match: PhraseMatch = PhraseMatch.ANY
    sources: Sequence[FeedbackSource] = ()
    accepts: bool = False


async def create_tag(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    slug: str,
    name: str,
    description: str = "",
) -> Tag:
    """Add a tag to the codebook.

    Raises:
        Invalid: The slug, the name or the description is out of bounds.
        SlugTaken: Another tag of the project has the slug.
    """
    if _SLUG.fullmatch(slug) is None:
        raise Invalid("A slug has lower-case letters, digits and -.", path=("slug",))
    if not 1 <= len(name.strip()) <= 100:
        raise Invalid("A name has 1 to 100 characters.", path=("name",))
    if len(description) > 1_000:
        raise Invalid(
            "A description has at most 1,000 characters.", path=("description",)
        )
    tag = Tag(
        project_id=project_id,
        slug=slug,
        name=name.strip(),
        description=description,
        created_at=await now(session),
    )
    try:
        async with session.begin_nested():
            session.add(tag)
            await session.flush()
    except IntegrityError as error:
        raise SlugTaken(slug) from error
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        action="tag.create",
        subject="Tag",
        subject_id=tag.id,
        after={"slug": slug, "name": tag.name},
    )
    return tag


async def create_tag_rule(
    session: AsyncSession, *, project_id: UUID, actor: Actor, slug: str, rule: NewRule
) -> TagRule:
    """Add a rule; it also reads the project's newest comments again.

    Raises:
        NotFound: The project has no such tag.
        RuleInvalid: A phrase holds no word, or there are too many.
        Invalid: The project has all the rules it may have.
    """
    phrases = tagging.check(rule.phrases)
    tag = await _tag(session, project_id, slug)
    if len(await queries.tag_rules(session, project_id)) >= queries.MAX_RULES:
        raise Invalid(f"A project has at most {queries.MAX_RULES} tag rules.")
    row = TagRule(
        project_id=project_id,
        tag_id=tag.id,
        phrases=list(phrases),
        match=rule.match,
        sources=[source.value for source in rule.sources],
        accepts=rule.accepts,
        created_at=await now(session),
    )
    session.add(row)
    newest = (
        select(Comment.id)
        .where(Comment.project_id == project_id)
        .order_by(col(Comment.received_at).desc())
        .limit(MAX_REREAD)
    )
    await session.exec(
        update(Comment).where(col(Comment.id).in_(newest)).values(suggested_at=None)
    )
    await session.flush()
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        action="tagRule.create",
        subject="TagRule",
        subject_id=row.id,
        after={"tag": slug, "phrases": row.phrases, "accepts": row.accepts},
    )
    return row


async def take_unread(session: AsyncSession, *, limit: int) -> Sequence[Comment]:
    """Lock comments that no rule has read, passing over another worker's."""
    found = await session.exec(
        skip_locked(
            select(Comment)
            .where(col(Comment.suggested_at).is_(None))
            .order_by(col(Comment.id))
            .limit(limit),
            session,
        )
    )
    return found.all()


async def suggest_tags(session: AsyncSession, comment: Comment) -> int:
    """Let the project's rules read a comment; returns how many tags they added.

    A tag that stands on the comment already, even a rejected one, stays as it is.
    """
    rules = await queries.tag_rules(session, comment.project_id)
    versions = {rule.id: rule.version for rule in rules}
    at = await now(session)
    added = 0
    for found in tagging.suggest(comment.body, comment.source, map(_rule, rules)):
        accepted = found.accepted
        added += await _apply(
            session,
            AppliedTag(
                project_id=comment.project_id,
                comment_id=comment.id,
                tag_id=found.tag_id,
                origin=TagOrigin.RULE,
                state=TagState.ACCEPTED if accepted else TagState.SUGGESTED,
                span_start=found.span.start,
                span_end=found.span.end,
                reason=found.reason,
                rule_id=found.rule_id,
                rule_version=versions[found.rule_id],
                created_at=at,
                decided_at=at if accepted else None,
                decided_by="rule" if accepted else None,
            ),
        )
    comment.suggested_at = at
    session.add(comment)
    await session.flush()
    return added


async def tag_comment(
    session: AsyncSession, *, project_id: UUID, actor: Actor, comment_id: UUID, tag: str
) -> AppliedTag:
    """Put a tag on a comment by hand, accepted at once.

    Raises:
        NotFound: The project has no such comment or no such tag.
    """
    comments = await queries.rows_by_id(session, Comment, project_id, [comment_id])
    if comment_id not in comments:
        raise NotFound("The comment", path=("commentId",))
    row = await _tag(session, project_id, tag)
    at = await now(session)
    await _apply(
        session,
        AppliedTag(
            project_id=project_id,
            comment_id=comment_id,
            tag_id=row.id,
            origin=TagOrigin.HUMAN,
            state=TagState.SUGGESTED,
            created_at=at,
        ),
    )
    standing = await session.exec(
        select(AppliedTag).where(
            AppliedTag.comment_id == comment_id, AppliedTag.tag_id == row.id
        )
    )
    applied = standing.one()
    _decide(applied, TagState.ACCEPTED, actor, at)
    session.add(applied)
    await session.flush()
    return applied


async def review_tags(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    accept: Sequence[UUID],
    reject: Sequence[UUID],
) -> Sequence[AppliedTag]:
    """Accept and reject tags on comments, all of them or none.

    A decision may be changed by deciding again.

    Raises:
        Invalid: There are none or too many, or one stands on both lists.
        NotFound: The project lacks one of them.
    """
    wanted = dict.fromkeys(accept, TagState.ACCEPTED)
    if not 1 <= len(accept) + len(reject) <= MAX_DECISIONS:
        raise Invalid(f"Decide 1 to {MAX_DECISIONS} at a time.", path=("accept",))
    if wanted.keys() & set(reject):
        raise Invalid("A tag is accepted or rejected, not both.", path=("reject",))
    wanted |= dict.fromkeys(reject, TagState.REJECTED)
    found = await session.exec(
        select(AppliedTag)
        .where(AppliedTag.project_id == project_id, col(AppliedTag.id).in_(wanted))
        .order_by(col(AppliedTag.id))
        .with_for_update()
    )
    rows = found.all()
    if len(rows) < len(wanted):
        raise NotFound("A suggestion", path=("accept",))
    at = await now(session)
    for row in rows:
        _decide(row, wanted[row.id], actor, at)
        session.add(row)
    await session.flush()
    return rows


def _decide(row: AppliedTag, state: TagState, actor: Actor, at: datetime) -> None:
    if row.state is state:
        return
    row.state, row.decided_at = state, at
    row.decided_by_id, row.decided_by = actor.id, actor.name
    row.weighed_at = None


async def _apply(session: AsyncSession, applied: AppliedTag) -> int:
    """Write it unless the tag stands on the comment; of two workers, one does."""
    insert = sqlite.insert if is_sqlite(session) else postgresql.insert
    statement = (
        insert(AppliedTag)
        .values(applied.model_dump())
        .on_conflict_do_nothing(index_elements=["comment_id", "tag_id"])
        .returning(col(AppliedTag.id))
    )
    written = await (await session.connection()).execute(statement)
    return len(written.all())


async def _tag(session: AsyncSession, project_id: UUID, slug: str) -> Tag:
    found = await session.exec(queries.tags(project_id).where(Tag.slug == slug))
    tag = found.first()
    if tag is None:
        raise NotFound("The tag", path=("tag",))
    return tag


def _rule(row: TagRule) -> tagging.Rule:
    return tagging.Rule(
        rule_id=row.id,
        tag_id=row.tag_id,
        phrases=tuple(row.phrases),
        match=row.match,
        sources=frozenset(map(FeedbackSource, row.sources)),
        accepts=row.accepts,
    )
