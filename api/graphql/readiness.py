"""Launch readiness as it is read: the checklist in three groups, with its evidence."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry

from api.context import Context, Info
from api.graphql.evidence_names import named_evidence
from api.graphql.ids import local_id
from api.graphql.power_parts import PowerAnalysis
from api.graphql.readiness_enums import ItemCode, ItemGroup, ItemStatus
from api.graphql.scalars import JSON
from api.policies import Policy, policed
from core.problems import NotFound
from experiments import models, queries
from experiments.readiness import items
from experiments.readiness import queries as readiness_queries
from experiments.readiness.models import LaunchEvidence
from experiments.readiness.models import LaunchNotes as NotesRow
from experiments.readiness.overlaps import Overlap
from experiments.service.readying import Readiness, readiness_of

TITLES = {
    ItemGroup.YOU_DECIDE: "You decide",
    ItemGroup.WE_CHECKED: "We checked",
    ItemGroup.WORTH_KNOWING: "Worth knowing",
}


async def readiness_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Readiness]:
    """The checklists of the caller's own experiments, in the caller's environment."""
    project_id = context.caller.project_id
    async with context.readers() as session:
        rows = await queries.experiments_by_ids(session, project_id=project_id, ids=ids)
        drafts = await queries.drafts_of(session, list(rows.values()))
        found = await readiness_of(
            session,
            project_id=project_id,
            environment_id=context.caller.environment_id,
            drafts=list(drafts.values()),
        )
    return [found.get(local, Readiness(())) for local in ids]


async def notes_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[NotesRow | None]:
    """What people said of each experiment before its launch."""
    async with context.readers() as session:
        found = await readiness_queries.notes_of(session, ids)
    return [found.get(local) for local in ids]


async def evidence_by_experiment(
    context: Context, ids: Sequence[UUID]
) -> list[Sequence[LaunchEvidence]]:
    """What was found last of each experiment, in the caller's environment."""
    async with context.readers() as session:
        found = await readiness_queries.evidence_of(
            session, ids, context.caller.environment_id
        )
    return [found[local] for local in ids]


@policed(Policy.READ)
@strawberry.type(description="Somebody let an item pass.")
class ReadinessWaiver:
    """Who, and why."""

    reason: str = strawberry.field(description="Why; shown in the decision's memo.")
    actor: str = strawberry.field(description="Who did.")
    at: datetime = strawberry.field(description="When.")


@policed(Policy.READ)
@strawberry.type(description="One item of the launch checklist.")
class ReadinessItem:
    """An item."""

    code: ItemCode = strawberry.field(description="For programs.")
    status: ItemStatus = strawberry.field(description="How it stands.")
    group: ItemGroup = strawberry.field(description="Who settles it.")
    title: str = strawberry.field(description="What it asks for.")
    message: str = strawberry.field(description="How it stands, for people.")
    evidence: JSON = strawberry.field(description="What that rests on, by name.")
    blocking: bool = strawberry.field(
        description="Whether it keeps the experiment from being launched."
    )
    waivable: bool = strawberry.field(
        description="Whether somebody may let it pass as it stands."
    )
    checks: list[str] = strawberry.field(
        description="Codes of `launchChecks` that block it; they cannot be waived."
    )
    evaluated_at: datetime = strawberry.field(description="When it was looked at.")
    waiver: ReadinessWaiver | None = strawberry.field(
        description="Who let it pass; null unless it is WAIVED."
    )

    @classmethod
    def of(cls, item: items.Item) -> "ReadinessItem":
        """From the domain's."""
        waiver = item.waiver
        return cls(
            code=item.code,
            status=item.status,
            group=item.entry.group,
            title=item.entry.title,
            message=item.message,
            evidence=JSON(named_evidence(item.code, item.evidence)),
            blocking=item.blocking,
            waivable=item.waivable,
            checks=list(item.blockers),
            evaluated_at=item.evaluated_at,
            waiver=None
            if waiver is None
            else ReadinessWaiver(
                reason=waiver.reason, actor=waiver.actor, at=waiver.at
            ),
        )


@policed(Policy.READ)
@strawberry.type(description="The items that one kind of settling is for.")
class ReadinessGroup:
    """A group."""

    group: ItemGroup = strawberry.field(description="For programs.")
    title: str = strawberry.field(description="For people.")
    items: list[ReadinessItem] = strawberry.field(description="In order.")


@policed(Policy.READ)
@strawberry.type(
    description="The launch checklist of an experiment in one environment: as it is, "
    "or, once launched, as it stood when the last phase began."
)
class LaunchReadiness:
    """A checklist."""

    ready: bool = strawberry.field(description="Whether nothing blocks the launch.")
    launched_at: datetime | None = strawberry.field(
        description="When the phase began of which this is the record; null before."
    )
    items: list[ReadinessItem] = strawberry.field(
        description="All 16; none of what was launched elsewhere, or before there was "
        "a checklist."
    )

    @strawberry.field(description="The same by who settles them.")
    def groups(self) -> list[ReadinessGroup]:
        """At most three, each with something in it."""
        found = []
        for group, title in TITLES.items():
            within = [each for each in self.items if each.group is group]
            if within:
                found.append(ReadinessGroup(group=group, title=title, items=within))
        return found

    @classmethod
    def of(cls, readiness: Readiness) -> "LaunchReadiness":
        """From the domain's."""
        return cls(
            ready=readiness.ready,
            launched_at=readiness.launched_at,
            items=[ReadinessItem.of(each) for each in readiness.items],
        )


