"""Documents and inputs that the tests of experiments share."""

from typing import Any

from tests.api.conftest import Edge

CREATE_METRIC = """
mutation ($input: CreateMetricInput!) {
  createMetric(input: $input) {
    __typename
    ... on MetricPayload { metric { id key } replayed }
    ... on Error { code message path }
  }
}
"""
READ = """
query ($by: ExperimentRef!) {
  experiment(by: $by) {
    id key name status version coverage plannedUnits targeting allowedTransitions
    owner { kind }
    hypothesis { statement metricKey direction minimumEffect }
    decision { outcome note variant decidedAt }
    launchChecks { code severity message }
    metrics { role margin metric { key } }
    phases { number seed designHash startedAt endedAt pauses { mode fromAt untilAt } }
    variants {
      key name weight isControl value
      payload {
        __typename
        ... on FeatureTreatment { value }
        ... on LimitTreatment { meter kind limit: value window disclosure { text } }
        ... on FlowTreatment { flow version steps { key kind title } }
      }
    }
  }
}
"""
CHANGE = """
mutation ($input: %sInput!) {
  %s(input: $input) {
    __typename
    ... on ExperimentPayload { replayed experiment { id key status version } }
    ... on Error { code message path }
    ... on ConflictError { currentVersion }
    ... on TransitionError { from to }
    %s
  }
}
"""
INPUTS = dict.fromkeys(
    ("startExperiment", "resumeExperiment", "advanceRollout"), "TransitionExperiment"
)
DRAFT: dict[str, Any] = {
    "idempotencyKey": "draft",
    "key": "short-form",
    "name": "Shorter form",
    "treatment": "FEATURE",
    "hypothesis": {
        "statement": "Fewer fields, more sign-ups.",
        "metricKey": "paid",
        "direction": "INCREASE",
        "minimumEffect": 0.01,
    },
    "variants": [
        {
            "key": "long",
            "weight": 0.5,
            "isControl": True,
            "payload": {"feature": {"value": {"fields": 9}}},
        },
        {
            "key": "short",
            "weight": 0.5,
            "payload": {"feature": {"value": {"fields": 3}}},
        },
    ],
    "metrics": [{"metricKey": "paid", "role": "PRIMARY"}],
    "plannedUnits": 1000,
}


async def make_metrics(edge: Edge) -> None:
    """A conversion and a capped sum."""
    paid = {"name": "Paid", "kind": "CONVERSION", "eventName": "paid"}
    revenue = {
        "name": "Revenue",
        "kind": "SUM",
        "value": "VALUE",
        "eventName": "paid",
        "cap": 99.5,
        "unit": "EUR",
    }
    for key, parts in (("paid", paid), ("revenue", revenue)):
        given = {"idempotencyKey": key, "key": key, "direction": "INCREASE", **parts}
        answer = await edge.ask(CREATE_METRIC, input=given)
        assert answer["data"]["createMetric"]["__typename"] == "MetricPayload", answer


async def mutate(edge: Edge, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """Send one change; the member of its union comes back."""
    kind = INPUTS.get(name, name[0].upper() + name[1:])
    extra = "... on ChecklistError { items }" if name == "startExperiment" else ""
    answer = await edge.ask(CHANGE % (kind, name, extra), input=given)
    assert "errors" not in answer, answer
    member: dict[str, Any] = answer["data"][name]
    return member


async def read(edge: Edge, key: str) -> dict[str, Any]:
    """One experiment, whole."""
    answer = await edge.ask(READ, by={"key": key})
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["experiment"]
    return found


async def started(edge: Edge, **changes: Any) -> dict[str, Any]:
    """A running experiment."""
    await make_metrics(edge)
    draft = {**DRAFT, **changes}
    made = await mutate(edge, "createExperiment", draft)
    assert made["__typename"] == "ExperimentPayload", made
    run = await mutate(
        edge,
        "startExperiment",
        {
            "idempotencyKey": "start",
            "experiment": {"key": draft["key"]},
            "expectedVersion": 1,
        },
    )
    assert run["__typename"] == "ExperimentPayload", run
    experiment: dict[str, Any] = run["experiment"]
    return experiment
