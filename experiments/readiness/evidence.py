"""The rules whose evidence workers gather: item by item, from what was read."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from experiments.assignment.definitions import Snapshot
from experiments.design import UnitKind
from experiments.errors import DesignInvalid
from experiments.freezing import metric_design
from experiments.readiness.items import Found, ItemCode, ItemStatus
from experiments.readiness.metric_health import metric_health
from experiments.readiness.overlaps import MUCH, overlaps_of
from experiments.readiness.powering import proposal_of
from experiments.readiness.rehearsals import (
    LEAST_IDS,
    SHUFFLES,
    SPLITS,
    linearised,
    rehearse_split,
    replay_nulls,
)
from experiments.readiness.situation import Seen, Situation, killed

MAX_IDS = 5_000
"""Ids that a rehearsal uses at most."""
LEAST_HISTORY = 200
"""Units whose values are enough for an A/A replay."""
LONG_WEEKS = 8
ENOUGH_PEOPLE = 50

Rule = Callable[[Situation, Seen], Found]
_OK, _WARNING, _BLOCKED = ItemStatus.OK, ItemStatus.WARNING, ItemStatus.BLOCKED


def gathered_evidence(
    situation: Situation, seen: Seen, *, splits: int = SPLITS, shuffles: int = SHUFFLES
) -> Mapping[ItemCode, Found]:
    """What is found of every item that is not a person's to settle."""
    found = {code: rule(situation, seen) for code, rule in GATHERERS.items()}
    found[ItemCode.SPLIT_REHEARSAL] = split_rehearsal(situation, seen, splits)
    found[ItemCode.NULL_REPLAY] = null_replay(situation, seen, shuffles)
    return found


def power(situation: Situation, seen: Seen) -> Found:
    """Units, days at the traffic seen, and what the guardrails could show."""
    try:
        proposal = proposal_of(situation, seen)
    except DesignInvalid as problem:
        return Found(_WARNING, f"The size cannot be worked out: {problem.message}", {})
    if proposal is None:
        return Found(
            _WARNING,
            "The primary metric's history here does not tell how its values vary. Ask "
            "`powerAnalysis` with an assumed baseline.",
        )
    size, planned = proposal.size, situation.draft.experiment.planned_units
    body = proposal.document()
    if planned is not None and planned < size.total * 0.98:
        least = proposal.effect_at(planned)
        shown = "no difference" if least is None else f"{abs(least):.3g} or more"
        return Found(
            _WARNING,
            f"{planned:,} units show {shown}; the effect that matters needs "
            f"{size.total:,}.",
            body,
        )
    needed = f"{size.total:,} units show the effect that matters"
    if size.weeks is None:
        return Found(_WARNING, f"{needed}; nobody eligible came by lately.", body)
    status = _WARNING if size.weeks > LONG_WEEKS else _OK
    days = "a day" if size.days == 1 else f"{size.days:,} days"
    weeks = "1 week" if size.weeks == 1 else f"{size.weeks} weeks"
    counted = f"{proposal.duration_days:,.0f} days until the last one is counted"
    told = f"{needed}: {days} at this traffic, so {weeks} of enrolment, and {counted}."
    return Found(status, told, body)


def split_rehearsal(situation: Situation, seen: Seen, splits: int) -> Found:
    """Many synthetic experiments by the real hash over real ids."""
    real = _ids(situation, seen)
    if min(situation.weights) <= 0:
        return Found(ItemStatus.NOT_APPLICABLE, "A variant has no share of the split.")
    ids = real + _made_up(LEAST_IDS - len(real))
    rehearsal = rehearse_split(
        ids,
        situation.weights,
        name=situation.definition.experiment_key,
        experiments=splits,
    )
    body = asdict(rehearsal) | {"real_ids": len(real)}
    if not rehearsal.holds:
        return Found(
            _BLOCKED,
            f"{splits:,} synthetic experiments on these ids do not split as promised.",
            body,
        )
    made = "" if len(real) >= LEAST_IDS else ", most of them made up"
    return Found(
        _OK,
        f"{splits:,} synthetic experiments on {len(ids):,} ids{made} split as "
        "promised.",
        body,
    )


def null_replay(situation: Situation, seen: Seen, shuffles: int) -> Found:
    """The primary metric of the last weeks, shuffled by the real hash."""
    history = seen.values.get(situation.primary.metric.key)
    units = 0 if history is None else len(history.ids)
    if history is None or units < LEAST_HISTORY:
        return Found(
            _WARNING,
            f"{units} units have values of the last weeks; a replay needs "
            f"{LEAST_HISTORY}.",
            {"units": units},
        )
    ratio = metric_design(situation.primary).is_ratio
    try:
        values = (
            linearised(history.y, history.d) if ratio else history.y.astype(np.float64)
        )
        replay = replay_nulls(
            [str(each) for each in history.ids],
            values,
            weights=situation.weights,
            alpha=situation.draft.plan.alpha,
            name=situation.definition.experiment_key,
            shuffles=shuffles,
        )
    except ValueError as error:
        return Found(_WARNING, f"Nothing to replay. {error}", {"units": units})
    body = asdict(replay) | {"tolerance": replay.tolerance}
    told = (
        f"{replay.false_positives:.1%} of {shuffles} shuffles found an effect; "
        f"{replay.alpha:.1%} \N{PLUS-MINUS SIGN} {replay.tolerance * 100:.1f} points "
        "are due."
    )
    if replay.misleads:
        return Found(_BLOCKED, told, body)
    return Found(_OK if replay.holds else _WARNING, told, body)


