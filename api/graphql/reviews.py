"""Reviews as they are read: who was asked, what they said, and of which design."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.audit import Actor
from api.graphql.ids import global_id
from api.policies import Policy, policed
from experiments import queries
from experiments.governance import models
from experiments.governance.queries import assessments_of, last_reviews
from experiments.service.approving import Agreement, agreements_of

ReviewVerdict = models.ReviewVerdict
ReviewOutcome = models.ReviewOutcome

strawberry.enum(
    ReviewVerdict,
    description="APPROVE agrees to the design as it is; REQUEST_CHANGES makes it a "
    "draft again.",
)
strawberry.enum(ReviewOutcome, description="How a review ended.")


@policed(Policy.READ)
@strawberry.type(description="What one person said of a design.")
class Assessment:
    """One reviewer's word."""

    verdict: ReviewVerdict = strawberry.field(description="Yes, or not yet.")
    note: str = strawberry.field(description="Why.")
    reviewer: Actor = strawberry.field(description="Who.")
    design_hash: str = strawberry.field(
        description="SHA-256 of the design that it was said of."
    )
    at: datetime = strawberry.field(description="When.")
    counts: bool = strawberry.field(
        description="Whether it counts as an approval of the design as it is now."
    )
    revoked_at: datetime | None = strawberry.field(
        description="When a change of the design, or a later word, took it back."
    )


@policed(Policy.READ)
@strawberry.type(description="A design that was submitted for others to agree to.")
class Review:
    """One submission."""

    id: strawberry.ID = strawberry.field(description="The review's id.")
    number: int = strawberry.field(description="From 1.")
    submitted_at: datetime = strawberry.field(description="When.")
    submitted_by: Actor = strawberry.field(description="Who.")
    note: str = strawberry.field(description="What was said to the reviewers.")
    design_hash: str = strawberry.field(
        description="SHA-256 of the design as it is now."
    )
    required: int = strawberry.field(
        description="How many must agree. Under STRICT two, where a limit gives less "
        "than the control to accounts that were there before."
    )
    approvals: int = strawberry.field(description="How many agree to it as it is now.")
    outcome: ReviewOutcome | None = strawberry.field(
        description="How it ended; null while it is open."
    )
    closed_at: datetime | None = strawberry.field(description="When it ended.")
    assessments: list[Assessment] = strawberry.field(
        description="What was said, in order: the last 100."
    )

    @classmethod
    def of(
        cls,
        row: models.Review,
        agreement: Agreement,
        said: Sequence[models.Assessment],
    ) -> "Review":
        """From rows, against the design as it is now."""
        return cls(
            id=global_id("Review", row.id),
            number=row.number,
            submitted_at=row.submitted_at,
            submitted_by=Actor.of(row.submitter_kind, row.submitter_name),
            note=row.note,
            design_hash=agreement.design_hash,
            required=agreement.required,
            approvals=len(agreement.approvers),
            outcome=row.outcome,
            closed_at=row.closed_at,
            assessments=[_assessment(each, agreement) for each in said],
        )


def _assessment(row: models.Assessment, agreement: Agreement) -> Assessment:
    return Assessment(
        verdict=row.verdict,
        note=row.note,
        reviewer=Actor.of(row.actor_kind, row.actor_name),
        design_hash=row.design_hash,
        at=row.at,
        counts=row.verdict is ReviewVerdict.APPROVE
        and row.revoked_at is None
        and row.actor in agreement.approvers,
        revoked_at=row.revoked_at,
    )


async def agreements_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Agreement | None]:
    """Who agrees to each of the caller's own designs."""
    project_id = context.caller.project_id
    async with context.readers() as session:
        rows = await queries.experiments_by_ids(session, project_id=project_id, ids=ids)
        drafts = await queries.drafts_of(session, list(rows.values()))
        found = await agreements_of(
            session, project_id=project_id, drafts=list(drafts.values())
        )
    return [found.get(local) for local in ids]


async def reviews_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Review | None]:
    """The last review of each of the caller's own experiments."""
    loader = context.loaders.of(agreements_by_experiment)
    agreements = dict(zip(ids, await loader.load_many(ids), strict=True))
    async with context.readers() as session:
        reviews = await last_reviews(session, ids)
        said = await assessments_of(session, [row.id for row in reviews.values()])
    found: list[Review | None] = []
    for local in ids:
        agreement, row = agreements[local], reviews.get(local)
        if agreement is None or row is None:
            found.append(None)
        else:
            found.append(Review.of(row, agreement, said[row.id]))
    return found
