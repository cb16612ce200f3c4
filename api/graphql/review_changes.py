"""Submitting a design, agreeing to it or not, and believing nothing of it any more."""

from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.experiment_changes import (
    ExperimentResult,
    StartExperimentResult,
    begun,
    intent_of,
    take_step,
)
from api.graphql.experiment_inputs import TransitionExperimentInput
from api.graphql.reviews import ReviewVerdict
from api.policies import Policy
from core.database import AsyncSession
from experiments import service

_EDIT = {"policy": Policy.EDIT}
_REVIEW = {"policy": Policy.REVIEW}


@strawberry.input(description="A draft to submit for review.")
class SubmitForReviewInput(TransitionExperimentInput):
    """What submitForReview takes."""

    note: str = strawberry.field(
        default="", description="For the reviewers: what to look at."
    )


@strawberry.input(description="A person's word on a design.")
class ReviewExperimentInput(TransitionExperimentInput):
    """What reviewExperiment takes."""

    verdict: ReviewVerdict = strawberry.field(description="Yes, or not yet.")
    note: str = strawberry.field(
        default="", description="Why; REQUEST_CHANGES does not go without."
    )


@strawberry.input(description="An experiment that nothing is to be concluded from.")
class InvalidateExperimentInput(TransitionExperimentInput):
    """What invalidateExperiment takes."""

    reason: str = strawberry.field(description="Why; kept in the audit trail.")


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT,
        description="Ask others to agree to a draft. Nothing may be left to do on its "
        "launch checklist. A later change of the design takes back what was said.",
    )
    async def submit_for_review(
        self, info: Info, input: SubmitForReviewInput
    ) -> StartExperimentResult:
        """In review, or what is left to do."""

        async def submit(session: AsyncSession) -> UUID:
            intent = await intent_of(session, info, input)
            return (await service.submit(session, intent, note=input.note)).id

        return await begun(info, input, "submitForReview", submit)

    @strawberry.mutation(
        metadata=_REVIEW,
        description="Agree to the design as it is now, or send it back to be changed. "
        "Under TEAM and STRICT nobody approves a design that they changed "
        "(SELF_APPROVAL). With the last approval that it needs it is APPROVED.",
    )
    async def review_experiment(
        self, info: Info, input: ReviewExperimentInput
    ) -> ExperimentResult:
        """A person's word; a key has none."""
        return await take_step(
            info,
            input,
            "reviewExperiment",
            service.assess,
            verdict=input.verdict,
            note=input.note,
        )

    @strawberry.mutation(
        metadata=_EDIT,
        description="Take a design back out of review; it is a draft again, and what "
        "was said of it no longer counts.",
    )
    async def withdraw_review(
        self, info: Info, input: TransitionExperimentInput
    ) -> ExperimentResult:
        """From IN_REVIEW or APPROVED."""
        return await take_step(info, input, "withdrawReview", service.withdraw)

    @strawberry.mutation(
        metadata=_REVIEW,
        description="Say that nothing may be concluded from an experiment, and why. A "
        "live one ends and everyone gets the control. Its data stays; no arm wins.",
    )
    async def invalidate_experiment(
        self, info: Info, input: InvalidateExperimentInput
    ) -> ExperimentResult:
        """For ever."""
        return await take_step(
            info, input, "invalidateExperiment", service.invalidate, reason=input.reason
        )