def overlap(situation: Situation, seen: Seen) -> Found:
    """Who else is tried on the same people, and whether that muddles anything."""
    found = overlaps_of(situation, seen)
    body = {"neighbours": [each.document() for each in found]}
    if not found:
        return Found(_OK, "Nothing else runs on these people.", body)
    worst = found[0]
    name = situation.neighbours[worst.key].title
    told = f"{worst.share:.0%} of its people are in {name} too"
    if worst.same_treatment and worst.share > 0:
        return Found(
            _BLOCKED,
            f"{told}, which varies the same meter or flow. Put both into one layer.",
            body,
        )
    if worst.same_metric and worst.share >= MUCH:
        return Found(
            _WARNING,
            f"{told}, which is decided by the same metric. A layer would keep them "
            "apart.",
            body,
        )
    return Found(_OK, f"{told}; each is split by its own seed.", body)


def exposure_seen(situation: Situation, seen: Seen) -> Found:
    """Whether each variant's exposure arrived before anyone is assigned."""
    by_key = {each.variant_key: each for each in seen.trials}
    body = {
        key: {"exposures": each.exposures, "last_at": each.last_at.isoformat()}
        for key, each in by_key.items()
    }
    missing = [v.name or v.key for v in situation.draft.variants if v.key not in by_key]
    unknown = sorted(set(by_key) - {v.key for v in situation.draft.variants})
    if missing:
        return Found(
            _WARNING,
            f"No exposure was seen of {', '.join(missing)}. Try it out with an "
            "override, and see that the client reports it.",
            body,
        )
    if unknown:
        return Found(
            _WARNING, f"Clients report variants that are none: {unknown[0]}.", body
        )
    return Found(_OK, "Every variant's exposure was seen.", body)


def population(situation: Situation, seen: Seen) -> Found:
    """Who of the people on record would be in, and have what is hashed."""
    people, share = situation.people, situation.eligible
    if share is None:
        return Found(
            _WARNING, "Nobody is on record, so nobody knows who is eligible.", {}
        )
    body: dict[str, Any] = {"people": len(people), "eligible": share}
    open_dimensions = [
        each.key
        for each in situation.draft.plan.dimensions
        if not each.levels and not any(each.attribute in one for one in people)
    ]
    if situation.draft.experiment.unit is UnitKind.ACCOUNT and seen.traffic:
        body["accounts_a_day"] = seen.traffic[-1].units
    if share == 0 and len(people) >= ENOUGH_PEOPLE:
        return Found(_WARNING, "Nobody on record is eligible.", body)
    names = situation.own.attribute_names - {"id", "anonymousId", "accountId"}
    unsaid = [name for name in sorted(names) if not any(name in p for p in people)]
    if unsaid:
        body["unsaid"] = unsaid
        return Found(
            _WARNING,
            f"The targeting reads {unsaid[0]}, which nobody on record has; the client "
            "has to send it.",
            body,
        )
    if open_dimensions:
        body["open_dimensions"] = open_dimensions
        return Found(
            _WARNING,
            f"Nobody on record has a value of {open_dimensions[0]}, so its levels "
            "stay open.",
            body,
        )
    return Found(_OK, f"{share:.0%} of the people on record would be in.", body)


def rollback(situation: Situation, seen: Seen) -> Found:
    """A dry run of the kill switch: what everyone would be served."""
    definition = killed(situation.definition)
    others = [
        e for e in situation.running if e.experiment_key != definition.experiment_key
    ]
    phase = Snapshot.of(0, [*others, definition]).phases[definition.experiment_key]
    subjects = situation.people[:MAX_IDS] or [{"id": "somebody", "accountId": "one"}]
    control = next(each for each in definition.variants if each.is_control)
    overridden = {text for kept in definition.overrides.values() for text in kept}
    wrong = [
        each
        for each in subjects
        if (decision := phase.settle(each)).variant.key != control.key
        or decision.in_experiment
    ]
    named = [each for each in wrong if overridden & {str(v) for v in each.values()}]
    body = {
        "subjects": len(subjects),
        "served": control.key,
        "overrides": len(overridden),
        "kept": len(wrong),
    }
    if len(wrong) > len(named):
        return Found(_BLOCKED, "Some would not be given the control.", body)
    names = {each.key: each.name for each in situation.draft.variants}
    served = names.get(control.key) or control.key
    return Found(_OK, f"With the kill switch thrown everyone is served {served}.", body)


GATHERERS: Mapping[ItemCode, Rule] = {
    ItemCode.POWER: power,
    ItemCode.OVERLAP: overlap,
    ItemCode.METRIC_HEALTH: metric_health,
    ItemCode.EXPOSURE_SEEN: exposure_seen,
    ItemCode.POPULATION: population,
    ItemCode.ROLLBACK: rollback,
}


def _ids(situation: Situation, seen: Seen) -> list[str]:
    """Real ids of the randomised unit, each once."""
    name = "accountId" if situation.draft.experiment.unit is UnitKind.ACCOUNT else "id"
    found = dict.fromkeys(
        str(each) for history in seen.values.values() for each in history.ids
    )
    found |= dict.fromkeys(str(each[name]) for each in situation.people if name in each)
    return list(found)[:MAX_IDS]


def _made_up(count: int) -> list[str]:
    return [
        hashlib.sha256(f"made up:{number}".encode()).hexdigest()[:24]
        for number in range(max(count, 0))
    ]
