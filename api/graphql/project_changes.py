"""The project's own rules: who must agree, by which clock, in which money."""

from typing import Annotated
from uuid import UUID

import strawberry

from api import directory
from api.context import Info
from api.graphql.enums import Governance
from api.graphql.errors import Refusal
from api.graphql.perform import Ids, perform
from api.graphql.project import Project
from api.policies import Policy, policed
from core.database import AsyncSession
from experiments import service


@strawberry.input(description="What to change of the project; what is left out stays.")
class UpdateProjectInput:
    """What updateProject takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    expected_version: int = strawberry.field(description="The version that you read.")
    name: str | None = strawberry.field(default=None, description="For people.")
    time_zone: str | None = strawberry.field(
        default=None,
        description="An IANA zone. Phases that began keep theirs, and so do starts "
        "that are scheduled.",
    )
    currency: str | None = strawberry.field(
        default=None,
        description="ISO 4217. Fixed once something was started or an amount recorded.",
    )
    governance: Governance | None = strawberry.field(
        default=None,
        description="Who must agree. TEAM needs a member who can review beside one who "
        "writes, STRICT two; to ask for fewer people needs a reason.",
    )
    reason: str = strawberry.field(default="", description="Kept in the audit trail.")


@policed(Policy.READ)
@strawberry.type(description="The project as it is now.")
class ProjectPayload:
    """What updateProject answers."""

    project: Project = strawberry.field(description="The project.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


ProjectResult = Annotated[
    ProjectPayload | Refusal,
    strawberry.union("ProjectResult", description="The project, or why not."),
]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.ADMIN},
        description="Change the project's name, clock, money or rules.",
    )
    async def update_project(
        self, info: Info, input: UpdateProjectInput
    ) -> ProjectResult:
        """The parts that were sent."""
        project_id = info.context.caller.project_id

        async def work(session: AsyncSession) -> Ids:
            row = await service.update_project(
                session,
                project_id=project_id,
                expected_version=input.expected_version,
                actor=info.context.actor,
                name=input.name,
                time_zone=input.time_zone,
                currency=input.currency,
                preset=input.governance,
                reason=input.reason,
            )
            return {"project": row.id.hex}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> ProjectPayload:
            row = await directory.project(session, UUID(ids["project"]))
            return ProjectPayload(project=Project.of(row), replayed=replayed)

        return await perform(
            info, input, operation="updateProject", work=work, rebuild=rebuild
        )
