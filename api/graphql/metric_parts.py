"""Parts of a metric: the conditions that its events are held to, and its steps."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from api.policies import Policy, policed
from experiments import models
from experiments.design import FilterOperator, SourceFilter, SourceValue
from experiments.measurement import MetricSpec

strawberry.enum(FilterOperator, description="How a property of an event is compared.")
_OPERATORS = {
    FilterOperator.IN: "Its text is one of these; a number as JSON writes it.",
    FilterOperator.NOT_IN: "It is missing, or its text is none of these.",
    FilterOperator.AT_LEAST: "It is a number, and not below this one.",
    FilterOperator.AT_MOST: "It is a number, and not above this one.",
    FilterOperator.EXISTS: "It is there.",
}
_DEFINITION: StrawberryEnumDefinition = vars(FilterOperator)[
    "__strawberry_definition__"
]
for _value in _DEFINITION.values:
    _value.description = _OPERATORS[FilterOperator(_value.value)]


@strawberry.input(description="A condition on one property of an event.")
class MetricFilterInput:
    """One condition."""

    property: str = strawberry.field(description="The property's name.")
    operator: FilterOperator = strawberry.field(description="How it is compared.")
    values: list[str] = strawberry.field(
        default_factory=list,
        description="IN and NOT_IN take 1 to 50 texts, AT_LEAST and AT_MOST one "
        "number, EXISTS none.",
    )

    def filter(self) -> SourceFilter:
        """As the domain takes it."""
        return SourceFilter(self.property, self.operator, tuple(self.values))


@policed(Policy.READ)
@strawberry.type(description="A condition on one property of an event.")
class MetricCondition:
    """One condition."""

    property: str = strawberry.field(description="The property's name.")
    operator: FilterOperator = strawberry.field(description="How it is compared.")
    values: list[str] = strawberry.field(description="What it is compared with.")

    @classmethod
    def all_of(cls, document: Sequence[Mapping[str, Any]]) -> list["MetricCondition"]:
        """From the row's JSON."""
        filters = msgspec.convert(document, list[SourceFilter])
        return [
            cls(
                property=each.property,
                operator=each.operator,
                values=list(each.values),
            )
            for each in filters
        ]


def cap_steps(metric: models.Metric | MetricSpec) -> int:
    """Steps in one unit of what is capped: 1 where events are counted."""
    return metric.steps if metric.value is SourceValue.VALUE else 1
