"""viewer(subject): everything that a front-end asks for in one round trip."""

import strawberry

from api.composed.assignments import assigned
from api.context import Info
from api.graphql.assignments import AssignmentSet
from api.graphql.subject import SubjectInput
from api.graphql.survey_offers import SurveyOffer, offers_for
from api.policies import Policy, policed
from core.subjects import SubjectContext


@policed(Policy.PUBLIC)
@strawberry.type(description="What the product should show one subject now.")
class Viewer:
    """The siblings of one page load; each noun adds its own field."""

    subject: strawberry.Private[SubjectContext]

    @strawberry.field(description="The user id asked about.")
    def user_id(self) -> str | None:
        """From the input."""
        return self.subject.user_id

    @strawberry.field(description="The anonymous id asked about.")
    def anonymous_id(self) -> str | None:
        """From the input."""
        return self.subject.anonymous_id

    @strawberry.field(description="The account id asked about.")
    def account_id(self) -> str | None:
        """From the input."""
        return self.subject.account_id

    @strawberry.field(description="What every experiment gives the subject.")
    async def assignments(
        self, info: Info, keys: list[str] | None = None
    ) -> AssignmentSet:
        """All that is served, unless keys are named."""
        return AssignmentSet.of(await assigned(info.context, self.subject, keys))

    @strawberry.field(description="The surveys that may be shown to the subject now.")
    async def surveys(self, info: Info) -> list[SurveyOffer]:
        """Nothing is claimed by asking."""
        return await offers_for(info.context, self.subject)


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.PUBLIC},
        description="One subject's page load: assignments, surveys and what else is "
        "due, in one round trip.",
    )
    async def viewer(self, info: Info, subject: SubjectInput) -> Viewer:
        """The subject's siblings."""
        return Viewer(subject=subject.context())
