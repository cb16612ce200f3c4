"""What was measured of a shipped variant, weeks after everyone had it."""

from datetime import datetime

import strawberry

from api.graphql.scalars import Long
from api.policies import Policy, policed
from experiments.shipping import models
from experiments.shipping.models import Basis

strawberry.enum(
    Basis,
    name="MeasurementBasis",
    description="HOLDBACK compares those held back with those who had the variant "
    "from the start; OBSERVATIONAL compares before with after, and whatever else has "
    "changed; CANNOT_MEASURE would not see an effect of the size that was shipped.",
)


@policed(Policy.READ)
@strawberry.type(
    description="What a shipped variant is still worth, so many days after everyone "
    "had it."
)
class Remeasurement:
    """One measurement, done or due."""

    day: int = strawberry.field(description="Days since everyone had it.")
    due_at: datetime = strawberry.field(description="When it is, or was, due.")
    done_at: datetime | None = strawberry.field(
        description="When it was done; null until then."
    )
    basis: Basis | None = strawberry.field(
        description="What was compared; null until then."
    )
    metric_key: str | None = strawberry.field(description="The primary metric.")
    control_units: Long | None = strawberry.field(
        description="Units held back, or before, whose window has closed."
    )
    treatment_units: Long | None = strawberry.field(
        description="Units treated from the start, or after, whose window has closed."
    )
    control_mean: float | None = strawberry.field(
        description="Their value, in the metric's unit."
    )
    treatment_mean: float | None = strawberry.field(
        description="Their value, in the metric's unit."
    )
    absolute: float | None = strawberry.field(
        description="Treated minus held back, or after minus before."
    )
    ci_low: float | None = strawberry.field(description="Low end of its interval.")
    ci_high: float | None = strawberry.field(description="High end of its interval.")
    p_value: float | None = strawberry.field(
        description="Of no difference, at a fixed horizon."
    )
    note: str = strawberry.field(description="How far it may be read.")

    @classmethod
    def of(cls, row: models.Remeasurement) -> "Remeasurement":
        """From a row."""
        control, treatment = row.control_units, row.treatment_units
        return cls(
            day=row.day,
            due_at=row.due_at,
            done_at=row.done_at,
            basis=row.basis,
            metric_key=row.metric_key,
            control_units=None if control is None else Long(control),
            treatment_units=None if treatment is None else Long(treatment),
            control_mean=row.control_mean,
            treatment_mean=row.treatment_mean,
            absolute=row.absolute,
            ci_low=row.low,
            ci_high=row.high,
            p_value=row.p_value,
            note=row.note,
        )
