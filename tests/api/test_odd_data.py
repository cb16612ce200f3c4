"""Odd data from the event to the answer: a verdict that says so, and plain numbers."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.database import Database
from core.settings import Settings
from experiments.analysis.exports import recompute
from experiments.events.log import EventLog, NewEvent, open_log
from tests.api.conftest import Edge, make_edge
from tests.api.told import SINCE, conclude, define, exposure, tell
from tests.conftest import StoreUrls
from workers.context import TaskContext, outbound
from workers.queue import NullQueue
from workers.tasks import analyse_experiments

pytestmark = pytest.mark.stores

UNITS = 220
METRICS: tuple[dict[str, Any], ...] = (
    {"key": "spent", "kind": "SUM", "value": "VALUE"},
    {"key": "capped", "kind": "SUM", "value": "VALUE", "cap": 4},
    {"key": "paid", "kind": "CONVERSION"},
    {"key": "payments", "kind": "COUNT"},
    {"key": "price", "kind": "MEAN", "value": "VALUE"},
    {
        "key": "per_visit",
        "kind": "RATIO",
        "value": "VALUE",
        "denominatorEvent": "visit",
        "denominatorValue": "ONE",
    },
    {"key": "back", "kind": "RETENTION", "retentionDay": 1},
    {"key": "weekly", "kind": "CADENCE", "weeks": 1},
    {"key": "median", "kind": "QUANTILE", "value": "VALUE", "quantile": 0.5},
    {"key": "wait", "kind": "TIME_TO_EVENT"},
    {"key": "way", "kind": "FUNNEL", "eventName": "visit", "laterSteps": ["pay"]},
)
READ = """query { experiment(by: {key: "short-form"}) { results {
  verdict headline recommendation { outcome reasons } impact { perMonth note }
  snapshot { inputsHash phaseId }
  health { srm { failed note } conflicts { failed note }
    exposures { variant exposed matured conflicts } }
  metrics { metric notes comparisons {
    verdict reason unavailable absolute stdErr ciLow ciHigh pValue
    control { n mean stdErr } treatment { n mean stdErr }
    relative { status value ciLow ciHigh }
    valid { method ciLow ciHigh pValue relative { status value ciLow ciHigh } }
    raw { method absolute ciLow ciHigh pValue } capped { absolute ciLow ciHigh }
    bayes { chanceToWin mean ciLow ciHigh } worst { text }
  } survival { logRankPValue controlMedian restrictedMean { absolute }
      control { day share } treatment { day share } }
    funnel { step absolute ciLow ciHigh pValue } }
} } }"""

Doing = Callable[[int, str], Sequence[tuple[str, str | None]]]
"""What a unit of an arm did: the names of its events, and their values."""


@pytest.fixture
async def log(store_urls: StoreUrls) -> AsyncIterator[EventLog]:
    log = open_log(store_urls.events)
    await log.open()
    yield log
    await log.close()


@pytest.fixture
async def edge(
    database: Database, settings: Settings, log: EventLog
) -> AsyncIterator[Edge]:
    async with make_edge(database, settings, log=log) as edge:
        yield edge


@pytest.fixture
async def context(
    edge: Edge, log: EventLog, settings: Settings
) -> AsyncIterator[TaskContext]:
    async with outbound(settings) as http:
        yield TaskContext(edge.database, log, settings, NullQueue(), http)


def half(number: int) -> str:
    return "short" if number % 2 else "long"


def usual(number: int, arm: str) -> Sequence[tuple[str, str | None]]:
    place = number // 2 + (7 if arm == "short" else 0)
    paid = [("pay", str(1 + place % 5))] * (place % 3)
    return [("visit", None)] * (1 + place % 4) + paid


def alike(_: int, arm: str) -> Sequence[tuple[str, str | None]]:
    assert arm
    return [("visit", None), ("pay", "3")]


def nothing(_: int, arm: str) -> Sequence[tuple[str, str | None]]:
    assert arm
    return []


def paid_back(number: int, arm: str) -> Sequence[tuple[str, str | None]]:
    """More comes back than was paid."""
    return [("visit", None), ("pay", str(-2 - number // 2 % 5)), *usual(number, arm)]


def free_before(number: int, arm: str) -> Sequence[tuple[str, str | None]]:
    """In the control payments and refunds cancel: there is nothing to be a share of."""
    if arm == "short":
        return usual(number, arm)
    return [("visit", None), ("pay", "2" if number % 4 else "-2")]


def huge(number: int, arm: str) -> Sequence[tuple[str, str | None]]:
    """As large as an event's value may be."""
    return [*usual(number, arm), ("pay", "900000000" if number % 4 < 2 else "-9e8")]


def events(doing: Doing, arms: Callable[[int], str] = half) -> list[NewEvent]:
    """Exposures, and what came of them half a day and a day and a half later."""
    found = [exposure(number, arms(number)) for number in range(UNITS)]
    for number in range(UNITS):
        for place, (name, value) in enumerate(doing(number, arms(number))):
            found.append(
                NewEvent(
                    id=f"u{number}-{place}",
                    name=name,
                    user_id=f"u{number}",
                    occurred_at=SINCE
                    + timedelta(hours=12 + 24 * (place % 2), minutes=place),
                    value=None if value is None else Decimal(value),
                )
            )
    return found