@policed(Policy.READ)
@strawberry.type(description="What only people know before a launch.")
class LaunchNotes:
    """Notes."""

    decider: str = strawberry.field(description="Who decides in the end.")
    decision_date: date | None = strawberry.field(
        description="By when it is meant to be decided."
    )
    ethics: str = strawberry.field(
        description="Why it is fair to those who are in it, and what of them is read."
    )
    identity: str = strawberry.field(
        description="How a visitor's id is linked to the user's."
    )
    support_briefed: str = strawberry.field(description="Who in support was told what.")
    version: int = strawberry.field(
        description="Echo it as `expectedVersion` to change them; 0 if there are none."
    )

    @classmethod
    def of(cls, row: NotesRow | None) -> "LaunchNotes":
        """From a row, or from nothing said yet."""
        return cls(
            decider=row.decider if row else "",
            decision_date=row.decision_date if row else None,
            ethics=row.ethics if row else "",
            identity=row.identity if row else "",
            support_briefed=row.support_briefed if row else "",
            version=row.version if row else 0,
        )


@policed(Policy.READ)
@strawberry.type(description="What a draft would share with an experiment that runs.")
class ExperimentOverlap:
    """One neighbour."""

    experiment_key: str = strawberry.field(description="The one that runs.")
    share: float = strawberry.field(
        description="Of the people on record who would be in, the part that is in it "
        "too; 0 to 1."
    )
    people: int = strawberry.field(
        description="How many of those looked at would be in."
    )
    exposed: float | None = strawberry.field(
        description="Of the units seen lately, the part that was exposed to it; null "
        "if none of it is known."
    )
    same_treatment: bool = strawberry.field(
        description="Whether both vary the same meter or flow."
    )
    same_metric: bool = strawberry.field(
        description="Whether the same metric decides both."
    )
    apart: bool = strawberry.field(description="Whether a layer keeps them apart.")
    proposes_layer: bool = strawberry.field(
        description="Whether the two belong into one layer."
    )

    @classmethod
    def of(cls, overlap: Overlap) -> "ExperimentOverlap":
        """From the domain's."""
        return cls(
            experiment_key=overlap.key,
            share=overlap.share,
            people=overlap.people,
            exposed=overlap.exposed,
            same_treatment=overlap.same_treatment,
            same_metric=overlap.same_metric,
            apart=overlap.apart,
            proposes_layer=overlap.proposes_layer,
        )


@strawberry.type
class Preparation:
    """The part of `Experiment` that is there before its launch."""

    row: strawberry.Private[models.Experiment]

    @strawberry.field(
        description="What is left to do or to know before the launch, in the "
        "environment of the request; naming another one finds nothing."
    )
    async def launch_readiness(
        self, info: Info, environment: strawberry.ID | None = None
    ) -> LaunchReadiness:
        """Evaluated now, from evidence that workers gather."""
        if environment is not None:
            local = local_id(environment, "Environment", path=("environment",))
            if local != info.context.caller.environment_id:
                raise NotFound("The environment", path=("environment",))
        loader = info.context.loaders.of(readiness_by_experiment)
        return LaunchReadiness.of(await loader.load(self.row.id))

    @strawberry.field(description="What people said before the launch.")
    async def launch_notes(self, info: Info) -> LaunchNotes:
        """Loaded together with those of the other experiments in the answer."""
        loader = info.context.loaders.of(notes_by_experiment)
        return LaunchNotes.of(await loader.load(self.row.id))

    @strawberry.field(
        description="Experiments that would run beside it in this environment, worst "
        "first, as they were found last; at most 50, empty until somebody looked."
    )
    async def overlaps(self, info: Info) -> list[ExperimentOverlap]:
        """From the evidence."""
        body = await self._evidence(info, ItemCode.OVERLAP)
        found = [Overlap.of(each) for each in (body or {}).get("neighbours", ())]
        return [ExperimentOverlap.of(each) for each in found]

    @strawberry.field(
        description="How many units it needs and how long that takes in this "
        "environment, as it was found last; null until somebody looked, or where the "
        "primary metric has no history."
    )
    async def power(self, info: Info) -> PowerAnalysis | None:
        """From the evidence."""
        body = await self._evidence(info, ItemCode.POWER)
        return PowerAnalysis.of_document(body) if body else None

    async def _evidence(self, info: Info, code: ItemCode) -> dict[str, Any] | None:
        loader = info.context.loaders.of(evidence_by_experiment)
        rows = await loader.load(self.row.id)
        return next((row.body for row in rows if row.code is code), None)
