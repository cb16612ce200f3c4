"""Whether the events that a draft's metrics read are fresh and whole."""

from collections.abc import Sequence
from typing import Any

from experiments.design import UnitKind
from experiments.events.studies import SourceHealth
from experiments.freezing import metric_design
from experiments.metric_health import FRESH, TOLERATED
from experiments.readiness.items import Found, ItemStatus
from experiments.readiness.situation import Seen, Situation

MUCH_MISSING = 0.2
"""The share of events from where a primary metric cannot stand on the rest."""
UNEVEN_WEEK = 3.0
"""The busiest day over the quietest, from where part of a week misleads."""
MAX_TOLD = 8

_OK, _WARNING, _BLOCKED = ItemStatus.OK, ItemStatus.WARNING, ItemStatus.BLOCKED


def metric_health(situation: Situation, seen: Seen) -> Found:
    """Whether the events of each metric are fresh and whole."""
    status, body = _OK, dict[str, Any]()
    told: list[str] = []
    for measure in situation.draft.measures:
        for name in (measure.metric.key, f"{measure.metric.key}/"):
            if (health := seen.sources.get(name)) is None:
                continue
            primary = measure is situation.primary
            flaws, blocks = _flaws(situation, name, health)
            body[name] = _health_document(health) | {"flaws": flaws}
            told.extend(f"{measure.metric.name}: {flaw}." for flaw in flaws)
            if flaws and status is not _BLOCKED:
                status = _BLOCKED if primary and blocks else _WARNING
    for metric, flaw in _still(situation, seen):
        status = _WARNING if status is _OK else status
        told.append(f"{metric}: {flaw}.")
    return Found(
        status, " ".join(told[:MAX_TOLD]) or "All of them come, and whole.", body
    )


def _flaws(
    situation: Situation, name: str, health: SourceHealth
) -> tuple[list[str], bool]:
    """What is wrong with a source, and whether a primary metric cannot stand on it."""
    if health.last_event_at is None:
        return ["no event in two weeks"], False
    flaws = []
    if situation.at - health.last_event_at > FRESH:
        flaws.append("no event for a day")
    account = situation.draft.experiment.unit is UnitKind.ACCOUNT
    lost = 0 if account else health.without_person
    if (share := lost / health.events) > TOLERATED:
        flaws.append(f"{share:.0%} of the events name nobody")
    if (unvalued := health.without_value / health.events) > TOLERATED:
        flaws.append(f"{unvalued:.0%} of the events carry no value")
    days = [each.events for each in health.days[1:-1]]
    if len(days) >= 7 and max(days) > UNEVEN_WEEK * max(min(days), 1):
        flaws.append("some days have thrice the events of others")
    return flaws, max(share, unvalued) > MUCH_MISSING


def _still(situation: Situation, seen: Seen) -> Sequence[tuple[str, str]]:
    """Metrics whose units are all alike, or whose denominators are nothing."""
    found = []
    for key, history in seen.values.items():
        if len(history.y) < 2:
            continue
        measure = next(m for m in situation.draft.measures if m.metric.key == key)
        name = measure.metric.name
        if (history.y == history.y[0]).all():
            found.append((name, "all units have the same value"))
        if metric_design(measure).is_ratio and not history.d.any():
            found.append((name, "the denominator never has an event"))
    return found


def _health_document(health: SourceHealth) -> dict[str, Any]:
    last = health.last_event_at
    return {
        "events": health.events,
        "last_event_at": last and last.isoformat(),
        "without_person": health.without_person,
        "without_account": health.without_account,
        "without_value": health.without_value,
        "days": [[each.day.date().isoformat(), each.events] for each in health.days],
    }
