"""Tags: writing the codebook, and deciding what is suggested."""

from typing import Annotated
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.feedback import AppliedTag
from api.graphql.feedback_enums import FeedbackSource, PhraseMatch
from api.graphql.ids import global_id, local_id
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.graphql.tags import Tag
from api.policies import Policy, policed
from core.database import AsyncSession
from feedback import models, queries, tags

_RESEARCH = {"policy": Policy.RESEARCH}


@strawberry.input(description="A tag to add to the codebook.")
class CreateTagInput:
    """What createTag takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    slug: str = strawberry.field(
        description="1 to 64 lower-case letters, digits or dashes."
    )
    name: str = strawberry.field(description="For people: 1 to 100 characters.")
    description: str = strawberry.field(
        default="", description="When to use it: at most 1,000 characters."
    )


@strawberry.input(description="Phrases that suggest a tag.")
class CreateTagRuleInput:
    """What createTagRule takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    tag: str = strawberry.field(description="The tag's slug.")
    phrases: list[str] = strawberry.field(
        description="Whole words, without case; a * at a word's end is any ending."
    )
    match: PhraseMatch = strawberry.field(
        default=PhraseMatch.ANY, description="How many of them a text needs."
    )
    sources: list[FeedbackSource] = strawberry.field(
        default_factory=list, description="Only from these; left out, from all."
    )
    accepts: bool = strawberry.field(
        default=False, description="Accept matches at once, without a review."
    )


@strawberry.input(description="A tag to put on a comment by hand.")
class TagFeedbackInput:
    """What tagFeedback takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    feedback_id: strawberry.ID = strawberry.field(description="The comment.")
    tag: str = strawberry.field(description="The tag's slug.")


@strawberry.input(description="Decisions about tags on comments: all or none.")
class ReviewTagSuggestionsInput:
    """What reviewTagSuggestions takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    accept: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of applied tags; at most 200 in all."
    )
    reject: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of applied tags; at most 200 in all."
    )


@policed(Policy.READ)
@strawberry.type(description="The tag as it is now.")
class TagPayload:
    """What createTag answers."""

    tag: Tag = strawberry.field(description="The tag.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


@policed(Policy.READ)
@strawberry.type(description="The rule; it reads the newest comments again.")
class TagRulePayload:
    """What createTagRule answers."""

    rule_id: strawberry.ID = strawberry.field(description="The rule's global id.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


@policed(Policy.READ)
@strawberry.type(description="The tags on comments as they are now.")
class AppliedTagsPayload:
    """What decisions answer."""

    applied: list[AppliedTag] = strawberry.field(description="In the order decided.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


TagResult = Annotated[
    TagPayload | Refusal,
    strawberry.union("TagResult", description="The tag, or why not."),
]
TagRuleResult = Annotated[
    TagRulePayload | Refusal,
    strawberry.union("TagRuleResult", description="The rule, or why not."),
]
AppliedTagsResult = Annotated[
    AppliedTagsPayload | Refusal,
    strawberry.union("AppliedTagsResult", description="The decisions, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(metadata=_RESEARCH, description="Add a tag to the codebook.")
    async def create_tag(self, info: Info, input: CreateTagInput) -> TagResult:
        """With its audit row."""
        context, project_id = info.context, info.context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            tag = await tags.create_tag(
                session,
                project_id=project_id,
                actor=context.actor,
                slug=input.slug,
                name=input.name,
                description=input.description,
            )
            return {"tag": tag.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> TagPayload:
            local = UUID(ids["tag"])
            rows = await queries.rows_by_id(session, models.Tag, project_id, [local])
            return TagPayload(tag=Tag.of(rows[local]), replayed=replayed)

        return await perform(
            info, input, operation="createTag", work=work, rebuild=rebuild
        )

    @strawberry.mutation(
        metadata=_RESEARCH,
        description="Let phrases suggest a tag. The newest 5,000 comments are read "
        "again.",
    )
    async def create_tag_rule(
        self, info: Info, input: CreateTagRuleInput
    ) -> TagRuleResult:
        """Phrases, never patterns that could run wild."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            rule = await tags.create_tag_rule(
                session,
                project_id=context.caller.project_id,
                actor=context.actor,
                slug=input.tag,
                rule=tags.NewRule(
                    phrases=input.phrases,
                    match=input.match,
                    sources=input.sources,
                    accepts=input.accepts,
                ),
            )
            return {"rule": rule.id.hex}

        async def rebuild(
            _session: AsyncSession, ids: Ids, replayed: bool
        ) -> TagRulePayload:
            return TagRulePayload(
                rule_id=global_id("TagRule", UUID(ids["rule"])), replayed=replayed
            )

        return await perform(
            info,
            input,
            operation="createTagRule",
            work=work,
            rebuild=rebuild,
            nudges=("suggest_tags",),
        )

    @strawberry.mutation(
        metadata=_RESEARCH, description="Put a tag on a comment, accepted at once."
    )
    async def tag_feedback(
        self, info: Info, input: TagFeedbackInput
    ) -> AppliedTagsResult:
        """By hand."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            applied = await tags.tag_comment(
                session,
                project_id=context.caller.project_id,
                actor=context.actor,
                comment_id=local_id(
                    input.feedback_id, "Feedback", path=("feedbackId",)
                ),
                tag=input.tag,
            )
            return {"applied": applied.id.hex}

        return await _decide(info, input, "tagFeedback", work)

    @strawberry.mutation(
        metadata=_RESEARCH,
        description="Accept and reject suggested tags in one step: all or none.",
    )
    async def review_tag_suggestions(
        self, info: Info, input: ReviewTagSuggestionsInput
    ) -> AppliedTagsResult:
        """A decision may be changed by deciding again."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            rows = await tags.review_tags(
                session,
                project_id=context.caller.project_id,
                actor=context.actor,
                accept=[
                    local_id(one, "AppliedTag", path=("accept",))
                    for one in input.accept
                ],
                reject=[
                    local_id(one, "AppliedTag", path=("reject",))
                    for one in input.reject
                ],
            )
            return {"applied": " ".join(row.id.hex for row in rows)}

        return await _decide(info, input, "reviewTagSuggestions", work)


async def _decide(
    info: Info, input: WriteInput, operation: str, work: Work
) -> AppliedTagsPayload | Refusal:
    project_id = info.context.caller.project_id

    async def rebuild(
        session: AsyncSession, ids: Ids, replayed: bool
    ) -> AppliedTagsPayload:
        decided = [UUID(one) for one in ids["applied"].split()]
        rows = await queries.rows_by_id(session, models.AppliedTag, project_id, decided)
        return AppliedTagsPayload(
            applied=[AppliedTag.of(rows[one]) for one in decided], replayed=replayed
        )

    return await perform(
        info,
        input,
        operation=operation,
        work=work,
        rebuild=rebuild,
        nudges=("distil_tags",),
    )
