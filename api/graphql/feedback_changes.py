"""Feedback as it is sent: one comment at a time, or a file of them."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.auth import CallerKind
from api.composed.surveys import assignments_of, check_may_name
from api.context import Context, Info
from api.graphql.errors import Refusal, member_for
from api.graphql.feedback import Feedback
from api.graphql.feedback_enums import FeedbackSource, TicketStatus
from api.graphql.ids import global_id
from api.graphql.perform import Ids, perform
from api.graphql.scalars import Long
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import Forbidden, Invalid, Problem
from core.subjects import SubjectContext
from feedback import models, queries
from feedback.service import Said, record_comment

MAX_IMPORT = 500
NEXT_STEPS = ("suggest_tags",)


@strawberry.input(description="What somebody said.")
class FeedbackItemInput:
    """One comment."""

    body: str = strawberry.field(
        description="The text; personal details are taken out before it is kept."
    )
    source: FeedbackSource = strawberry.field(
        default=FeedbackSource.API,
        description="Where it came from. A client key sends WIDGET only; SURVEY comes "
        "by itself.",
    )
    external_id: str | None = strawberry.field(
        default=None,
        description="The source's own id: the same one again keeps what there is.",
    )
    external_url: str | None = strawberry.field(
        default=None, description="Where the source shows it."
    )
    subject: SubjectInput | None = strawberry.field(
        default=None,
        description="Who said it. With a client key, X-Hone-Subject has to vouch for "
        "a user or an account.",
    )
    said_at: datetime | None = strawberry.field(
        default=None, description="When; left out, now."
    )
    ticket_status: TicketStatus | None = strawberry.field(
        default=None, description="Of a TICKET: whether it still waits."
    )
    closed_at: datetime | None = strawberry.field(
        default=None, description="Of a closed TICKET: when it was."
    )

    def said(self, context: Context) -> Said:
        """As the domain takes it.

        Raises:
            Forbidden: The caller may not use the source.
            Invalid: An id or an address is too long, or the source is SURVEY.
        """
        subject = SubjectContext() if self.subject is None else self.subject.context()
        from_page = context.caller.kind is CallerKind.CLIENT
        if from_page and self.source is not FeedbackSource.WIDGET:
            raise Forbidden("A client key sends WIDGET only.", path=("source",))
        if self.source is FeedbackSource.SURVEY:
            raise Invalid("Answers become feedback by themselves.", path=("source",))
        if self.external_id is not None and not 1 <= len(self.external_id) <= 256:
            raise Invalid("An id has 1 to 256 characters.", path=("externalId",))
        if self.external_url is not None and not _is_web_address(self.external_url):
            raise Invalid("Give an https:// address.", path=("externalUrl",))
        is_ticket = self.source is FeedbackSource.TICKET
        return Said(
            body=self.body,
            source=self.source,
            subject=subject,
            environment_id=context.caller.environment_id,
            external_id=self.external_id,
            external_url=self.external_url,
            said_at=self.said_at,
            ticket_status=(self.ticket_status or TicketStatus.OPEN)
            if is_ticket
            else None,
            closed_at=self.closed_at if is_ticket else None,
        )


@strawberry.input(description="A comment to keep.")
class RecordFeedbackInput(FeedbackItemInput):
    """What recordFeedback takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )


