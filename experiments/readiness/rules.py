"""The checklist evaluated: what people said and workers found, item by item."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.conditions import compiled
from core.tenancy import Governance
from experiments.analysis.wording import dated
from experiments.design import MetricRole, UnitKind
from experiments.drafts import Draft, Measure
from experiments.freezing import metric_design
from experiments.plan import MarginKind
from experiments.readiness.checks import LaunchCheck, Severity
from experiments.readiness.items import (
    CHECKLIST,
    ITEM_OF,
    Entry,
    Found,
    Item,
    ItemCode,
    ItemStatus,
    Waiver,
)
from experiments.readiness.models import LaunchEvidence, LaunchNotes, LaunchWaiver
from experiments.treatments import TreatmentKind

PROTECTED = frozenset(
    {
        "age",
        "birthdate",
        "date_of_birth",
        "disability",
        "ethnicity",
        "gender",
        "health",
        "marital_status",
        "nationality",
        "political_opinion",
        "pregnancy",
        "pregnant",
        "race",
        "religion",
        "sex",
        "sexual_orientation",
        "trade_union",
        "union_membership",
    }
)
"""Traits by which nobody is treated differently without a reason that holds."""

_OK, _WARNING, _BLOCKED = ItemStatus.OK, ItemStatus.WARNING, ItemStatus.BLOCKED


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that the checklist of one draft is evaluated from."""

    draft: Draft
    at: datetime
    governance: Governance
    checks: Sequence[LaunchCheck]
    design: str
    """The draft's fingerprint."""
    notes: LaunchNotes | None = None
    evidence: Mapping[ItemCode, LaunchEvidence] = field(default_factory=dict)
    """Of this very draft."""
    waivers: Mapping[ItemCode, LaunchWaiver] = field(default_factory=dict)

    @property
    def strict(self) -> bool:
        """Whether nothing may be left open, rather than seen by whoever agrees."""
        return self.governance is Governance.STRICT

    def unsaid(self) -> ItemStatus:
        """How an item stands that people have to fill in."""
        return _BLOCKED if self.strict else _WARNING


Rule = Callable[[Standing], Found]


def evaluated(standing: Standing) -> tuple[Item, ...]:
    """Every item of the checklist, in order."""
    return tuple(_item(standing, code, entry) for code, entry in CHECKLIST.items())


def _item(standing: Standing, code: ItemCode, entry: Entry) -> Item:
    own = [
        each
        for each in standing.checks
        if ITEM_OF.get(each.code, ItemCode.POPULATION) is code
    ]
    blockers = tuple(each.code for each in own if each.severity is Severity.BLOCKER)
    row = standing.evidence.get(code)
    found = _gathered(row) if entry.gathered else RULES[code](standing)
    status, message = _joined(found, own)
    given = standing.waivers.get(code)
    waivable = entry.waivable and not blockers and status in {_WARNING, _BLOCKED}
    waiver = None
    if waivable and given is not None and _covers(given, entry, standing):
        status = ItemStatus.WAIVED
        waiver = Waiver(given.reason, given.actor_name, given.waived_at)
    return Item(
        code=code,
        status=status,
        message=message,
        evidence=found.evidence,
        evaluated_at=standing.at if row is None else row.evaluated_at,
        blocking=status is _BLOCKED
        or (status is ItemStatus.WAITING and standing.strict),
        waivable=waivable,
        blockers=blockers,
        waiver=waiver,
    )


def _covers(waiver: LaunchWaiver, entry: Entry, standing: Standing) -> bool:
    """What was found of one draft is not let pass for another one."""
    return not entry.gathered or waiver.design == standing.design


def _gathered(row: LaunchEvidence | None) -> Found:
    if row is None:
        return Found(ItemStatus.WAITING, "It is being looked at.")
    return Found(row.status, row.message, row.body)


def _joined(found: Found, own: Sequence[LaunchCheck]) -> tuple[ItemStatus, str]:
    """The worst of what was found and the draft's own checks, and why."""
    worst = [each for each in own if each.severity is Severity.BLOCKER]
    if worst:
        return _BLOCKED, " ".join(each.message for each in worst)
    warnings = [each.message for each in own if each.severity is Severity.WARNING]
    if not warnings:
        return found.status, found.message
    if found.status in {_WARNING, _BLOCKED}:
        return found.status, " ".join([found.message, *warnings])
    if found.status is ItemStatus.WAITING:
        return found.status, " ".join([*warnings, found.message])
    return _WARNING, " ".join(warnings)


def _hypothesis(standing: Standing) -> Found:
    hypothesis = standing.draft.hypothesis
    return Found(
        _OK,
        hypothesis.statement,
        {
            "metric": hypothesis.metric_key,
            "direction": hypothesis.direction,
            "minimum_effect": hypothesis.minimum_effect,
        },
    )


