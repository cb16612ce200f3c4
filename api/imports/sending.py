"""One import from its definitions to its end marker, through the public interface.

Every step may be repeated: what is there already stays as it is, and the events carry
ids of their own. A killed import is resumed by running it again.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from api.imports.client import Client, RequestRefused
from api.imports.mapping import ArmPart, Mapping, MetricPart, OutcomePart
from api.imports.rows import Overview
from experiments.treatments import TreatmentKind

BATCH = 2_500
AT_ONCE = 2
SHOWN_REJECTIONS = 10

_TREATMENTS = {
    TreatmentKind.FEATURE: "feature",
    TreatmentKind.FREEMIUM_LIMIT: "limit",
    TreatmentKind.ONBOARDING_FLOW: "flow",
}

_STATUS = """
query Status($key: String!) { experiment(by: {key: $key}) { status version } }
"""

_RESULT = """
query Result($key: String!) {
  experiment(by: {key: $key}) {
    results { headline verdict recommendation { outcome } }
  }
}
"""
_WAITING = "KEEP_RUNNING"

Advance = Callable[[int], None]


@dataclass(slots=True)
class Counts:
    """What became of the events."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)
    """The first few that were refused, with their reasons."""

    def add(self, answer: dict[str, Any]) -> None:
        """Count one batch's answer."""
        self.accepted += answer["accepted"]
        self.duplicates += answer["duplicates"]
        self.rejected += len(answer["rejected"])
        room = SHOWN_REJECTIONS - len(self.rejections)
        self.rejections += answer["rejected"][:room]


async def define(client: Client, mapping: Mapping, found: Overview) -> None:
    """Make the metrics and the experiment that are not there, and begin it.

    Raises:
        RequestRefused: A definition does not fit.
        Unreachable: No answer.
    """
    for outcome, metric in mapping.metrics:
        key = f"import-metric-{mapping.experiment.key}-{metric.key}"
        await _unless_there(client, "createMetric", key, metric_input(outcome, metric))
    draft = experiment_input(mapping, found.units)
    await _unless_there(
        client, "createExperiment", f"import-{mapping.experiment.key}", draft
    )
    standing = await status(client, mapping.experiment.key)
    if standing["status"] != "DRAFT":
        return
    await client.mutate(
        mutation("startImport"),
        input={
            "idempotencyKey": f"import-start-{mapping.experiment.key}",
            "experiment": {"key": mapping.experiment.key},
            "expectedVersion": standing["version"],
            "since": found.first_exposure.isoformat(),
        },
    )


async def send(
    client: Client,
    batches: Iterable[list[dict[str, Any]]],
    *,
    batch_id: str,
    advance: Advance,
) -> Counts:
    """Send every batch, a few at once; `advance` hears of each.

    Raises:
        RequestRefused: A batch was refused as a whole.
        Unreachable: No answer.
    """
    counts = Counts()
    waiting = iter(batches)

    async def carry(source: Iterator[list[dict[str, Any]]]) -> None:
        for batch in source:
            counts.add(await client.send(batch, batch_id=batch_id))
            advance(len(batch))

    carriers = [asyncio.create_task(carry(waiting)) for _ in range(AT_ONCE)]
    try:
        await asyncio.gather(*carriers)
    finally:
        for carrier in carriers:
            carrier.cancel()
    return counts


async def finish(client: Client, mapping: Mapping, found: Overview) -> None:
    """Set the end marker; a finished import stays as it is.

    Raises:
        RequestRefused: The experiment is not where an import can end.
        Unreachable: No answer.
    """
    key = mapping.experiment.key
    await client.mutate(
        mutation("finishImport"),
        input={
            "idempotencyKey": f"import-finish-{key}-{found.units}",
            "experiment": {"key": key},
            "units": found.units,
        },
    )


async def status(client: Client, key: str) -> dict[str, Any]:
    """The experiment's status and version.

    Raises:
        RequestRefused: There is none with the key.
    """
    data = await client.graphql(_STATUS, key=key)
    standing: dict[str, Any] | None = data["experiment"]
    if standing is None:
        raise RequestRefused("NOT_FOUND", f"There is no experiment {key}.")
    return standing


async def result(client: Client, key: str) -> dict[str, Any] | None:
    """What the analysis concluded; None as long as it waits for something.

    Raises:
        RequestRefused: There is no such experiment.
        Unreachable: No answer.
    """
    data = await client.graphql(_RESULT, key=key)
    found: dict[str, Any] | None = (data["experiment"] or {}).get("results")
    if found is None or found["recommendation"]["outcome"] == _WAITING:
        return None
    return {
        "headline": found["headline"],
        "verdict": found["verdict"],
        "recommendation": found["recommendation"]["outcome"],
    }


def mutation(name: str) -> str:
    """A document with one mutation, whose input is named after it."""
    given = f"{name[0].upper()}{name[1:]}Input"
    answer = "__typename ... on Error { code message }"
    return f"mutation($input: {given}!) {{ {name}(input: $input) {{ {answer} }} }}"


def metric_input(outcome: OutcomePart, metric: MetricPart) -> dict[str, Any]:
    """A metric as createMetric takes it."""
    return {
        "key": metric.key,
        "name": metric.name,
        "kind": metric.kind.value,
        "eventName": outcome.event,
        "direction": metric.direction.value,
        "value": outcome.value.value,
        "windowDays": metric.window_days,
        "delayDays": metric.delay_days,
        "retentionDay": metric.retention_day,
        "capQuantile": metric.cap_quantile,
        "stepsPerUnit": metric.steps,
        "unit": metric.unit,
    }


def experiment_input(mapping: Mapping, units: int) -> dict[str, Any]:
    """The experiment as createExperiment takes it."""
    part = _TREATMENTS[mapping.experiment.treatment]
    total = sum(arm.weight for arm in mapping.arms)

    def variant(arm: ArmPart) -> dict[str, Any]:
        return {
            "key": arm.key,
            "name": arm.name,
            "weight": arm.weight / total,
            "isControl": arm.control,
            "payload": {part: arm.payload},
        }

    hypothesis = mapping.hypothesis
    return {
        "key": mapping.experiment.key,
        "name": mapping.experiment.name,
        "treatment": mapping.experiment.treatment.value,
        "unit": mapping.experiment.unit.value,
        "hypothesis": {
            "statement": hypothesis.statement,
            "metricKey": hypothesis.metric,
            "direction": hypothesis.direction.value,
            "minimumEffect": hypothesis.minimum_effect,
        },
        "variants": [variant(arm) for arm in mapping.arms],
        "metrics": [
            {"metricKey": metric.key, "role": metric.role.value}
            for _, metric in mapping.metrics
        ],
        # One more than will come: the only look is taken at the end marker, which
        # sets the number right.
        "plannedUnits": units + 1,
    }


async def _unless_there(
    client: Client, field_name: str, key: str, values: dict[str, Any]
) -> None:
    """Create something; what has the key already stays as it is."""
    try:
        await client.mutate(
            mutation(field_name), input={"idempotencyKey": key, **values}
        )
    except RequestRefused as refusal:
        if refusal.code not in {"KEY_TAKEN", "IDEMPOTENCY_CONFLICT"}:
            raise
