"""Whether an experiment can be believed, as it is read."""

from datetime import datetime

import strawberry

from api.graphql.connection import Connection
from api.graphql.experiment_enums import UnitKind
from api.graphql.result_lists import listed
from api.graphql.scalars import Long
from api.pagination import DEFAULT_PAGE
from api.policies import Policy, policed
from experiments.analysis import results
from experiments.analysis.queries import Published


@policed(Policy.READ)
@strawberry.type(description="A test of the experiment itself.")
class HealthCheck:
    """Passed, warned or failed."""

    p_value: float | None = strawberry.field(
        description="Null while there are too few units to tell."
    )
    warned: bool = strawberry.field(description="Below .01: look for the cause.")
    failed: bool = strawberry.field(description="Below .001.")
    note: str = strawberry.field(description="What was found, as a clause.")

    @classmethod
    def of(cls, part: results.Check) -> "HealthCheck":
        """From a report."""
        return cls(
            p_value=part.p_value,
            warned=part.warned,
            failed=part.failed,
            note=part.note,
        )


@policed(Policy.READ)
@strawberry.type(
    description="A test of the split that may be read at every refresh: one error rate "
    "for all of them."
)
class SequentialCheck:
    """An e-process on the counts now."""

    p_value: float | None = strawberry.field(
        description="Null where the split cannot be tested."
    )
    log_evidence: float | None = strawberry.field(
        description="Natural logarithm of the evidence against the split."
    )
    warned: bool = strawberry.field(description="Below .01: look for the cause.")
    failed: bool = strawberry.field(description="Below .001.")
    note: str = strawberry.field(description="What was found, as a clause.")

    @classmethod
    def of(cls, part: results.SequentialCheck) -> "SequentialCheck":
        """From a report."""
        return cls(
            p_value=part.p_value,
            log_evidence=part.log_evidence,
            warned=part.warned,
            failed=part.failed,
            note=part.note,
        )


@policed(Policy.READ)
@strawberry.type(description="The split among the units of one level of one attribute.")
class SplitSlice:
    """A slice."""

    attribute: str = strawberry.field(
        description="What exposures carry, or `$day`: the UTC day of first exposure."
    )
    level: str = strawberry.field(description="Its value, `other` or `unknown`.")
    counts: list[Long] = strawberry.field(
        description="Units by variant, in the order of `exposures`, without those "
        "that were dropped."
    )
    p_value: float | None = strawberry.field(
        description="Of this slice alone; null where it has too few units."
    )
    rejected: bool = strawberry.field(
        description="Whether it is off beyond doubt among all slices."
    )

    @classmethod
    def of(cls, part: results.SliceCheck) -> "SplitSlice":
        """From a report."""
        return cls(
            attribute=part.attribute,
            level=part.level,
            counts=[Long(units) for units in part.counts],
            p_value=part.p_value,
            rejected=part.rejected,
        )


@policed(Policy.READ)
@strawberry.type(description="Who is in a variant, and how many count already.")
class VariantHealth:
    """Counts of one arm."""

    variant: str = strawberry.field(description="The variant's key.")
    name: str = strawberry.field(description="For people.")
    is_control: bool = strawberry.field(description="Whether it is the control.")
    expected_share: float = strawberry.field(description="Planned share of units.")
    exposed: Long = strawberry.field(description="Distinct randomised units.")
    matured: Long = strawberry.field(
        description="Of them, those whose window has closed in the primary metric."
    )
    maturing: Long = strawberry.field(description="Those whose window is open.")
    in_gaps: Long = strawberry.field(
        description="Left out: first exposed while enrolment was paused."
    )
    conflicts: Long = strawberry.field(description="Seen in another variant too.")
    linked: Long = strawberry.field(
        description="Linked later to a unit that was there before."
    )
    joined: Long = strawberry.field(
        description="Exposed as a visitor who is known to be a user now."
    )
    refused: Long = strawberry.field(
        description="Left out: a total beyond what is counted exactly."
    )
    conflict_rate: float | None = strawberry.field(
        description="Seen in another variant too, of those exposed."
    )
    link_rate: float | None = strawberry.field(
        description="Linked to an earlier unit, of those exposed."
    )
    sign_up_rate: float | None = strawberry.field(
        description="Visitors who became users, of those exposed."
    )
    trigger_rate: float | None = strawberry.field(
        description="Exposed of those seen that this variant was meant for, at the "
        "last look; null before it and for an import. Equal rates are what `srm` tests."
    )
    dropped_at: datetime | None = strawberry.field(
        description="When it was dropped. Its counts stay here; no test and no sum of "
        "counts has them any more."
    )

    @classmethod
    def of(cls, part: results.ArmHealth) -> "VariantHealth":
        """From a report."""
        return cls(
            variant=part.arm,
            name=part.name,
            is_control=part.is_control,
            expected_share=part.expected_share,
            exposed=Long(part.exposed),
            matured=Long(part.matured),
            maturing=Long(part.maturing),
            in_gaps=Long(part.in_gaps),
            conflicts=Long(part.conflicts),
            linked=Long(part.linked),
            joined=Long(part.joined),
            refused=Long(part.refused),
            conflict_rate=_rate(part.conflicts, part.exposed),
            link_rate=_rate(part.linked, part.exposed),
            sign_up_rate=_rate(part.joined, part.exposed),
            trigger_rate=part.trigger_rate,
            dropped_at=part.dropped_at,
        )


