"""Comments, tags and verdicts to work with."""

from uuid import UUID

from core.database import AsyncSession
from core.ids import new_id
from core.subjects import SubjectContext
from feedback.insights import VerdictFacts
from feedback.models import Comment, Tag
from feedback.service import Said, record_comment
from feedback.tagging import FeedbackSource
from feedback.tags import NewRule, create_tag, create_tag_rule
from tests.conftest import Tenant

LOST = "I cannot find the cart"


async def comment(
    session: AsyncSession,
    tenant: Tenant,
    body: str = LOST,
    *,
    user: str | None = None,
    account: str | None = None,
) -> Comment:
    """A comment through the API."""
    recorded = await record_comment(
        session,
        project_id=tenant.project_id,
        said=Said(
            body=body,
            source=FeedbackSource.API,
            subject=SubjectContext(user_id=user, account_id=account),
            environment_id=tenant.environment_id,
        ),
    )
    return recorded.comment


async def cart_tag(
    session: AsyncSession, tenant: Tenant, *, accepts: bool = False
) -> Tag:
    """The tag `cart`, with a rule that finds it."""
    tag = await create_tag(
        session,
        project_id=tenant.project_id,
        actor=tenant.actor,
        slug="cart",
        name="Cannot find the cart",
    )
    await create_tag_rule(
        session,
        project_id=tenant.project_id,
        actor=tenant.actor,
        slug="cart",
        rule=NewRule(phrases=["find the cart", "lost* cart"], accepts=accepts),
    )
    return tag


def verdict(
    recommendation: str = "DONT_SHIP", *, experiment_id: UUID | None = None
) -> VerdictFacts:
    """What an analysis concluded about a gate."""
    return VerdictFacts(
        experiment_id=experiment_id or new_id(),
        experiment_key="gate",
        phase=1,
        snapshot_id=new_id(),
        inputs_hash="f" * 64,
        verdict="LOSS",
        recommendation=recommendation,
        headline="Do not move the gate: fewer players came back after 7 days.",
        metric="retention-7",
        effect=-0.0082,
        low=-0.01328,
        high=-0.00312,
        confidence=0.95,
        units=90_189,
    )
