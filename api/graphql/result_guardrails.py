"""What a guardrail's reading says, as it is read: margin, worst case and alarm."""

import strawberry

from api.graphql.plan import MarginKind
from api.graphql.scalars import Long
from api.policies import Policy, policed
from experiments.analysis import results


@policed(Policy.READ)
@strawberry.type(
    description="How much worse a guardrail can be, against its registered margin."
)
class MarginReading:
    """Non-inferiority."""

    kind: MarginKind = strawberry.field(description="What the margin is a margin of.")
    margin: float = strawberry.field(description="How much worse it may be.")
    bound: float | None = strawberry.field(
        description="One-sided bound on the difference, as a share where the margin is."
    )
    p_value: float | None = strawberry.field(
        description="Of being worse by the margin; null where it cannot be tested."
    )
    alpha: float = strawberry.field(description="One-sided error rate.")
    passed: bool = strawberry.field(
        description="Whether it is shown to be worse by less than the margin."
    )
    always_valid: bool = strawberry.field(
        description="Whether it holds at every look, as before the horizon."
    )

    @classmethod
    def of(cls, part: results.MarginReading) -> "MarginReading":
        """From a report."""
        return cls(
            kind=part.kind,
            margin=part.margin,
            bound=part.bound,
            p_value=part.p_value,
            alpha=part.alpha,
            passed=part.passed,
            always_valid=part.always_valid,
        )


@policed(Policy.READ)
@strawberry.type(description="The worst that a guardrail's reading leaves possible.")
class WorstCase:
    """What an unresolved guardrail may cost."""

    absolute: float = strawberry.field(description="The change, in its unit.")
    relative: float | None = strawberry.field(
        description="As a share of the control; null where it cannot be stated."
    )
    text: str = strawberry.field(description="Said in a sentence.")

    @classmethod
    def of(cls, part: results.WorstCase) -> "WorstCase":
        """From a report."""
        return cls(absolute=part.absolute, relative=part.relative, text=part.text)


@policed(Policy.READ)
@strawberry.type(
    description="A guardrail's harm alarm on the state now: one-sided, valid at every "
    "refresh. Its numbers are null while effects are hidden, unless it rang."
)
class HarmReading:
    """The alarm."""

    rang: bool = strawberry.field(description="Whether it rings now.")
    bound: float | None = strawberry.field(
        description="The difference at its best: past 0 on the bad side it rings."
    )
    p_value: float | None = strawberry.field(description="One-sided.")
    alpha: float = strawberry.field(description="Error rate over all refreshes.")
    n: Long = strawberry.field(description="Units behind it, both variants together.")

    @classmethod
    def of(cls, part: results.Harm, *, shown: bool) -> "HarmReading":
        """From a report; without its numbers where effects are hidden."""
        told = shown or part.rang
        return cls(
            rang=part.rang,
            bound=part.bound if told else None,
            p_value=part.p_value if told else None,
            alpha=part.alpha,
            n=Long(part.n),
        )
