"""Experiments that ran elsewhere, sent to a server through its public API."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from experiments.events.log import EXPOSURE

SINCE = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)
HOSTILE = "<img src=x onerror=alert(1)> </script>\u2028"

CREATE_METRIC = """
mutation ($input: CreateMetricInput!) {
  createMetric(input: $input) { __typename ... on Error { code message } }
}
"""
CHANGE = """
mutation ($input: %s!) {
  %s(input: $input) { __typename ... on Error { code message path } }
}
"""


@dataclass(frozen=True, slots=True)
class Arm:
    """How many units an arm has, and how many of them do the wanted thing."""

    key: str
    units: int
    paid: int


class Seed:
    """What an administrator sends to one server."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def begin(self, key: str, name: str, arms: tuple[Arm, Arm]) -> None:
        """Write the experiment down, begin it in the past and send its events."""
        for metric in METRICS:
            given = {"idempotencyKey": metric["key"], **metric}
            self.send(CREATE_METRIC, given, "MetricPayload")
        self.change("createExperiment", "CreateExperimentInput", draft(key, name, arms))
        begun = {"expectedVersion": 1, "since": SINCE.isoformat(), **step("begin", key)}
        self.change("startImport", "StartImportInput", begun)
        lines = b"\n".join(msgspec.json.encode(event) for event in events(key, arms))
        response = self._http.post(
            "/v1/events",
            content=lines,
            headers={"content-type": "application/x-ndjson", "x-hone-batch": key},
        )
        assert response.status_code == 200, response.text
        assert response.json()["rejected"] in (0, []), response.text

    def finish(self, key: str, arms: tuple[Arm, Arm]) -> None:
        """Say that everything is in: the look is taken."""
        units = sum(arm.units for arm in arms)
        self.change(
            "finishImport", "FinishImportInput", {"units": units, **step("end", key)}
        )

    def change(self, name: str, kind: str, given: dict[str, Any]) -> None:
        """One mutation of an experiment."""
        self.send(CHANGE % (kind, name), given, "ExperimentPayload")

    def send(self, document: str, given: dict[str, Any], wanted: str) -> None:
        """One mutation, which has to succeed."""
        body = {"query": document, "variables": {"input": given}}
        answer = self._http.post("/graphql", json=body).json()
        assert "errors" not in answer, answer
        (payload,) = answer["data"].values()
        assert payload["__typename"] == wanted, payload


METRICS: tuple[dict[str, Any], ...] = (
    {
        "key": "paid",
        "name": "Paid conversion",
        "kind": "CONVERSION",
        "eventName": "paid",
        "direction": "INCREASE",
    },
    {
        "key": "revenue",
        "name": "Revenue",
        "kind": "SUM",
        "value": "VALUE",
        "eventName": "paid",
        "direction": "INCREASE",
        "cap": 60,
        "unit": "EUR",
    },
    {
        "key": "tickets",
        "name": "Tickets",
        "kind": "COUNT",
        "eventName": "ticket",
        "direction": "DECREASE",
    },
)


def step(what: str, key: str) -> dict[str, Any]:
    return {"idempotencyKey": f"{what}-{key}", "experiment": {"key": key}}


def draft(key: str, name: str, arms: tuple[Arm, Arm]) -> dict[str, Any]:
    return {
        "idempotencyKey": f"draft-{key}",
        "key": key,
        "name": name,
        "treatment": "FEATURE",
        "hypothesis": {
            "statement": "Fewer fields, more people who finish and pay.",
            "metricKey": "paid",
            "direction": "INCREASE",
            "minimumEffect": 0.01,
        },
        "metrics": [
            {"metricKey": "paid", "role": "PRIMARY"},
            {"metricKey": "tickets", "role": "GUARDRAIL"},
            {"metricKey": "revenue", "role": "SECONDARY"},
        ],
        "variants": [
            {
                "key": arm.key,
                "name": f"{arm.key} form",
                "weight": 0.5,
                "isControl": number == 0,
                "payload": {"feature": {"value": {"form": arm.key}}},
            }
            for number, arm in enumerate(arms)
        ],
        "plannedUnits": sum(arm.units for arm in arms),
    }


def events(key: str, arms: tuple[Arm, Arm]) -> Iterator[dict[str, Any]]:
    """Exposures, payments and a ticket from every tenth unit."""
    for arm in arms:
        for number in range(arm.units):
            unit = f"{key}-{arm.key}-{number}"
            met = SINCE + timedelta(minutes=number)
            exposure = {"experimentKey": key, "variantKey": arm.key}
            yield event(unit, EXPOSURE, met, **exposure)
            if number < arm.paid:
                value = 500 if number == 0 else 20 + number % 30
                yield event(unit, "paid", met + timedelta(hours=5), value=value)
            if number % 10 == 0:
                yield event(unit, "ticket", met + timedelta(hours=9))


def event(unit: str, name: str, at: datetime, **rest: Any) -> dict[str, Any]:
    return {
        "id": f"{unit}-{name}",
        "name": name,
        "userId": unit,
        "at": at.isoformat(),
        **rest,
    }
