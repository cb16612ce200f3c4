"""Numbers as a sentence has them."""

import pytest

from core.ids import new_id
from experiments.analysis.results import MetricResult, Valid, ValidMethod
from experiments.analysis.wording import effect
from experiments.design import Direction, MetricKind, MetricRole

PAID = MetricResult(
    metric_id=new_id(),
    key="paid",
    name="paid",
    kind=MetricKind.CONVERSION,
    role=MetricRole.PRIMARY,
    direction=Direction.INCREASE,
    unit="",
    share=True,
    cap=None,
    comparisons=(),
)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0.37, "35.0% -> 37.0% (-3.0 to +3.0 points)"),
        (0.3503, "35.00% -> 35.03% (-3.00 to +3.00 points)"),
        (0.350003, "35.0% -> 35.0% (-3.0 to +3.0 points)"),
    ],
)
def test_levels_get_another_digit_only_where_it_tells_them_apart(
    after: float, said: str
) -> None:
    valid = Valid(ValidMethod.FIXED_HORIZON, -0.03, 0.03, 0.9, 1.96)
    assert effect(PAID, 0.35, after, valid) == said
