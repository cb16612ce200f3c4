"""Segments: making them, changing who is in them, taking them out of use."""

from typing import Annotated, Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.errors import Refusal
from api.graphql.ids import local_id
from api.graphql.perform import Ids, Work, WriteInput, perform
from api.graphql.scalars import JSON
from api.graphql.segments import Segment
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import service
from experiments.eligibility import queries
from experiments.errors import SegmentInvalid

_EDIT = {"policy": Policy.EDIT}


@strawberry.input(
    description="Who is in a segment: values of an attribute, or a condition."
)
class SegmentContentInput:
    """The parts of a segment that say who is in it."""

    attribute: str | None = strawberry.field(
        default=None, description="Of a list: what the values are values of."
    )
    values: list[str] | None = strawberry.field(
        default=None,
        description="Of a list: 1 to 5,000 texts. They equal attributes that "
        'are texts, and no numbers: list "7" only where the attribute is sent as "7".',
    )
    condition: JSON | None = strawberry.field(
        default=None, description="A condition on attributes; it may name segments."
    )

    def spec(self) -> service.SegmentSpec | None:
        """As the domain takes it; None where nothing was sent.

        Raises:
            SegmentInvalid: The condition is no object.
        """
        condition = self.condition
        if condition is not None and not isinstance(condition, dict):
            raise SegmentInvalid("A condition is an object.", path=("condition",))
        if self.attribute is None and self.values is None and condition is None:
            return None
        return service.SegmentSpec(self.attribute, self.values, condition)


@strawberry.input(description="A segment to make: a list or a condition.")
class CreateSegmentInput(SegmentContentInput):
    """What createSegment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    key: str = strawberry.field(
        description="1 to 128 letters, digits, dots, dashes or underscores; taken for "
        "ever."
    )
    name: str = strawberry.field(default="", description="For people; else the key.")


@strawberry.input(description="A segment to change; what is left out stays.")
class UpdateSegmentInput(SegmentContentInput):
    """What updateSegment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The segment's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")
    name: str | None = strawberry.field(default=None, description="For people.")


@strawberry.input(description="A segment to take out of use.")
class ArchiveSegmentInput:
    """What archiveSegment takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    id: strawberry.ID = strawberry.field(description="The segment's global id.")
    expected_version: int = strawberry.field(description="The version that you read.")


@policed(Policy.READ)
@strawberry.type(description="The segment as it is now.")
class SegmentPayload:
    """What every mutation of a segment answers."""

    segment: Segment = strawberry.field(description="The segment.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


SegmentResult = Annotated[
    SegmentPayload | Refusal,
    strawberry.union("SegmentResult", description="The segment, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata=_EDIT, description="Name a group, so that targeting may."
    )
    async def create_segment(
        self, info: Info, input: CreateSegmentInput
    ) -> SegmentResult:
        """One segment with its audit row."""

        async def work(session: AsyncSession) -> Ids:
            row = await service.create_segment(
                session,
                project_id=info.context.caller.project_id,
                actor=info.context.actor,
                key=input.key,
                name=input.name,
                spec=input.spec() or service.SegmentSpec(),
            )
            return {"segment": row.id.hex}

        return await _perform(info, input, "createSegment", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Change who is in a segment, for phases that start from now on.",
    )
    async def update_segment(
        self, info: Info, input: UpdateSegmentInput
    ) -> SegmentResult:
        """A list stays a list, and a condition a condition."""

        async def work(session: AsyncSession) -> Ids:
            target = _target(info.context, input)
            row = await service.update_segment(
                session, name=input.name, spec=input.spec(), **target
            )
            return {"segment": row.id.hex}

        return await _perform(info, input, "updateSegment", work)

    @strawberry.mutation(
        metadata=_EDIT,
        description="Take a segment out of use. Its key stays reserved, and running "
        "phases keep who was in it.",
    )
    async def archive_segment(
        self, info: Info, input: ArchiveSegmentInput
    ) -> SegmentResult:
        """Refused while a draft or another segment names it."""

        async def work(session: AsyncSession) -> Ids:
            target = _target(info.context, input)
            row = await service.archive_segment(session, **target)
            return {"segment": row.id.hex}

        return await _perform(info, input, "archiveSegment", work)


async def _perform(
    info: Info, given: WriteInput, operation: str, work: Work
) -> SegmentPayload | Refusal:
    async def rebuild(
        session: AsyncSession, ids: Ids, replayed: bool
    ) -> SegmentPayload:
        row = await queries.segment_by_id(
            session,
            project_id=info.context.caller.project_id,
            segment_id=UUID(ids["segment"]),
        )
        return SegmentPayload(segment=Segment.of(row), replayed=replayed)

    return await perform(info, given, operation=operation, work=work, rebuild=rebuild)


def _target(
    context: Context, given: UpdateSegmentInput | ArchiveSegmentInput
) -> dict[str, Any]:
    return {
        "project_id": context.caller.project_id,
        "segment_id": local_id(given.id, "Segment", path=("id",)),
        "expected_version": given.expected_version,
        "actor": context.actor,
    }