@policed(Policy.READ)
@strawberry.type(
    description="Whether the experiment can be believed, and how far it is."
)
class Health:
    """Checks, counts and freshness."""

    part: strawberry.Private[results.Health]
    unit: UnitKind = strawberry.field(description="What is randomised.")
    srm: HealthCheck = strawberry.field(
        description="Sample ratio: whether the variants got the units they should. "
        "Failing makes everything INVALID."
    )
    srm_sequential: SequentialCheck | None = strawberry.field(
        description="The same, valid at every refresh; null for older snapshots. "
        "Failing makes everything INVALID."
    )
    diagnosis: list[str] = strawberry.field(
        description="Where a broken split seems to come from, each as a sentence."
    )
    conflicts: HealthCheck = strawberry.field(
        description="Units seen in two variants, by variant. Failing makes everything "
        "INVALID."
    )
    links: HealthCheck = strawberry.field(
        description="Units linked to an earlier one, by variant."
    )
    sign_ups: HealthCheck = strawberry.field(
        description="Visitors who became users, by variant. Where one variant brings "
        "more of them to sign up, what they do afterwards is known of more of them."
    )
    exposures: list[VariantHealth] = strawberry.field(description="By variant.")
    planned_units: Long = strawberry.field(description="Where the look is due.")
    matured: Long = strawberry.field(description="Units that count already.")
    maturing: Long = strawberry.field(description="Units whose window is open.")
    watermark: datetime = strawberry.field(
        description="Every event up to here is in; it never falls."
    )
    backlog: Long = strawberry.field(description="Events that are not folded in yet.")
    first_exposure_at: datetime | None = strawberry.field(description="The first unit.")
    last_event_at: datetime | None = strawberry.field(description="The last event.")

    @strawberry.field(
        description="Where the split warns: the split by what exposures carry and by "
        "day, the slice first that is off most."
    )
    def slices(
        self, first: int = DEFAULT_PAGE, after: str | None = None
    ) -> Connection[SplitSlice]:
        """One page of slices."""
        return listed(
            self.part.slices, SplitSlice.of, name="slices", first=first, after=after
        )

    @classmethod
    def of(cls, published: Published) -> "Health":
        """From a report, with what is known now of the freshness of its inputs."""
        part, current = published.report.health, published.current
        fresh = part if current is None else current
        sequential = part.sequential_ratio
        return cls(
            part=part,
            unit=part.unit,
            srm_sequential=None
            if sequential is None
            else SequentialCheck.of(sequential),
            diagnosis=list(part.diagnosis),
            srm=HealthCheck.of(part.sample_ratio),
            conflicts=HealthCheck.of(part.conflicts),
            links=HealthCheck.of(part.links),
            sign_ups=HealthCheck.of(part.sign_ups),
            exposures=[VariantHealth.of(arm) for arm in part.arms],
            planned_units=Long(part.planned_units),
            matured=Long(part.matured),
            maturing=Long(part.maturing),
            watermark=fresh.watermark,
            backlog=Long(fresh.backlog),
            first_exposure_at=part.first_exposure_at,
            last_event_at=fresh.last_event_at,
        )


def _rate(units: int, exposed: int) -> float | None:
    return units / exposed if exposed else None