async def results(edge: Edge) -> dict[str, Any]:
    """Everything that the API says; whatever is not a plain number is refused."""
    answer = await edge.ask(READ)
    assert "errors" not in answer, answer["errors"]
    json.dumps(answer, allow_nan=False)
    found: dict[str, Any] = answer["data"]["experiment"]["results"]
    assert not any(bad in found["headline"] for bad in ("nan", "None", " inf"))
    return found


async def ran(
    edge: Edge, context: TaskContext, told: Sequence[NewEvent]
) -> dict[str, Any]:
    await define(edge, [{"eventName": "pay", **each} for each in METRICS])
    await tell(edge, context, told)
    await conclude(edge, context, units=UNITS)
    return await results(edge)


def compared(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["metric"]: each["comparisons"][0] for each in found["metrics"]}


async def test_units_that_are_all_alike_show_no_difference(
    edge: Edge, context: TaskContext
) -> None:
    found = await ran(edge, context, events(alike))
    assert found["recommendation"]["outcome"] == "INCONCLUSIVE"
    for key, comparison in compared(found).items():
        assert comparison["verdict"] == "NOT_ENOUGH_DATA", key
        assert comparison["reason"], key
    spent = compared(found)["spent"]
    assert "no unit differs" in spent["reason"]
    assert spent["control"]["mean"] == 3


async def test_where_nobody_did_anything_nothing_is_said(
    edge: Edge, context: TaskContext
) -> None:
    found = await ran(edge, context, events(nothing))
    for key, comparison in compared(found).items():
        assert comparison["verdict"] == "NOT_ENOUGH_DATA", key
        assert comparison["absolute"] is None or comparison["absolute"] == 0, key


async def test_all_units_in_one_arm_are_not_believed(
    edge: Edge, context: TaskContext
) -> None:
    found = await ran(edge, context, events(usual, lambda number: "short"))
    assert found["verdict"] == found["recommendation"]["outcome"] == "INVALID"
    assert "not valid" in found["headline"]
    assert {c["verdict"] for c in compared(found).values()} == {"INVALID"}
    assert [e["exposed"] for e in found["health"]["exposures"]] == [0, UNITS]


async def test_units_in_two_arms_are_counted_and_not_believed(
    edge: Edge, context: TaskContext
) -> None:
    torn = [exposure(number, "long", again=True) for number in range(1, UNITS, 2)]
    found = await ran(edge, context, [*events(usual), *torn])
    assert found["recommendation"]["outcome"] == "INVALID"
    assert found["health"]["conflicts"]["failed"]
    assert sum(each["conflicts"] for each in found["health"]["exposures"]) == UNITS // 2


@pytest.mark.parametrize(
    "doing", [paid_back, free_before, huge], ids=lambda each: each.__name__
)
async def test_values_below_zero_around_it_and_beyond_are_plain_numbers(
    doing: Doing, edge: Edge, context: TaskContext
) -> None:
    found = await ran(edge, context, events(doing))
    by_metric = compared(found)
    spent = by_metric["spent"]
    assert spent["control"]["n"] == UNITS // 2
    own = [
        sum(float(v) for name, v in doing(n, half(n)) if name == "pay" and v)
        for n in range(0, UNITS, 2)
    ]
    assert spent["control"]["mean"] == pytest.approx(sum(own) / len(own), abs=1e-6)
    assert spent["verdict"] in {"WIN", "LOSS", "NOT_ENOUGH_DATA", "FLAT"}
    if doing is free_before:
        assert spent["verdict"] == "WIN"
        assert spent["relative"]["status"] != "BOUNDED"
        assert spent["relative"]["ciLow"] is None
    if doing is huge:
        assert by_metric["capped"]["capped"]["ciHigh"] < 1e9


async def test_what_a_look_said_is_recomputed_and_does_not_change_with_late_data(
    edge: Edge, context: TaskContext
) -> None:
    found = await ran(edge, context, events(usual))
    records = await exported(edge, found)
    again = recompute(records)
    assert again.agrees is True
    by_metric = compared(found)
    assert len(again.metrics) == len(METRICS)
    for metric in again.metrics:
        (comparison,) = metric.comparisons
        decisive, said = comparison.decisive, by_metric[metric.key]
        assert (decisive.absolute, decisive.low, decisive.high, decisive.p_value) == (
            said["absolute"],
            said["ciLow"],
            said["ciHigh"],
            said["pValue"],
        ), metric.key
    await tell(edge, context, late())
    await analyse_experiments.run(context)
    later = await results(edge)
    assert later["metrics"] == found["metrics"]
    assert later["headline"] == found["headline"]
    assert later["snapshot"] != found["snapshot"]
    assert (await exported(edge, later))[1:] == records[1:]


def late() -> list[NewEvent]:
    """Payments within the window, of one arm alone, that come after the look."""
    return [
        NewEvent(
            id=f"late-{number}",
            name="pay",
            user_id=f"u{number}",
            occurred_at=SINCE + timedelta(days=1, hours=1),
            value=Decimal(50),
        )
        for number in range(1, UNITS, 2)
    ]


async def exported(edge: Edge, found: dict[str, Any]) -> list[dict[str, Any]]:
    response = await edge.client.get(
        "/v1/exports/sums.jsonl",
        params={"phase": found["snapshot"]["phaseId"]},
        headers={"authorization": f"Bearer {edge.tenant.admin}"},
    )
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]
