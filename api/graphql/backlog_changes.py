"""The backlog: writing insights down, and moving items on."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.backlog import BacklogItem
from api.graphql.errors import Refusal
from api.graphql.feedback_enums import BacklogState, EvidenceKind
from api.graphql.ids import local_id, parse_id
from api.graphql.insights import Insight
from api.graphql.node import Node, find_nodes
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import Invalid, NotFound
from feedback import backlog, distillation, models, queries
from feedback.insights import EvidenceRef

_EDIT = {"policy": Policy.EDIT}
_RESEARCH = {"policy": Policy.RESEARCH}
MAX_LINKS = 200
_EVIDENCE = {
    "Feedback": EvidenceKind.COMMENT,
    "SurveyResponse": EvidenceKind.RESPONSE,
    "Experiment": EvidenceKind.EXPERIMENT,
    "Tag": EvidenceKind.TAG,
}


@strawberry.input(description="An insight to write down.")
class CreateInsightInput:
    """What createInsight takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    statement: str = strawberry.field(description="1 to 2,000 characters.")
    confidence: float | None = strawberry.field(default=None, description="0 to 1.")
    evidence_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="Feedback, responses, experiments and tags; at most 200.",
    )


@strawberry.input(description="A step of a backlog item.")
class TransitionBacklogItemInput:
    """What transitionBacklogItem takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The item's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")
    to: BacklogState = strawberry.field(description="Where it goes.")
    reason: str | None = strawberry.field(
        default=None, description="Required for DECLINED and REOPENED."
    )


@policed(Policy.READ)
@strawberry.type(description="The insight.")
class InsightPayload:
    """What createInsight answers."""

    insight: Insight = strawberry.field(description="The insight.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


@policed(Policy.READ)
@strawberry.type(description="The item as it is now.")
class BacklogItemPayload:
    """What transitionBacklogItem answers."""

    item: BacklogItem = strawberry.field(description="The item.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


InsightResult = Annotated[
    InsightPayload | Refusal,
    strawberry.union("InsightResult", description="The insight, or why not."),
]
BacklogItemResult = Annotated[
    BacklogItemPayload | Refusal,
    strawberry.union("BacklogItemResult", description="The item, or why not."),
]


def _evidence(
    ids: list[strawberry.ID], nodes: Sequence[Node | None]
) -> list[EvidenceRef]:
    """The pieces, of which `nodes` holds what the caller may see.

    Raises:
        Invalid: They are too many, or one is nothing to rest on.
        NotFound: One is not there.
    """
    if len(ids) > MAX_LINKS:
        raise Invalid(f"Link at most {MAX_LINKS}.", path=("evidenceIds",))
    refs = []
    for given, node in zip(ids, nodes, strict=True):
        if node is None:
            raise NotFound("A piece of evidence", path=("evidenceIds",))
        type_name, local = parse_id(given)
        if type_name not in _EVIDENCE:
            raise Invalid(f"A {type_name} is no evidence.", path=("evidenceIds",))
        refs.append(EvidenceRef(_EVIDENCE[type_name], local))
    return refs


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_RESEARCH, description="Write down an insight with its evidence."
    )
    async def create_insight(
        self, info: Info, input: CreateInsightInput
    ) -> InsightResult:
        """Routing rules look at it next."""
        context, project_id = info.context, info.context.caller.project_id
        nodes = await find_nodes(context, input.evidence_ids[:MAX_LINKS])

        async def work(session: AsyncSession) -> Ids:
            insight = await distillation.write_insight(
                session,
                project_id=project_id,
                actor=context.actor,
                statement=input.statement,
                confidence=input.confidence,
                evidence=_evidence(input.evidence_ids, nodes),
            )
            return {"insight": insight.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> InsightPayload:
            local = UUID(ids["insight"])
            rows = await queries.rows_by_id(
                session, models.Insight, project_id, [local]
            )
            return InsightPayload(insight=Insight.of(rows[local]), replayed=replayed)

        return await perform(
            info,
            input,
            operation="createInsight",
            work=work,
            rebuild=rebuild,
            nudges=("route_insights",),
        )

    @strawberry.mutation(metadata=_EDIT, description="Move a backlog item one step on.")
    async def transition_backlog_item(
        self, info: Info, input: TransitionBacklogItemInput
    ) -> BacklogItemResult:
        """With its audit row."""
        context, project_id = info.context, info.context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            item = await backlog.transition_item(
                session,
                project_id=project_id,
                item_id=local_id(input.id, "BacklogItem", path=("id",)),
                actor=context.actor,
                expected_version=input.expected_version,
                to=input.to,
                reason=input.reason,
            )
            return {"item": item.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> BacklogItemPayload:
            local = UUID(ids["item"])
            rows = await queries.rows_by_id(
                session, models.BacklogItem, project_id, [local]
            )
            return BacklogItemPayload(
                item=BacklogItem.of(rows[local]), replayed=replayed
            )

        return await perform(
            info,
            input,
            operation="transitionBacklogItem",
            work=work,
            rebuild=rebuild,
        )