@strawberry.input(description="Comments to keep, such as a page of tickets.")
class ImportFeedbackInput:
    """What importFeedback takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    items: list[FeedbackItemInput] = strawberry.field(
        description="At most 500; give each an externalId, so that a re-run adds none."
    )
    dry_run: bool = strawberry.field(
        default=False, description="Say what would happen, and keep nothing."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="The comment that stands.")
class RecordFeedbackPayload:
    """A kept comment."""

    feedback_id: strawberry.ID = strawberry.field(description="Its global id.")
    created: bool = strawberry.field(description="False where it came before.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")
    feedback: Feedback = strawberry.field(
        metadata={"policy": Policy.READ}, description="All of it."
    )


@policed(Policy.RESEARCH)
@strawberry.type(description="An item that was not kept, and why.")
class RejectedFeedback:
    """A rejected item."""

    line: int = strawberry.field(description="Its place in the items, from 1.")
    code: str = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people.")


@policed(Policy.RESEARCH)
@strawberry.type(description="What became of an import.")
class ImportFeedbackPayload:
    """Counts and refusals."""

    created: Long = strawberry.field(description="Kept just now.")
    unchanged: Long = strawberry.field(description="There before, brought up to date.")
    rejected: list[RejectedFeedback] = strawberry.field(description="In order.")
    dry_run: bool = strawberry.field(description="Whether nothing was kept.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


RecordFeedbackResult = Annotated[
    RecordFeedbackPayload | Refusal,
    strawberry.union("RecordFeedbackResult", description="The comment, or why not."),
]
ImportFeedbackResult = Annotated[
    ImportFeedbackPayload | Refusal,
    strawberry.union("ImportFeedbackResult", description="The counts, or why not."),
]


def _is_web_address(url: str) -> bool:
    return url.startswith(("https://", "http://")) and len(url) <= 2_048


async def _import(
    session: AsyncSession, context: Context, items: list[FeedbackItemInput]
) -> dict[str, Any]:
    """Keep each item by itself, so that a bad one spoils no other."""
    created = unchanged = 0
    rejected: list[list[Any]] = []
    for line, item in enumerate(items, start=1):
        try:
            recorded = await record_comment(
                session,
                project_id=context.caller.project_id,
                said=item.said(context),
            )
        except Problem as problem:
            rejected.append([line, problem.code, problem.message])
            continue
        created += recorded.created
        unchanged += not recorded.created
    return {"created": created, "unchanged": unchanged, "rejected": rejected}


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.INGEST},
        description="Keep a comment, without personal details; its tags follow.",
    )
    async def record_feedback(
        self, info: Info, input: RecordFeedbackInput
    ) -> RecordFeedbackResult:
        """Once, however often it is sent."""
        context, project_id = info.context, info.context.caller.project_id
        try:
            said = input.said(context)
            assignments = await assignments_of(context, said.subject)
        except Problem as problem:
            return member_for(problem)

        async def work(session: AsyncSession) -> Ids:
            await check_may_name(context, session, said.subject)
            recorded = await record_comment(
                session,
                project_id=project_id,
                said=replace(said, assignments_at=assignments),
            )
            created = "yes" if recorded.created else "no"
            return {"comment": recorded.comment.id.hex, "created": created}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> RecordFeedbackPayload:
            local = UUID(ids["comment"])
            rows = await queries.rows_by_id(
                session, models.Comment, project_id, [local]
            )
            return RecordFeedbackPayload(
                feedback_id=global_id("Feedback", local),
                created=ids["created"] == "yes",
                replayed=replayed,
                feedback=Feedback.of(rows[local]),
            )

        return await perform(
            info,
            input,
            operation="recordFeedback",
            work=work,
            rebuild=rebuild,
            nudges=NEXT_STEPS,
        )

    @strawberry.mutation(
        metadata={"policy": Policy.RESEARCH},
        description="Keep many comments. A bad item is named by its line and spoils no "
        "other.",
    )
    async def import_feedback(
        self, info: Info, input: ImportFeedbackInput
    ) -> ImportFeedbackResult:
        """With dryRun nothing is kept."""
        context = info.context

        async def work(session: AsyncSession) -> Ids:
            if not 1 <= len(input.items) <= MAX_IMPORT:
                raise Invalid(f"Give 1 to {MAX_IMPORT} items.", path=("items",))
            async with session.begin_nested() as attempt:
                outcome = await _import(session, context, input.items)
                if input.dry_run:
                    await attempt.rollback()
            return {"outcome": json.dumps(outcome)}

        async def rebuild(
            _session: AsyncSession, ids: Ids, replayed: bool
        ) -> ImportFeedbackPayload:
            outcome = json.loads(ids["outcome"])
            return ImportFeedbackPayload(
                created=Long(outcome["created"]),
                unchanged=Long(outcome["unchanged"]),
                rejected=[
                    RejectedFeedback(line=line, code=code, message=message)
                    for line, code, message in outcome["rejected"]
                ],
                dry_run=input.dry_run,
                replayed=replayed,
            )

        return await perform(
            info,
            input,
            operation="importFeedback",
            work=work,
            rebuild=rebuild,
            nudges=NEXT_STEPS,
        )
