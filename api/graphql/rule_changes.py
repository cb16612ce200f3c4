"""The rules of the loop: which tags become insights, which insights become work."""

from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.backlog import RoutingRule
from api.graphql.errors import Refusal
from api.graphql.ids import global_id
from api.graphql.insights import Insight
from api.graphql.perform import Ids, perform
from api.graphql.scalars import JSON
from api.policies import Policy, policed
from core.database import AsyncSession
from feedback import backlog, models, rules

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(description="A rule that sends insights to the backlog.")
class CreateRoutingRuleInput:
    """What createRoutingRule takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    name: str = strawberry.field(description="For people: 1 to 100 characters.")
    condition: JSON = strawberry.field(
        description='Over an insight\'s facts, such as {"kind": "TAG_THRESHOLD", '
        '"accounts": {"$gte": 25}}.'
    )
    title: str = strawberry.field(
        description="What the item is called; {statement}, {topic}, {tag}, {tagName}, "
        "{experiment}, {metric} and {recommendation} are filled in."
    )
    owner: str | None = strawberry.field(default=None, description="Whose it is.")
    priority: int = strawberry.field(
        default=100, description="0 to 1,000; the lowest that matches decides."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Say what it would have done, and keep nothing."
    )


@strawberry.input(description="A threshold that makes an insight of a tag.")
class CreateThresholdRuleInput:
    """What createThresholdRule takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    name: str = strawberry.field(description="For people: 1 to 100 characters.")
    tag: str | None = strawberry.field(
        default=None, description="The tag's slug; left out, every tag."
    )
    minimum: int = strawberry.field(
        description="Voices: accounts, and people who have none."
    )
    window_days: int = strawberry.field(description="1 to 366.")


@policed(Policy.READ)
@strawberry.type(description="What a rule makes of an insight that is there already.")
class RoutedInsight:
    """One line of a dry run."""

    insight: Insight = strawberry.field(description="The insight.")
    title: str = strawberry.field(description="What its item would be called.")


@policed(Policy.READ)
@strawberry.type(description="The rule, and what it would have done so far.")
class RoutingRulePayload:
    """What createRoutingRule answers."""

    rule: RoutingRule | None = strawberry.field(description="Null in a dry run.")
    would_route: list[RoutedInsight] = strawberry.field(
        description="Of the newest 200 insights, those it matches by itself."
    )
    replayed: bool = strawberry.field(description="Whether it had been done before.")


@policed(Policy.READ)
@strawberry.type(description="The threshold.")
class ThresholdRulePayload:
    """What createThresholdRule answers."""

    rule_id: strawberry.ID = strawberry.field(description="The rule's global id.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


RoutingRuleResult = Annotated[
    RoutingRulePayload | Refusal,
    strawberry.union("RoutingRuleResult", description="The rule, or why not."),
]
ThresholdRuleResult = Annotated[
    ThresholdRulePayload | Refusal,
    strawberry.union("ThresholdRuleResult", description="The rule, or why not."),
]


def _routing(context: Context, input: CreateRoutingRuleInput) -> dict[str, Any]:
    return {
        "project_id": context.caller.project_id,
        "name": input.name,
        "condition": cast(Any, input.condition),
        "title": input.title,
        "owner": input.owner,
        "priority": input.priority,
    }


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Add a rule that sends insights to the backlog, or try it on the "
        "insights that are there.",
    )
    async def create_routing_rule(
        self, info: Info, input: CreateRoutingRuleInput
    ) -> RoutingRuleResult:
        """It looks at insights that come after it."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            if input.dry_run:
                trial = await rules.proposed_rule(session, **_routing(context, input))
                await rules.rehearse_routing_rule(session, trial)
                return {}
            rule = await rules.create_routing_rule(
                session, actor=context.actor, **_routing(context, input)
            )
            return {"rule": rule.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> RoutingRulePayload:
            trial = await rules.proposed_rule(session, **_routing(context, input))
            rule = None
            if "rule" in ids:
                rule = await session.get_one(models.RoutingRule, UUID(ids["rule"]))
            return RoutingRulePayload(
                rule=None if rule is None else RoutingRule.of(rule),
                would_route=[
                    RoutedInsight(insight=Insight.of(one), title=to.title)
                    for one, to in await backlog.rehearse(session, trial)
                ],
                replayed=replayed,
            )

        return await perform(
            info, input, operation="createRoutingRule", work=work, rebuild=rebuild
        )

    @strawberry.mutation(
        metadata=_EDIT, description="Add a threshold that makes an insight of a tag."
    )
    async def create_threshold_rule(
        self, info: Info, input: CreateThresholdRuleInput
    ) -> ThresholdRuleResult:
        """It weighs a tag when the next comment bears it."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            rule = await rules.create_threshold_rule(
                session,
                project_id=context.caller.project_id,
                actor=context.actor,
                name=input.name,
                tag=input.tag,
                minimum=input.minimum,
                window_days=input.window_days,
            )
            return {"rule": rule.id.hex}

        async def rebuild(
            _session: AsyncSession, ids: Ids, replayed: bool
        ) -> ThresholdRulePayload:
            return ThresholdRulePayload(
                rule_id=global_id("ThresholdRule", UUID(ids["rule"])),
                replayed=replayed,
            )

        return await perform(
            info, input, operation="createThresholdRule", work=work, rebuild=rebuild
        )
