"""How a phase came to begin, written down beside it."""

from dataclasses import replace
from datetime import datetime

from core.database import AsyncSession
from experiments.design import design_hash
from experiments.eligibility.frozen import Eligibility
from experiments.freezing import design_of
from experiments.governance import queries as governance
from experiments.governance.models import Launch, Ramp, ReviewOutcome
from experiments.governance.ramps import RampStep, steps_document
from experiments.models import Phase
from experiments.service.approving import Agreement
from experiments.service.reviewing import close
from experiments.service.scheduled import cancel_schedule


async def write_launch(
    session: AsyncSession,
    phase: Phase,
    agreement: Agreement,
    *,
    scheduled_for: datetime | None,
) -> None:
    """Stamp a first phase with who agreed to it; its review and schedule are over."""
    review = agreement.review
    session.add(
        Launch(
            phase_id=phase.id,
            experiment_id=phase.experiment_id,
            governance=agreement.governance,
            reviewed=agreement.reached,
            review_id=None if review is None else review.id,
            approvals=len(agreement.approvers),
            scheduled_for=scheduled_for,
        )
    )
    if review is not None:
        await close(session, review, ReviewOutcome.STARTED)
    await cancel_schedule(session, phase.experiment_id)
    await session.flush()


async def carry_launch(session: AsyncSession, before: Phase, phase: Phase) -> None:
    """Stamp a later phase: what is not as it was reviewed is not reviewed by it."""
    same = _asks_the_same(before, phase)
    launch = (await governance.launches(session, [before.id])).get(before.id)
    if launch is None:
        return
    session.add(
        Launch(
            phase_id=phase.id,
            experiment_id=phase.experiment_id,
            governance=launch.governance,
            reviewed=launch.reviewed and same,
            review_id=launch.review_id,
            approvals=launch.approvals if same else 0,
        )
    )
    await session.flush()


def _asks_the_same(before: Phase, phase: Phase) -> bool:
    """Whether two phases try the same on the same people, by the same metrics.

    Coverage and holdouts say how many, and the plan's calendar when; a metric or a
    segment that was edited between them is another one.
    """
    old, new = design_of(before), design_of(phase)
    again = replace(
        new,
        number=old.number,
        seed=old.seed,
        planned_units=old.planned_units,
        eligibility=old.eligibility,
        plan=old.plan,
    )
    conditions = [
        Eligibility.of(each.eligibility).condition for each in (before, phase)
    ]
    return design_hash(again) == design_hash(old) and conditions[0] == conditions[1]


async def begin_ramp(
    session: AsyncSession, phase: Phase, steps: tuple[RampStep, ...]
) -> None:
    """Freeze the steps with the phase, which stands at the first of them."""
    session.add(
        Ramp(
            phase_id=phase.id,
            experiment_id=phase.experiment_id,
            steps=steps_document(steps),
            entered_at=phase.started_at,
            finished_at=phase.started_at if len(steps) == 1 else None,
        )
    )
    await session.flush()
