"""The loop, end to end: real processes, the public interface, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.conftest import ON_POSTGRES
from tests.loop import table
from tests.processes import Api, Installation, Receiver, receiving, until

pytestmark = pytest.mark.stores

UNITS = 3_000

RESULTS = """
{
  experiment(by: {key: "shorter-form"}) {
    status
    results {
      headline
      recommendation { outcome variant }
      health { srm { pValue } exposures { variant exposed } matured }
      metrics {
        metric
        cap
        comparisons { verdict raw { absolute ciLow ciHigh pValue } }
      }
    }
  }
}
"""
INSIGHTS = "{ insights { edges { node { kind statement } } } }"
ITEMS = "{ backlogItems { edges { node { key title } } } }"


def start(installation: Installation) -> str:
    """A server; on PostgreSQL with a worker of its own. Its address."""
    _, url = installation.serve()
    if ON_POSTGRES:
        installation.start("worker").wait_for("^(worker):")
    return url


def nodes(api: Api, query: str) -> list[dict[str, Any]]:
    """The nodes of a connection."""
    (connection,) = api.ask(query).values()
    return [edge["node"] for edge in connection["edges"]]


def hook(api: Api, receiver: Receiver) -> Webhook:
    """Register the receiver; what verifies its messages."""
    payload = api.do(
        "createWebhookEndpoint",
        {
            "idempotencyKey": "hook",
            "kinds": ["backlog_item.created"],
            "url": receiver.url,
        },
        "CreateWebhookEndpointPayload { secret }",
    )
    return Webhook(payload["secret"])


def bring_in(installation: Installation, url: str, key: str, made: table.Table) -> Any:
    """Import the table."""
    arguments = ["--mapping", str(made.mapping), "--url", url, "--key", key]
    return installation.command("import", str(made.data), *arguments)


def test_an_experiment_becomes_a_verdict_an_insight_an_item_and_a_message(
    installation: Installation, key: str, tmp_path: Path
) -> None:
    made = table.write(tmp_path, units=UNITS)
    with receiving() as receiver:
        api = Api(start(installation), key)
        webhook = hook(api, receiver)
        report = bring_in(installation, api.url, key, made)
        assert report["units"] == UNITS
        assert report["result"]["recommendation"] == "SHIP"
        until(lambda: receiver.received)
        check_results(api, made)
        (item,) = nodes(api, ITEMS)
        (insight,) = nodes(api, INSIGHTS)
        ((headers, body),) = receiver.received
        webhook.verify(body, headers)
        message = json.loads(body)
        assert message["type"] == "backlog_item.created"
        assert message["data"]["key"] == item["key"]
        assert message["data"]["insights"][0]["statement"] == insight["statement"]

        again = bring_in(installation, api.url, key, made)
        assert (again["accepted"], again["duplicates"]) == (0, report["accepted"])
        assert nodes(api, ITEMS) == [item]
        assert nodes(api, INSIGHTS) == [insight]
        assert len(receiver.received) == 1


def check_results(api: Api, made: table.Table) -> None:
    """What the API says is what another library computes from the table."""
    found = api.ask(RESULTS)["experiment"]
    assert found["status"] == "STOPPED"
    results = found["results"]
    exposed = {e["variant"]: e["exposed"] for e in results["health"]["exposures"]}
    assert exposed == {
        "short": int(made.short.sum()),
        "long": int((~made.short).sum()),
    }
    by_metric = {metric["metric"]: metric for metric in results["metrics"]}
    for name, values in (("finished", made.finished), ("spent", made.spent)):
        (comparison,) = by_metric[name]["comparisons"]
        raw = comparison["raw"]
        assert raw["absolute"] == pytest.approx(made.difference(values), rel=1e-9)
        assert raw["pValue"] == pytest.approx(made.p_value(values), rel=1e-2)
        assert raw["ciLow"] < raw["absolute"] < raw["ciHigh"]
    assert by_metric["spent"]["cap"] == pytest.approx(sorted_at(made.spent, 0.99))


def sorted_at(values: Any, quantile: float) -> float:
    """The order statistic that the cap is read from."""
    place = -int(-quantile * (len(values) - 1) // 1)
    return float(sorted(values)[place])


def test_what_people_write_becomes_an_item_once_many_say_it(
    installation: Installation, key: str
) -> None:
    with receiving() as receiver:
        api = Api(start(installation), key)
        hook(api, receiver)
        ask_people(api)
        for person in range(6):
            answer(api, person, "I cannot export my list to a spreadsheet.")
            answer(api, person, "I cannot export my list to a spreadsheet.")
        until(lambda: receiver.received)
        (insight,) = nodes(api, INSIGHTS)
        assert insight["kind"] == "TAG_THRESHOLD"
        (item,) = nodes(api, ITEMS)
        assert "Export" in item["title"]
        comments = nodes(api, "{ feedback(first: 50) { edges { node { body } } } }")
        assert len(comments) == 6


def ask_people(api: Api) -> None:
    """A tag with a rule, and a survey that is open."""
    api.do("createTag", {"idempotencyKey": "t", "slug": "export", "name": "Export"})
    api.do(
        "createTagRule",
        {
            "idempotencyKey": "r",
            "tag": "export",
            "phrases": ["export*"],
            "accepts": True,
        },
    )
    survey = api.do(
        "createSurvey",
        {
            "idempotencyKey": "s",
            "key": "why",
            "title": "Why?",
            "questions": [
                {"key": "score", "kind": "NPS", "prompt": "Would you recommend us?"},
                {"key": "why", "kind": "TEXT", "prompt": "Why?"},
            ],
        },
        "SurveyPayload { survey { id version } }",
    )["survey"]
    values = {"id": survey["id"], "expectedVersion": survey["version"]}
    api.do("publishSurvey", {"idempotencyKey": "p", **values})


def answer(api: Api, person: int, text: str) -> None:
    """One response; a second time it changes nothing."""
    values = {
        "idempotencyKey": f"answer-{person}",
        "submissionId": f"answer-{person}",
        "surveyKey": "why",
        "subject": {"userId": f"u{person}", "accountId": f"a{person}"},
        "answers": [
            {"questionKey": "score", "value": 4},
            {"questionKey": "why", "value": text},
        ],
    }
    api.do("submitResponse", values)
