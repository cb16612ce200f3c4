"""Whether an experiment's effect depends on another one, as it is read."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from api.context import Context
from api.graphql.scalars import Long
from api.policies import Policy, policed
from experiments.analysis.interactions import ALPHA
from experiments.analysis.models import InteractionTest
from experiments.analysis.pairs import pairs_by_phase


@policed(Policy.READ)
@strawberry.type(
    description="Whether an effect depends on the variant of another experiment that "
    "shares units with it: the newest test of the pair."
)
class ExperimentInteraction:
    """One pair, in one of the two primary metrics."""

    other: str = strawberry.field(description="The other experiment's key.")
    metric: str = strawberry.field(description="The key of the metric that was tested.")
    of: str = strawberry.field(
        description="The key of the experiment whose primary metric it is."
    )
    units: Long = strawberry.field(description="Matured units that both have.")
    p: float = strawberry.field(description="Of this test alone.")
    adjusted_p: float = strawberry.field(
        description="Over all tests of the pair and all pairs of the environment."
    )
    estimate: float | None = strawberry.field(
        description="How much larger the effect is beside the other's variant; null "
        "where there are more than two variants, and while effects are hidden."
    )
    ci_low: float | None = strawberry.field(description="Lower end, 95%.")
    ci_high: float | None = strawberry.field(description="Upper end, 95%.")
    warning: str | None = strawberry.field(
        description="What to mind, as a sentence; null where nothing was found."
    )
    at: datetime = strawberry.field(description="When it was tested.")

    @classmethod
    def seen_from(
        cls,
        phase_id: UUID,
        found: tuple[InteractionTest, str, str],
        *,
        shown: bool,
    ) -> "ExperimentInteraction":
        """From a stored row, as one of its two phases has it."""
        row, tested, beside = found
        other = beside if row.phase_id == phase_id else tested
        return cls(
            other=other,
            metric=row.metric_key,
            of=tested,
            units=Long(row.units),
            p=row.p_value,
            adjusted_p=row.adjusted_p_value,
            estimate=row.estimate if shown else None,
            ci_low=row.low if shown else None,
            ci_high=row.high if shown else None,
            warning=_warning(row, tested, beside),
            at=row.at,
        )


async def interactions_by_phase(
    context: Context, ids: Sequence[UUID]
) -> list[Sequence[tuple[InteractionTest, str, str]]]:
    """The pairs of each phase, those first that interact most."""
    async with context.readers() as session:
        found = await pairs_by_phase(session, ids)
    return [found[each] for each in ids]


def _warning(row: InteractionTest, tested: str, crossed: str) -> str | None:
    if row.adjusted_p_value > ALPHA:
        return None
    return (
        f"The effect of {tested} on {row.metric_key} depends on the variant of "
        f"{crossed}: read neither alone."
    )
