"""recordExposures, and the exposures that belong to no experiment."""

from datetime import datetime
from typing import Annotated, cast

import strawberry

from api.composed.exposing import (
    ExposureStatus,
    ExposureVerdict,
    Met,
    record_exposures,
)
from api.context import Info
from api.graphql.errors import ValidationError, member_for
from api.graphql.experiment_enums import CAUSES
from api.graphql.scalars import Long
from api.graphql.subject import SubjectInput
from api.policies import Policy, policed
from core.problems import Invalid
from experiments.events.log import Stray, StrayReason

strawberry.enum(
    ExposureStatus,
    description="RECORDED and DUPLICATE are durable. The others stored nothing: the "
    "subject is not randomised, nothing is served under the key, or the event is "
    "malformed.",
)
strawberry.enum(
    StrayReason,
    name="UnattributedReason",
    description="UNKNOWN_EXPERIMENT: nothing was ever started under the key here. "
    "UNKNOWN_VARIANT: no phase under the key has the variant. OTHER_PHASE: it names a "
    "phase, and happened while another one was under way: it was kept for too long, or "
    "is of another environment.",
)


@strawberry.input(description="The subject meets what one experiment gives it.")
class ExposureInput:
    """One exposure."""

    event_id: strawberry.ID = strawberry.field(
        description="Your id of it; sent again, it is counted once. UUIDv7 is best."
    )
    experiment_key: str = strawberry.field(description="The experiment.")
    at: datetime | None = strawberry.field(
        default=None, description="When; the moment of receipt if left out."
    )


@strawberry.input(description="Exposures of one subject, evaluated here.")
class RecordExposuresInput:
    """What recordExposures takes."""

    subject: SubjectInput = strawberry.field(
        description="Who meets them, with the attributes that rules may read."
    )
    exposures: list[ExposureInput] = strawberry.field(description="At most 200.")


def _message(verdict: ExposureVerdict) -> str | None:
    """Why nothing was stored of what is not malformed."""
    if verdict.status is ExposureStatus.UNKNOWN_EXPERIMENT:
        return f"There is no experiment {verdict.met.experiment_key} here."
    if verdict.status is ExposureStatus.NOT_IN_EXPERIMENT:
        return f"The subject is not in it. {CAUSES[verdict.cause]}"
    return None


@policed(Policy.PUBLIC)
@strawberry.type(description="What became of one exposure.")
class RecordedExposure:
    """One verdict."""

    event_id: strawberry.ID = strawberry.field(description="Yours.")
    experiment_key: str = strawberry.field(description="The experiment.")
    status: ExposureStatus = strawberry.field(description="What became of it.")
    variant: str | None = strawberry.field(
        description="What the subject is served; null if nothing is under the key."
    )
    code: str | None = strawberry.field(
        description="Why it was rejected; CLOCK if it was dated ahead and moved."
    )
    message: str | None = strawberry.field(
        description="The same, for people; also why nothing was stored. Null where "
        "there is nothing to say."
    )

    @classmethod
    def of(cls, verdict: ExposureVerdict) -> "RecordedExposure":
        """From a verdict."""
        return cls(
            event_id=strawberry.ID(verdict.met.event_id),
            experiment_key=verdict.met.experiment_key,
            status=verdict.status,
            variant=verdict.variant,
            code=verdict.code,
            message=verdict.message or _message(verdict),
        )


@policed(Policy.PUBLIC)
@strawberry.type(description="The verdicts, in the order of the input.")
class RecordExposuresPayload:
    """One verdict for each exposure."""

    exposures: list[RecordedExposure] = strawberry.field(
        description="What became of each; recorded ones are durable."
    )


RecordExposuresResult = Annotated[
    RecordExposuresPayload | ValidationError,
    strawberry.union(
        "RecordExposuresResult", description="The verdicts, or why none was given."
    ),
]


@policed(Policy.READ)
@strawberry.type(
    description="Exposures that were accepted and that no phase counts: their "
    "experiment or variant is not known here, or their phase was over."
)
class UnattributedExposures:
    """One key and variant that somebody sends by mistake."""

    experiment_key: str = strawberry.field(description="What the events name.")
    variant: str = strawberry.field(description="The variant that they name.")
    reason: StrayReason = strawberry.field(description="Why.")
    exposures: Long = strawberry.field(description="How many events.")
    first_at: datetime = strawberry.field(description="The earliest.")
    last_at: datetime = strawberry.field(description="The latest.")

    @classmethod
    def of(cls, stray: Stray) -> "UnattributedExposures":
        """From the log's count."""
        return cls(
            experiment_key=stray.experiment_key,
            variant=stray.variant_key,
            reason=stray.reason,
            exposures=Long(stray.exposures),
            first_at=stray.first_at,
            last_at=stray.last_at,
        )


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="Exposures that no experiment counts, by key and variant, the "
        "latest first: a misspelt key, a variant that does not exist, a phase that was "
        "over.",
    )
    async def unattributed_exposures(
        self, info: Info, experiment_key: str | None = None
    ) -> list[UnattributedExposures]:
        """At most 200 keys and variants."""
        context = info.context
        found = await context.log.stray_exposures(
            context.caller.environment_id, experiment_key=experiment_key
        )
        return [UnattributedExposures.of(stray) for stray in found]


@strawberry.type
class Mutation:
    """Exposures in."""

    @strawberry.mutation(
        metadata={"policy": Policy.INGEST},
        description="Evaluate experiments for a subject and record that it meets what "
        "they give it. Answers once all is durable; safe to repeat, for each exposure "
        "has an id of its own.",
    )
    async def record_exposures(
        self, info: Info, input: RecordExposuresInput
    ) -> RecordExposuresResult:
        """Evaluate, append, answer."""
        items = [
            Met(item.event_id, item.experiment_key, item.at) for item in input.exposures
        ]
        try:
            subject = input.subject.context()
            verdicts = await record_exposures(info.context, subject, items)
        except Invalid as problem:
            return cast(ValidationError, member_for(problem))
        return RecordExposuresPayload(
            exposures=[RecordedExposure.of(verdict) for verdict in verdicts]
        )
