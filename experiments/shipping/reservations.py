"""Shipping against doubts: what refuses it, and what people may accept by name."""

from dataclasses import dataclass, replace

from experiments.analysis.results import Outcome, Report
from experiments.models import TEXT_LENGTH
from experiments.shipping import agreement
from experiments.shipping.errors import (
    DecisionRefused,
    EarlyDecision,
    GuardrailUnresolved,
)
from experiments.shipping.parts import MemoAcceptance, MemoDecision


@dataclass(frozen=True, slots=True)
class Reservations:
    """What is said of a variant that ships although something stands against it."""

    early_reason: str | None = None
    """Why before the planned number, or a valid bound, is there."""
    acceptances: tuple[tuple[str, str], ...] = ()
    """Guardrails that are not known, by key, each with why that is accepted."""


NO_RESERVATIONS = Reservations()


def reserved(
    decision: MemoDecision,
    report: Report | None,
    *,
    variant: str,
    planned_units: int,
    reservations: Reservations,
) -> MemoDecision:
    """The decision to ship a variant, with what was accepted for it.

    Raises:
        DecisionRefused: The result is invalid, there is none, it is too early, or a
            guardrail is harmed or unknown.
    """
    _check_wanted(report, variant)
    early = None
    if not agreement.is_ripe(report, planned_units, variant):
        early = _early_reason(report, planned_units, reservations)
    return replace(
        decision,
        early_reason=early,
        acceptances=_accepted(report, variant, decision.by, reservations),
    )


def _check_wanted(report: Report | None, variant: str) -> None:
    """Refuse what no reservation can make good."""
    if report is not None and report.recommendation.outcome is Outcome.INVALID:
        raise DecisionRefused("An invalid result never ships a variant.")
    if worse := agreement.harmed(report, variant):
        raise DecisionRefused(
            f"What {variant} harms is not shipped: {', '.join(worse)}.",
            path=("variant",),
        )
    if not agreement.is_known(report, variant):
        raise DecisionRefused(
            f"No look has read what {variant} does: nothing speaks for shipping it. "
            "Wait for one, or decide INCONCLUSIVE or ABANDON.",
            path=("decision",),
        )


def _early_reason(
    report: Report | None, planned_units: int, reservations: Reservations
) -> str:
    reason = (reservations.early_reason or "").strip()[:TEXT_LENGTH]
    if not reason:
        matured = 0 if report is None else report.health.matured
        raise EarlyDecision(
            f"{matured:,} of {planned_units:,} planned units are there, and no "
            "valid bound was crossed: say why it ships all the same.",
            path=("earlyReason",),
        )
    return reason


def _accepted(
    report: Report | None, variant: str, by: str, reservations: Reservations
) -> tuple[MemoAcceptance, ...]:
    """Each guardrail that is not known, with who accepts that and why."""
    unknown = agreement.unresolved(report, variant)
    accepted = {
        key: reason.strip()
        for key, reason in reservations.acceptances
        if reason.strip()
    }
    if lacking := [key for key in unknown if key not in accepted]:
        raise GuardrailUnresolved(
            f"It is not known whether {', '.join(lacking)} is harmed: accept it by "
            "name, and say why.",
            path=("acceptances",),
        )
    return tuple(
        MemoAcceptance(key, by, accepted[key][:TEXT_LENGTH]) for key in unknown
    )
