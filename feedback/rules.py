"""The rules of a project's loop: those that it starts with, and new ones."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from core import audit
from core.audit import Actor
from core.clock import now
from core.database import AsyncSession
from core.problems import Invalid, NotFound
from feedback import queries, routing
from feedback.errors import RuleNameTaken
from feedback.insights import CONCLUSIONS, InsightKind
from feedback.models import RoutingRule, Tag, ThresholdRule, VerdictRule

FIRST_MINIMUM, FIRST_WINDOW_DAYS = 5, 14
MAX_MINIMUM, MAX_WINDOW_DAYS = 100_000, 366

_Rule = TypeVar("_Rule", RoutingRule, ThresholdRule, VerdictRule)


async def bootstrap(session: AsyncSession, project_id: UUID) -> None:
    """Give a project the rules that close the loop; those it has stay as they are."""
    at = await now(session)
    first: tuple[RoutingRule | ThresholdRule | VerdictRule, ...] = (
        VerdictRule(
            project_id=project_id,
            name="conclusion to insight",
            recommendations=list(CONCLUSIONS),
            created_at=at,
        ),
        ThresholdRule(
            project_id=project_id,
            name="many voices to insight",
            minimum=FIRST_MINIMUM,
            window_days=FIRST_WINDOW_DAYS,
            created_at=at,
        ),
        RoutingRule(
            project_id=project_id,
            name="verdict to backlog",
            condition={
                "kind": InsightKind.VERDICT.value,
                "recommendation": {"$in": ["SHIP", "DONT_SHIP"]},
            },
            title="{experiment}: {statement}",
            priority=10,
            created_at=at,
        ),
        RoutingRule(
            project_id=project_id,
            name="tag threshold to backlog",
            condition={"kind": InsightKind.TAG_THRESHOLD.value},
            title="Look into “{tagName}”",
            priority=20,
            created_at=at,
        ),
    )
    for rule in first:
        await _add_unless_there(session, rule)


async def create_routing_rule(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    name: str,
    condition: Mapping[str, Any],
    title: str,
    owner: str | None,
    priority: int,
) -> RoutingRule:
    """Add a rule that sends insights to the backlog.

    Raises:
        ConditionInvalid: The condition cannot be evaluated.
        RuleInvalid: The title is empty or has a place that nothing fills.
        RuleNameTaken: Another routing rule has the name.
        Invalid: The name or the priority is out of bounds.
    """
    rule = await proposed_rule(
        session,
        project_id=project_id,
        name=name,
        condition=condition,
        title=title,
        owner=owner,
        priority=priority,
    )
    await _add(session, rule)
    after = {"name": rule.name, "condition": rule.condition, "title": rule.title}
    await _record(session, actor, rule, "RoutingRule", after)
    return rule


async def rehearse_routing_rule(session: AsyncSession, rule: RoutingRule) -> None:
    """Refuse a proposed rule that could not be added, and add nothing.

    Raises:
        RuleNameTaken: Another routing rule has the name.
    """
    if await _is_named(session, rule):
        raise RuleNameTaken(rule.name)


async def proposed_rule(
    session: AsyncSession,
    *,
    project_id: UUID,
    name: str,
    condition: Mapping[str, Any],
    title: str,
    owner: str | None,
    priority: int,
) -> RoutingRule:
    """A checked routing rule that is not written, for its dry run.

    Raises:
        ConditionInvalid: The condition cannot be evaluated.
        RuleInvalid: The title is empty or has a place that nothing fills.
        Invalid: The name or the priority is out of bounds.
    """
    routing.check(condition, title)
    if not 0 <= priority <= 1_000:
        raise Invalid("A priority is 0 to 1,000.", path=("priority",))
    return RoutingRule(
        project_id=project_id,
        name=_name(name),
        condition=dict(condition),
        title=title,
        owner=owner,
        priority=priority,
        created_at=await now(session),
    )


async def create_threshold_rule(
    session: AsyncSession,
    *,
    project_id: UUID,
    actor: Actor,
    name: str,
    tag: str | None,
    minimum: int,
    window_days: int,
) -> ThresholdRule:
    """Add a threshold that turns a tag into an insight.

    Raises:
        NotFound: The project has no such tag.
        RuleNameTaken: Another threshold rule has the name.
        Invalid: The name or a number is out of bounds.
    """
    if not 1 <= minimum <= MAX_MINIMUM:
        raise Invalid(f"A minimum is 1 to {MAX_MINIMUM:,}.", path=("minimum",))
    if not 1 <= window_days <= MAX_WINDOW_DAYS:
        raise Invalid(
            f"A window has 1 to {MAX_WINDOW_DAYS} days.", path=("windowDays",)
        )
    tag_id = None
    if tag is not None:
        found = await session.exec(queries.tags(project_id).where(Tag.slug == tag))
        row = found.first()
        if row is None:
            raise NotFound("The tag", path=("tag",))
        tag_id = row.id
    rule = ThresholdRule(
        project_id=project_id,
        name=_name(name),
        tag_id=tag_id,
        minimum=minimum,
        window_days=window_days,
        created_at=await now(session),
    )
    await _add(session, rule)
    after = {"name": rule.name, "tag": tag, "minimum": minimum, "days": window_days}
    await _record(session, actor, rule, "ThresholdRule", after)
    return rule


def _name(name: str) -> str:
    if not 1 <= len(name.strip()) <= 100:
        raise Invalid("A name has 1 to 100 characters.", path=("name",))
    return name.strip()


async def _add(session: AsyncSession, rule: _Rule) -> None:
    try:
        async with session.begin_nested():
            session.add(rule)
            await session.flush()
    except IntegrityError as error:
        raise RuleNameTaken(rule.name) from error


async def _add_unless_there(
    session: AsyncSession, rule: RoutingRule | ThresholdRule | VerdictRule
) -> None:
    if not await _is_named(session, rule):
        session.add(rule)
        await session.flush()


async def _is_named(
    session: AsyncSession, rule: RoutingRule | ThresholdRule | VerdictRule
) -> bool:
    kind: Any = type(rule)
    found = await session.exec(
        select(kind.id).where(
            kind.project_id == rule.project_id, kind.name == rule.name
        )
    )
    return found.first() is not None


async def _record(
    session: AsyncSession,
    actor: Actor,
    rule: RoutingRule | ThresholdRule,
    subject: str,
    after: dict[str, Any],
) -> None:
    await audit.record(
        session,
        actor=actor,
        project_id=rule.project_id,
        action=f"{subject[0].lower()}{subject[1:]}.create",
        subject=subject,
        subject_id=rule.id,
        after=after,
    )
