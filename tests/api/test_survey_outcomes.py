"""What people answer is an outcome of the experiment that they are in."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.database import Database
from core.settings import Settings
from experiments.events.log import EventLog, open_log
from experiments.statistics.nps import Answers, net_promoter_score
from experiments.statistics.proportions import Proportion, wilson
from experiments.statistics.scores import Ratings, compare_mean_ratings, compare_scores
from tests.api import surveys
from tests.api.conftest import Edge, make_edge
from tests.api.told import SINCE, conclude, define, exposure, tell
from tests.conftest import StoreUrls
from workers.context import TaskContext, outbound
from workers.queue import NullQueue
from workers.tasks import log_answers

pytestmark = pytest.mark.stores

ANSWERED = SINCE + timedelta(days=2)
UNITS = 240
SCORES = {"long": (0, 5, 6, 7, 8, 9), "short": (5, 7, 8, 9, 9, 10)}
"""The answers of every fourth unit in each arm, over and over."""
NPS = "survey:nps-why/score"
METRICS: tuple[dict[str, Any], ...] = (
    {"key": "nps", "kind": "MEAN", "value": "VALUE", "valueProperty": "score"},
    {"key": "rating", "kind": "MEAN", "value": "VALUE"},
    {
        "key": "satisfied",
        "kind": "RATIO",
        "denominatorEvent": NPS,
        "denominatorValue": "ONE",
        "filters": [{"property": "answer", "operator": "AT_LEAST", "values": ["9"]}],
    },
)
RESULTS = """query { experiment(by: {key: "short-form"}) { results { metrics {
  metric comparisons { verdict reason raw { method absolute ciLow ciHigh pValue
    control { n mean } treatment { n mean } } } } } } }"""


@pytest.fixture
async def log(store_urls: StoreUrls) -> AsyncIterator[EventLog]:
    log = open_log(store_urls.events)
    await log.open()
    yield log
    await log.close()


@pytest.fixture
async def clock() -> dict[str, datetime]:
    """The database's clock, which stands still."""
    return {"now": SINCE + timedelta(hours=1)}


@pytest.fixture
async def edge(
    database: Database,
    store_urls: StoreUrls,
    settings: Settings,
    log: EventLog,
    clock: dict[str, datetime],
) -> AsyncIterator[Edge]:
    told: Callable[[], datetime] = lambda: clock["now"]  # noqa: E731
    standing = Database(store_urls.facts, clock=told)
    async with make_edge(standing, settings, log=log) as edge:
        yield edge
    await standing.dispose()


def arm_of(number: int) -> str:
    return "short" if number % 2 else "long"


def answer_of(number: int) -> int | None:
    """Every fourth unit of an arm answers."""
    place = number // 2
    return SCORES[arm_of(number)][place // 4 % 6] if place % 4 == 0 else None


async def begin(edge: Edge) -> None:
    """A survey, its metrics, and an experiment that is told of from elsewhere."""
    await surveys.published(edge)
    paid = {"key": "paid", "kind": "CONVERSION", "eventName": "paid"}
    await define(edge, [paid, *({"eventName": NPS, **each} for each in METRICS)])


async def answer(edge: Edge) -> None:
    for number in range(UNITS):
        given = answer_of(number)
        if given is not None:
            said = [{"questionKey": "score", "value": given}]
            sent = await surveys.mutate(
                edge,
                surveys.SUBMIT,
                {
                    "idempotencyKey": f"s{number}",
                    "submissionId": f"s{number}",
                    "surveyKey": "nps-why",
                    "answers": said,
                    "subject": {"userId": f"u{number}"},
                },
            )
            assert sent["__typename"] == "SubmitResponsePayload", sent


async def test_answers_are_compared_as_scores_ratings_and_shares(
    edge: Edge, log: EventLog, settings: Settings, clock: dict[str, datetime]
) -> None:
    await begin(edge)
    clock["now"] = ANSWERED
    await answer(edge)
    clock["now"] = ANSWERED + timedelta(days=30)
    async with outbound(settings) as http:
        context = TaskContext(edge.database, log, settings, NullQueue(), http)
        await log_answers.run(context)
        await tell(edge, context, [exposure(n, arm_of(n)) for n in range(UNITS)])
        await conclude(edge, context, units=UNITS)
    found = (await edge.ask(RESULTS))["data"]["experiment"]["results"]["metrics"]
    raw = {each["metric"]: each["comparisons"][0]["raw"] for each in found}
    said = {
        arm: [
            given
            for number in range(UNITS)
            if arm_of(number) == arm and (given := answer_of(number)) is not None
        ]
        for arm in SCORES
    }
    groups = {
        arm: net_promoter_score(
            Answers(
                sum(each < 7 for each in given),
                sum(each in {7, 8} for each in given),
                sum(each > 8 for each in given),
            ),
            confidence=0.95,
        )
        for arm, given in said.items()
    }
    assert raw["nps"]["control"] == {
        "n": 120,
        "mean": pytest.approx(groups["long"].value),
    }
    assert raw["nps"]["treatment"]["mean"] == pytest.approx(groups["short"].value)
    ratings = [
        Ratings(tuple(said[arm].count(point) for point in range(11)))
        for arm in ("long", "short")
    ]
    means = compare_mean_ratings(*ratings, confidence=0.95)
    shares = compare_scores(*ratings, top=2, confidence=0.95)
    for key, expected in (("rating", means), ("satisfied", shares)):
        assert raw[key]["method"] == "DELTA"
        assert raw[key]["absolute"] == pytest.approx(expected.value)
        near = 0.08 * (expected.high - expected.low)
        assert raw[key]["ciLow"] == pytest.approx(expected.low, abs=near)
        assert raw[key]["ciHigh"] == pytest.approx(expected.high, abs=near)
    share = wilson(
        Proportion(30, sum(each > 8 for each in said["short"])), confidence=0.95
    )
    assert raw["satisfied"]["treatment"]["mean"] == pytest.approx(share.value)
    verdicts = {e["metric"]: e["comparisons"][0]["verdict"] for e in found}
    assert verdicts["nps"] == "WIN"
