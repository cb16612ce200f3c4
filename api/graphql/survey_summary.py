"""What a survey's answers add up to."""

import re
from collections.abc import Sequence
from uuid import UUID

import strawberry

from api.context import Info
from api.graphql.scalars import Long
from api.policies import Policy, policed
from core.database import AsyncSession
from core.problems import NotFound
from surveys import models, queries
from surveys.questions import QuestionKind
from surveys.scoring import score

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,128}")
"""What a key may be made of, and so what may stand in a JSON path."""


@policed(Policy.READ)
@strawberry.type(
    description="A Net Promoter Score over completed responses. The interval is an "
    "adjusted Wald one; score and interval are null without an answer."
)
class NetPromoterScore:
    """The score of one question."""

    question_key: str = strawberry.field(description="Which question.")
    score: float | None = strawberry.field(description="From -100 to 100.")
    ci_low: float | None = strawberry.field(description="Lower end at 95%.")
    ci_high: float | None = strawberry.field(description="Upper end at 95%.")
    responses: Long = strawberry.field(description="Answers behind it.")
    partials: Long = strawberry.field(
        description="Partial responses, counted apart and never scored."
    )
    promoters: Long = strawberry.field(description="Answers of 9 and 10.")
    passives: Long = strawberry.field(description="Answers of 7 and 8.")
    detractors: Long = strawberry.field(description="Answers of 0 to 6.")

    @classmethod
    def of(
        cls, tally: queries.Tally, counts: queries.ResponseCounts
    ) -> "NetPromoterScore":
        """From counted answers."""
        found = score(tally.counts)
        points = found.points
        return cls(
            question_key=tally.question_key,
            score=None if points is None else points.value,
            ci_low=None if points is None else points.low,
            ci_high=None if points is None else points.high,
            responses=Long(found.groups.n),
            partials=Long(counts.partial),
            promoters=Long(found.groups.promoters),
            passives=Long(found.groups.passives),
            detractors=Long(found.groups.detractors),
        )


@policed(Policy.READ)
@strawberry.type(
    description="The score of those who were in a variant when they answered. It "
    "describes who answered: it is no comparison of the variants."
)
class VariantScore:
    """One variant's score."""

    variant_key: str = strawberry.field(description="Which variant.")
    score: float | None = strawberry.field(description="From -100 to 100.")
    ci_low: float | None = strawberry.field(description="Lower end at 95%.")
    ci_high: float | None = strawberry.field(description="Upper end at 95%.")
    responses: Long = strawberry.field(description="Answers behind it.")

    @classmethod
    def of(cls, variant: str, counts: Sequence[tuple[int, int]]) -> "VariantScore":
        """From counted answers."""
        found = score(counts)
        points = found.points
        return cls(
            variant_key=variant,
            score=None if points is None else points.value,
            ci_low=None if points is None else points.low,
            ci_high=None if points is None else points.high,
            responses=Long(found.groups.n),
        )


@policed(Policy.READ)
@strawberry.type(description="How often an answer on a scale was given.")
class ScaleCount:
    """One bar of a histogram."""

    answer: int = strawberry.field(description="The answer.")
    count: Long = strawberry.field(description="How many gave it.")


@policed(Policy.READ)
@strawberry.type(description="The answers to a RATING question in completed responses.")
class RatingTally:
    """A histogram."""

    question_key: str = strawberry.field(description="Which question.")
    counts: list[ScaleCount] = strawberry.field(
        description="Given answers, lowest first."
    )


@policed(Policy.READ)
@strawberry.type(description="Counts and scores of one version in one environment.")
class SurveySummary:
    """A version's summary."""

    version_id: strawberry.Private[UUID]
    tallies: strawberry.Private[list[queries.Tally]]
    counted: strawberry.Private[queries.ResponseCounts]
    number: int = strawberry.field(description="The version's number.")
    responses: Long = strawberry.field(description="Completed responses.")
    partials: Long = strawberry.field(description="Partial responses, apart.")
    completion_rate: float | None = strawberry.field(
        description="Completed out of all that were begun; null if none was."
    )
    ratings: list[RatingTally] = strawberry.field(description="By RATING question.")

    @strawberry.field(
        description="The score of an NPS question, the first one unless named; null "
        "where the version asks none or nobody completed it."
    )
    def nps(self, question_key: str | None = None) -> NetPromoterScore | None:
        """From the counted answers."""
        for tally in self.tallies:
            if question_key in (None, tally.question_key):
                return NetPromoterScore.of(tally, self.counted)
        return None

    @strawberry.field(
        description="The score of an NPS question by the variant of an experiment that "
        "people were in when they answered; the first question unless named."
    )
    async def nps_by_variant(
        self, info: Info, experiment_key: str, question_key: str | None = None
    ) -> list[VariantScore]:
        """Counted in the database."""
        if _KEY.fullmatch(experiment_key) is None:
            raise NotFound("The experiment", path=("experimentKey",))
        asked = self.nps(question_key)
        if asked is None:
            return []
        context = info.context
        async with context.readers() as session:
            counted = await queries.variant_tallies(
                session,
                version_id=self.version_id,
                environment_id=context.caller.environment_id,
                question_key=asked.question_key,
                experiment_key=experiment_key,
            )
        return [VariantScore.of(key, counts) for key, counts in counted.items()]

    @classmethod
    async def read(
        cls,
        session: AsyncSession,
        *,
        environment_id: UUID,
        survey: models.Survey,
        number: int,
    ) -> "SurveySummary | None":
        """Counted in the database; None for a version that is not there."""
        version = await queries.version_of(session, survey.id, number)
        if version is None:
            return None
        counts = await queries.response_counts(
            session, environment_id=environment_id, survey_id=survey.id
        )
        none = queries.ResponseCounts(number, completed=0, partial=0)
        counted = next((one for one in counts if one.version_number == number), none)
        scales = {
            kind: [
                tally
                for tally in await queries.tallies(
                    session,
                    environment_id=environment_id,
                    survey_id=survey.id,
                    kind=kind,
                )
                if tally.version_number == number
            ]
            for kind in (QuestionKind.NPS, QuestionKind.RATING)
        }
        return cls(
            version_id=version.id,
            tallies=scales[QuestionKind.NPS],
            counted=counted,
            number=number,
            responses=Long(counted.completed),
            partials=Long(counted.partial),
            completion_rate=counted.completion_rate,
            ratings=[_rating(tally) for tally in scales[QuestionKind.RATING]],
        )


def _rating(tally: queries.Tally) -> RatingTally:
    return RatingTally(
        question_key=tally.question_key,
        counts=[
            ScaleCount(answer=answer, count=Long(count))
            for answer, count in tally.counts
        ],
    )
