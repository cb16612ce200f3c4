"""Which surveys a front-end may show, and the claim that it is about to show one."""

from datetime import datetime
from typing import Annotated

import strawberry

from api.composed.surveys import check_may_name, decided_surveys
from api.context import Context, Info
from api.graphql.errors import Refusal
from api.graphql.perform import Ids, perform
from api.graphql.questions import Question, shown_questions
from api.graphql.scalars import JSON
from api.graphql.subject import SubjectInput
from api.graphql.survey_enums import OfferReason
from api.policies import Policy, policed
from core.database import AsyncSession
from core.subjects import SubjectContext
from surveys.offering import OfferedSurvey, claim_display


@policed(Policy.PUBLIC)
@strawberry.type(description="A survey that may be shown to the subject now.")
class SurveyOffer:
    """An eligible survey."""

    survey_key: str = strawberry.field(description="Send it back with the answers.")
    title: str = strawberry.field(description="For people.")
    version: int = strawberry.field(description="Send it back with the answers.")
    questions: list[Question] = strawberry.field(description="In order.")

    @classmethod
    def of(cls, offered: OfferedSurvey) -> "SurveyOffer":
        """From what the domain decided."""
        return cls(
            survey_key=offered.survey.key,
            title=offered.version.title,
            version=offered.version.number,
            questions=shown_questions(offered.version.document),
        )


@policed(Policy.READ)
@strawberry.type(description="Why a live survey is or is not offered to a subject.")
class SurveyExplanation:
    """One decision."""

    survey_key: str = strawberry.field(description="Which survey.")
    reason: OfferReason = strawberry.field(description="What decided.")
    attribute: str | None = strawberry.field(
        description="Of NOT_TARGETED: the attribute whose comparison failed."
    )
    expected: JSON | None = strawberry.field(description="What the rule asks for.")
    actual: JSON | None = strawberry.field(description="What the subject has.")
    free_at: datetime | None = strawberry.field(
        description="Of SHOWN_RECENTLY: when it may be shown again."
    )

    @classmethod
    def of(cls, offered: OfferedSurvey) -> "SurveyExplanation":
        """From what the domain decided."""
        offer, failure = offered.offer, offered.offer.failure
        return cls(
            survey_key=offered.survey.key,
            reason=offer.reason,
            attribute=None if failure is None else failure.attribute,
            expected=None if failure is None else JSON(failure.expected),
            actual=None if failure is None else JSON(failure.actual),
            free_at=offer.free_at,
        )


@strawberry.input(description="A survey that is about to be shown.")
class ClaimSurveyDisplayInput:
    """What claimSurveyDisplay takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat gets the same answer."
    )
    survey_key: str = strawberry.field(description="From the offer.")
    subject: SubjectInput = strawberry.field(
        description="Who is about to see it. With a client key, X-Hone-Subject has to "
        "vouch for a user or an account."
    )


@policed(Policy.PUBLIC)
@strawberry.type(description="Whether this caller may show the survey.")
class ClaimSurveyDisplayPayload:
    """A claimed showing."""

    claimed: bool = strawberry.field(
        description="Show it only if true; another tab or device was first otherwise."
    )
    replayed: bool = strawberry.field(description="Whether it had been done before.")


ClaimSurveyDisplayResult = Annotated[
    ClaimSurveyDisplayPayload | Refusal,
    strawberry.union("ClaimSurveyDisplayResult", description="Yes or no, or why not."),
]


async def offers_for(context: Context, subject: SubjectContext) -> list[SurveyOffer]:
    """The surveys that may be shown to a subject now."""
    return [
        SurveyOffer.of(one)
        for one in await decided_surveys(context, subject)
        if one.offer.reason is OfferReason.ELIGIBLE
    ]


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.PUBLIC},
        description="The surveys that may be shown to a subject now; claim a showing "
        "before showing one.",
    )
    async def surveys_for(self, info: Info, subject: SubjectInput) -> list[SurveyOffer]:
        """Nothing is claimed by asking."""
        return await offers_for(info.context, subject.context())

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="Every live survey, and why a subject is or is not offered it.",
    )
    async def explain_surveys(
        self, info: Info, subject: SubjectInput
    ) -> list[SurveyExplanation]:
        """For 'why is my survey not showing'."""
        return [
            SurveyExplanation.of(one)
            for one in await decided_surveys(info.context, subject.context())
        ]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.INGEST},
        description="Claim the showing of a survey: of many tabs and devices, one gets "
        "it.",
    )
    async def claim_survey_display(
        self, info: Info, input: ClaimSurveyDisplayInput
    ) -> ClaimSurveyDisplayResult:
        """Starts the survey's rest for the subject."""
        context = info.context
        caller = context.caller

        async def work(session: AsyncSession) -> Ids:
            subject = input.subject.context()
            await check_may_name(context, session, subject)
            claimed = await claim_display(
                session,
                project_id=caller.project_id,
                environment_id=caller.environment_id,
                subject=subject,
                survey_key=input.survey_key,
            )
            return {"claimed": "yes" if claimed else "no"}

        async def rebuild(
            _session: AsyncSession, ids: Ids, replayed: bool
        ) -> ClaimSurveyDisplayPayload:
            return ClaimSurveyDisplayPayload(
                claimed=ids["claimed"] == "yes", replayed=replayed
            )

        return await perform(
            info, input, operation="claimSurveyDisplay", work=work, rebuild=rebuild
        )
