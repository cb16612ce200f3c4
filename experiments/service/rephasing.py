"""Another split, or less coverage: a new phase, randomised and analysed alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.clock import now
from core.database import AsyncSession
from experiments import queries
from experiments.drafts import Draft
from experiments.errors import DesignInvalid
from experiments.lifecycle import Step
from experiments.models import Phase
from experiments.readiness import WEIGHT_TOLERANCE
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.launching import carry_launch
from experiments.service.publishing import locked_phase, phase_here
from experiments.service.ramping import check_share
from experiments.service.running import begin, check_ready, finish


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """A variant's share of the new split."""

    variant: str
    weight: float


async def start_new_phase(
    session: AsyncSession,
    intent: Intent,
    *,
    environment_id: UUID,
    reason: str,
    coverage: float | None = None,
    weights: Sequence[WeightSpec] | None = None,
) -> Phase:
    """End the phase and begin the next one at the same instant; it goes on running.

    Everyone is assigned anew, by a new seed. The phase that ends keeps its split and
    its results; the new one freezes the holdouts, segments and metrics of today. A
    ramp ends with its phase, and what is not as before was reviewed by nobody.

    Raises:
        ChecklistIncomplete: Something of the design may no longer start.
        DesignInvalid: The coverage or the weights break a rule.
        DesignFrozen: Its units are assigned elsewhere, or in another environment.
        IllegalTransition: It is not running.
        ReasonMissing: No reason was given.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent, Step.NEW_PHASE)
    if coverage is not None:
        check_share(coverage)
    current = await phase_here(session, experiment.id, environment_id)
    draft = await queries.draft_of(session, experiment)
    if weights is not None:
        _weigh(session, draft, weights)
    check_ready(draft)
    phase = await begin(
        session,
        draft,
        environment_id=environment_id,
        number=current.number + 1,
        at=await now(session),
        coverage=experiment.coverage if coverage is None else coverage,
    )
    await change.take(
        session,
        experiment,
        Step.NEW_PHASE,
        actor=intent.actor,
        environment_id=environment_id,
        reason=reason,
        facts=_facts(phase, draft),
        coverage=phase.coverage,
    )
    await finish(session, await locked_phase(session, current.id), phase.started_at)
    session.add(phase)
    await session.flush()
    await carry_launch(session, current, phase)
    return phase


def _facts(phase: Phase, draft: Draft) -> dict[str, Any]:
    """What the audit trail remembers of a later phase."""
    return {
        "phase": phase.number,
        "coverage": phase.coverage,
        "weights": {each.key: each.weight for each in draft.variants},
        "design_hash": phase.design_hash,
    }


def _weigh(session: AsyncSession, draft: Draft, weights: Sequence[WeightSpec]) -> None:
    """Give the variants their new shares; the ended phase has a copy of the old ones.

    Raises:
        DesignInvalid: They are not of all the variants, or do not sum to 1.
    """
    path = ("weights",)
    given = {each.variant: each.weight for each in weights}
    if len(given) != len(weights) or given.keys() != {v.key for v in draft.variants}:
        raise DesignInvalid("Give each variant its weight, once.", path=path)
    if not all(0 <= weight <= 1 for weight in given.values()):
        raise DesignInvalid("A weight is 0 to 1.", path=path)
    if abs(math.fsum(given.values()) - 1) > WEIGHT_TOLERANCE:
        raise DesignInvalid("The weights sum to 1.", path=path)
    for variant in draft.variants:
        variant.weight = given[variant.key]
        session.add(variant)