def _metrics(standing: Standing) -> Found:
    """Margins that are missing are proposed: the smallest that can be shown."""
    draft = standing.draft
    power = standing.evidence.get(ItemCode.POWER)
    margins: Mapping[str, Any] = (power.body if power else {}).get("margins", {})
    guardrails = [m for m in draft.measures if m.role is MetricRole.GUARDRAIL]
    unit = draft.experiment.unit
    missing = [m for m in guardrails if m.margin is None]
    open_ = [m.metric.key for m in missing]
    body = {
        "guardrails": len(guardrails),
        "without_margin": open_,
        "margins_shown": dict(margins),
    }
    if open_:
        proposed = [
            f"{m.metric.name} by {_amount(m, margins[m.metric.key], unit)}"
            for m in missing
            if m.metric.key in margins
        ]
        told = (
            f" The planned units could rule out harm to {'; '.join(proposed)}."
            if proposed
            else ""
        )
        return Found(
            _WARNING,
            f"Without a margin nothing shows that {missing[0].metric.name} is "
            f"unharmed.{told}",
            body,
        )
    small = [
        m
        for m in guardrails
        if m.margin is not None and m.margin < margins.get(m.metric.key, 0.0)
    ]
    if small:
        return Found(
            _WARNING,
            f"The planned units cannot show so small a margin of "
            f"{small[0].metric.name}; "
            f"{_amount(small[0], margins[small[0].metric.key], unit)} is the smallest.",
            body,
        )
    return Found(_OK, "One metric decides, and the guardrails have margins.", body)


def _amount(measure: Measure, value: float, unit: UnitKind) -> str:
    """A margin in the metric's own terms, such as '2.4 points'."""
    if measure.margin_kind is MarginKind.RELATIVE:
        return f"{value * 100:.3g}% of the control"
    metric = metric_design(measure)
    if metric.is_share:
        return f"{value * 100:.3g} points"
    per = "" if metric.is_ratio else f"per {unit.value.lower()}"
    return " ".join(part for part in (f"{value:.3g}", metric.unit, per) if part)


def _decision(standing: Standing) -> Found:
    notes, owner = standing.notes, standing.draft.experiment.owner_name
    decider = notes.decider if notes else ""
    due = notes.decision_date if notes else None
    body = {
        "owner": owner,
        "decider": decider,
        "decision_date": due and due.isoformat(),
    }
    if not decider or due is None:
        return Found(standing.unsaid(), "Say who decides, and by when.", body)
    if due < standing.at.date():
        return Found(standing.unsaid(), "The day of the decision is over.", body)
    return Found(_OK, f"{decider} decides by {dated(due)}.", body)


def _ethics(standing: Standing) -> Found:
    """Protected traits in the targeting need a reason; limits may not have any."""
    draft, notes = standing.draft, standing.notes
    read = compiled(draft.experiment.targeting or {}).names()
    traits = sorted(name for name in read if name.lower() in PROTECTED)
    body = {"protected": traits, "note": notes.ethics if notes else ""}
    if traits and draft.experiment.treatment is TreatmentKind.FREEMIUM_LIMIT:
        return Found(
            _BLOCKED, f"A limit may not be set by a protected trait: {traits[0]}.", body
        )
    if not (notes and notes.ethics):
        named = f" It reads {', '.join(traits)}." if traits else ""
        return Found(
            standing.unsaid(),
            f"Say why it is fair, and what is read of people.{named}",
            body,
        )
    if traits:
        return Found(_WARNING, f"It reads {', '.join(traits)}: {notes.ethics}", body)
    return Found(_OK, notes.ethics, body)


def _identity(standing: Standing) -> Found:
    if standing.draft.experiment.unit is UnitKind.ACCOUNT:
        return Found(ItemStatus.NOT_APPLICABLE, "Accounts are randomised.")
    if standing.notes and standing.notes.identity:
        return Found(_OK, standing.notes.identity)
    return Found(
        _WARNING,
        "Say how a visitor's id is linked to the user's, or that only users are met.",
    )


def _support(standing: Standing) -> Found:
    if standing.notes and standing.notes.support_briefed:
        return Found(_OK, standing.notes.support_briefed)
    return Found(_WARNING, "Tell support what people will see, and note it.")


def _disclosure(standing: Standing) -> Found:
    if standing.draft.experiment.treatment is not TreatmentKind.FREEMIUM_LIMIT:
        return Found(ItemStatus.NOT_APPLICABLE, "Nothing is limited.")
    return Found(_OK, "Every variant says what people are told up front.")


def _flow(standing: Standing) -> Found:
    if standing.draft.experiment.treatment is not TreatmentKind.ONBOARDING_FLOW:
        return Found(ItemStatus.NOT_APPLICABLE, "There is no flow.")
    return Found(
        ItemStatus.NOT_APPLICABLE, "The start freezes the flow with its variants."
    )


RULES: MutableMapping[ItemCode, Rule] = {
    ItemCode.HYPOTHESIS: _hypothesis,
    ItemCode.METRICS: _metrics,
    ItemCode.DECISION: _decision,
    ItemCode.ETHICS: _ethics,
    ItemCode.DISCLOSURE: _disclosure,
    ItemCode.FLOW_FROZEN: _flow,
    ItemCode.IDENTITY: _identity,
    ItemCode.SUPPORT: _support,
}
"""How each item is settled that no worker gathers evidence of; a part of the product
that brings rules of its own puts them here."""
