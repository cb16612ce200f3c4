"""What of a phase can be downloaded, and by whom."""

from urllib.parse import urlencode

import strawberry

from api.context import Info
from api.graphql.ids import global_id, local_id
from api.http.exports import PLACE, needed_for
from api.policies import Policy, policed
from experiments import queries
from experiments.analysis import queries as published
from experiments.analysis.disclosure import shows_effects
from experiments.analysis.exports import ExportKind

strawberry.enum(
    ExportKind,
    description="Which table: units, their values in one metric, the exact sums that "
    "looks read, what the looks made of them, or the current readings.",
)


@policed(Policy.READ)
@strawberry.type(description="One table, in two forms.")
class ExportedTable:
    """Where to get it."""

    kind: ExportKind = strawberry.field(description="Which table.")
    csv: str = strawberry.field(
        description="Path of the CSV; its first lines begin with #. VALUES are those "
        "of the primary metric; add `&metric=KEY` for another's."
    )
    jsonl: str = strawberry.field(
        description="Path of the JSON lines; the first one is the header, and the "
        "numbers can be computed again from those of SUMS."
    )
    allowed: bool = strawberry.field(
        description="Whether the caller may have it now: rows of units need an editor, "
        "what INVALID hides a reviewer, and effects a look that may be seen."
    )


@policed(Policy.READ)
@strawberry.type(
    description="What can be downloaded of a phase. Each download is in the audit log."
)
class ResultsExport:
    """Tables of one phase."""

    phase_id: strawberry.ID = strawberry.field(description="The phase's global id.")
    inputs_hash: str | None = strawberry.field(
        description="Of the current snapshot; null before the first."
    )
    tables: list[ExportedTable] = strawberry.field(description="Every table.")


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="Where the exposures, values, sums, looks and results of a phase "
        "can be downloaded, with a server key or signed in.",
    )
    async def export_results(self, info: Info, phase: strawberry.ID) -> ResultsExport:
        """Every table, also those that the caller may not have now."""
        caller = info.context.caller
        phase_id = local_id(str(phase), "Phase", path=("phase",))
        async with info.context.readers() as session:
            await queries.phase_by_id(
                session, environment_id=caller.environment_id, phase_id=phase_id
            )
            found = await published.current_by_phases(
                session, environment_id=caller.environment_id, phase_ids=[phase_id]
            )
        shown = found.get(phase_id)
        hidden = shown is not None and shown.hides_effect
        effects = shown is not None and shows_effects(
            published.whole_report(shown.snapshot) if hidden else shown.report
        )
        name = global_id("Phase", phase_id)
        query = urlencode({"phase": name})
        return ResultsExport(
            phase_id=name,
            inputs_hash=None if shown is None else shown.snapshot.inputs_hash,
            tables=[
                ExportedTable(
                    kind=kind,
                    csv=f"{PLACE}/{kind.value.lower()}.csv?{query}",
                    jsonl=f"{PLACE}/{kind.value.lower()}.jsonl?{query}",
                    allowed=needed_for(kind, hidden=hidden) in caller.capabilities
                    and (effects or kind is ExportKind.EXPOSURES),
                )
                for kind in ExportKind
            ],
        )
