"""What makes a metric doubtful, and where it would be capped."""

from typing import Any

import pytest

from experiments.design import MetricKind, UnitKind
from experiments.events import study_history
from experiments.metric_health import (
    HealthCode,
    metric_health,
    metric_healths,
    proposed_cap,
    proposed_caps,
)
from tests.experiments.events.world import (
    DAY,
    HOUR,
    LATER,
    PRICE,
    VISIT,
    World,
    detailed_metrics,
    event,
    every_metric,
    metric,
    paid,
)

pytestmark = pytest.mark.stores

RATIO = metric("per_visit", MetricKind.RATIO, PRICE, denominator=VISIT)
REVENUE = metric("revenue", MetricKind.SUM, PRICE)


def codes(health: object) -> list[HealthCode]:
    """The warnings' codes."""
    return [warning.code for warning in health.warnings]  # type: ignore[attr-defined]


async def test_fresh_whole_and_varying_events_raise_no_warning(world: World) -> None:
    await world.send(
        *(event("visit", 16 * DAY, user_id=f"u{n}") for n in range(4)),
        *(paid(f"u{n}", str(n), 16 * DAY + HOUR) for n in range(4)),
        *(paid("new", "1", (29 - back) * DAY) for back in range(7)),
    )
    health = await metric_health(
        world.log,
        REVENUE,
        environment_id=world.environment_id,
        unit=UnitKind.USER,
        now=LATER,
    )
    assert codes(health) == []
    assert health.age == DAY
    assert (health.seasonality, len(health.days)) == (5.0, 14)


async def test_a_ratio_without_a_denominator_is_near_zero(world: World) -> None:
    await world.send(*(paid(f"u{n}", "2", 20 * DAY) for n in range(3)))
    health = await metric_health(
        world.log,
        RATIO,
        environment_id=world.environment_id,
        unit=UnitKind.USER,
        now=LATER,
    )
    assert codes(health) == [HealthCode.STALE, HealthCode.DENOMINATOR_NEAR_ZERO]


async def test_a_ratio_is_that_of_the_totals(world: World) -> None:
    await world.send(
        *(event("visit", 20 * DAY, user_id=f"u{n}") for n in range(8)),
        event("visit", 20 * DAY, user_id="u0"),
        *(paid(f"u{n}", "2", 20 * DAY + HOUR) for n in range(8)),
    )
    health = await metric_health(
        world.log,
        RATIO,
        environment_id=world.environment_id,
        unit=UnitKind.USER,
        now=LATER,
    )
    assert health.values.mean == 16 / 9


async def test_equal_values_have_no_variance(world: World) -> None:
    await world.send(*(paid(f"u{n}", "2", 20 * DAY) for n in range(3)))
    health = await metric_health(
        world.log,
        REVENUE,
        environment_id=world.environment_id,
        unit=UnitKind.USER,
        now=LATER,
    )
    assert HealthCode.NO_VARIANCE in codes(health)
    assert (health.values.mean, health.values.variance) == (2.0, 0.0)


async def test_an_accounts_events_need_an_account(world: World) -> None:
    await world.send(paid("ann", "2", 29 * DAY + 12 * HOUR))
    health = await metric_health(
        world.log,
        REVENUE,
        environment_id=world.environment_id,
        unit=UnitKind.ACCOUNT,
        now=LATER,
    )
    assert codes(health) == [HealthCode.MISSING_UNIT_ID]
    assert health.without_unit_id == 1.0


@pytest.mark.parametrize(
    ("kind", "cap"), [(MetricKind.SUM, 9_000_000), (MetricKind.CONVERSION, None)]
)
async def test_only_sums_are_offered_a_cap(
    world: World, kind: MetricKind, cap: int | None
) -> None:
    await world.send(paid("ann", "2", 20 * DAY), paid("bob", "9", 20 * DAY))
    found = await proposed_cap(
        world.log,
        metric("it", kind, PRICE),
        environment_id=world.environment_id,
        unit=UnitKind.USER,
        now=LATER,
    )
    assert found == cap


async def test_many_metrics_are_read_at_once_and_say_what_each_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.send(
        *(event("visit", (15 + n % 9) * DAY, user_id=f"u{n}") for n in range(12)),
        *(paid(f"u{n}", str(n), (15 + n % 7) * DAY + HOUR) for n in range(12)),
        paid("new", "1", 28 * DAY, properties={"amount": 3, "by": "card"}),
    )
    metrics = (*every_metric(), *detailed_metrics(), RATIO)
    studied: list[int] = []
    histories, sources = world.log.studies.histories, world.log.studies.source_healths

    async def counted_histories(*given: Any, **period: Any) -> Any:
        studied.append(len(given[2]))
        return await histories(*given, **period)

    async def counted_sources(*given: Any, **period: Any) -> Any:
        studied.append(len(given[1]))
        return await sources(*given, **period)

    monkeypatch.setattr(world.log.studies, "histories", counted_histories)
    monkeypatch.setattr(world.log.studies, "source_healths", counted_sources)
    asked: dict[str, Any] = {
        "environment_id": world.environment_id,
        "unit": UnitKind.USER,
        "now": LATER,
    }
    healths = await metric_healths(world.log, metrics, **asked)
    caps = await proposed_caps(world.log, metrics, **asked)
    windows = {each.closes_after for each in metrics}
    assert len(studied) <= 1 + 2 * len(windows) < len(metrics)
    for each, health, cap in zip(metrics, healths, caps, strict=True):
        assert await metric_health(world.log, each, **asked) == health
        assert await proposed_cap(world.log, each, **asked) == cap
    assert any(caps)
    assert len({health.values for health in healths}) > 5


async def test_metrics_with_too_many_events_together_are_read_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.send(
        *(event("visit", 16 * DAY, user_id=f"u{n}") for n in range(4)),
        *(paid(f"u{n}", str(n), 16 * DAY + HOUR) for n in range(4)),
    )
    monkeypatch.setattr(study_history, "MAX_EVENTS", 7)
    visits = metric("visits", MetricKind.COUNT, VISIT)
    found = await metric_healths(
        world.log,
        [REVENUE, visits],
        environment_id=world.environment_id,
        unit=UnitKind.USER,
        now=LATER,
    )
    assert [each.values.mean for each in found] == [1.5, 1.0]
