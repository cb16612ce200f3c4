"""How many people must agree to a design, whose word counts, and to what exactly."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Any

from core.audit import Actor, ActorKind
from core.tenancy import Governance
from experiments.drafts import Draft
from experiments.governance.models import Assessment, ReviewVerdict
from experiments.treatments import Enforcement, LimitKind, LimitWindow, TreatmentKind

QUORUM = 2
"""How many must agree to take something away from accounts that have it."""

_CREATED = "created_at"
_LATER = ("$gt", "$gte")
_DAYS: Mapping[str, float] = {
    LimitWindow.DAY: 1.0,
    LimitWindow.WEEK: 7.0,
    LimitWindow.MONTH: 30.4375,
}
_STRICTNESS: Mapping[str, int] = {
    Enforcement.SOFT: 0,
    Enforcement.GRACE: 1,
    Enforcement.HARD: 2,
}
_NOT_DESIGN = frozenset({"name", "status", "version"})


def identity(actor: Actor) -> str:
    """Who somebody is among authors and reviewers."""
    return f"{actor.kind}:{actor.id or actor.name}"


def is_person(actor: Actor) -> bool:
    """Whether it may review: a key is its own actor and nobody's."""
    return actor.kind in {ActorKind.MEMBER, ActorKind.OPERATOR}


def draft_hash(
    draft: Draft, condition: Mapping[str, Any], ramp: Sequence[Mapping[str, Any]]
) -> str:
    """SHA-256 of all that a start would freeze, as it is now.

    The condition has its segments written out, and metrics count with their version:
    a segment or a metric that is edited afterwards makes another design.
    """
    facts = {k: v for k, v in draft.facts().items() if k not in _NOT_DESIGN}
    facts |= {
        "treatment": draft.experiment.treatment,
        "targeting": condition,
        "definitions": [[m.metric.key, m.metric.version] for m in draft.measures],
        "ramp": ramp,
    }
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def required_approvals(governance: Governance, draft: Draft, as_of: datetime) -> int:
    """How many must agree; under SOLO one, who may be the author."""
    if governance is not Governance.STRICT:
        return 1
    takes = takes_away(draft) and not only_new(draft.experiment.targeting, as_of)
    return QUORUM if takes else 1


def approvers(
    assessments: Collection[Assessment],
    *,
    design_hash: str,
    authors: Collection[str],
    governance: Governance,
) -> frozenset[str]:
    """Those whose approval of exactly this design counts."""
    return frozenset(
        each.actor
        for each in assessments
        if each.verdict is ReviewVerdict.APPROVE
        and each.revoked_at is None
        and each.design_hash == design_hash
        and (governance is Governance.SOLO or each.actor not in authors)
    )


def takes_away(draft: Draft) -> bool:
    """Whether an arm's freemium limit gives less than the control's."""
    if draft.experiment.treatment is not TreatmentKind.FREEMIUM_LIMIT:
        return False
    controls = [v.payload for v in draft.variants if v.is_control]
    others = [v.payload for v in draft.variants if not v.is_control]
    return any(gives_less(other, control) for control in controls for other in others)


def gives_less(limit: Mapping[str, Any], control: Mapping[str, Any]) -> bool:
    """Whether a freemium limit gives less than the control's.

    Less is a smaller value, or as much over a longer window, a feature fewer, or a
    stricter enforcement. Limits that cannot be compared count as less.
    """
    if (limit["meter"], limit["kind"]) != (control["meter"], control["kind"]):
        return True
    if limit["kind"] == LimitKind.FEATURE_SET:
        opened = limit["features"]
        return any(on and not opened.get(k) for k, on in control["features"].items())
    if _rate(limit) < _rate(control):
        return True
    before, after = (_STRICTNESS[each["enforcement"]] for each in (control, limit))
    return limit["value"] is not None and after > before


def _rate(limit: Mapping[str, Any]) -> float:
    value = limit["value"]
    return inf if value is None else value / _DAYS.get(limit["window"] or "", 1.0)


def only_new(targeting: Mapping[str, Any] | None, as_of: datetime) -> bool:
    """Whether the condition lets in nobody who was there at the instant.

    So it does if it asks for a `created_at` that is no earlier, beside all else.
    """
    bounds = (bound for bound in _created_after(targeting or {}))
    return any(bound is not None and bound >= as_of for bound in bounds)


def _created_after(condition: Mapping[str, Any]) -> Iterator[datetime | None]:
    for name, part in condition.items():
        if name == "$and" and isinstance(part, list):
            for each in part:
                if isinstance(each, Mapping):
                    yield from _created_after(each)
        elif name == _CREATED and isinstance(part, Mapping):
            yield from (_instant(part[later]) for later in _LATER if later in part)


def _instant(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
