"""More coverage in a running phase: nobody moves, and its seed stays."""

from core.database import AsyncSession
from experiments import queries
from experiments.errors import CoverageOnlyRises, DesignFrozen, DesignInvalid
from experiments.lifecycle import LIVE
from experiments.models import Experiment, Phase
from experiments.service import change
from experiments.service.change import Intent
from experiments.service.publishing import locked_phase, republish
from experiments.service.ramp_steps import skip_ahead
from experiments.service.recording import record


async def raise_coverage(
    session: AsyncSession,
    intent: Intent,
    *,
    coverage: float,
) -> Experiment:
    """Let more units in. The phase goes on, and whoever is in keeps the variant.

    Its ramp goes on from the last step that this coverage has come to.

    Raises:
        RampStepUnapproved: On the way is a step that waits for a reviewer.
        CoverageOnlyRises: It would fall, or stay as it is.
        DesignInvalid: It is no share.
        DesignFrozen: The experiment is not live.
        StaleVersion: Somebody changed it first.
    """
    experiment = await change.read(session, intent)
    check_share(coverage)
    check_rise(experiment, coverage)
    before = experiment.coverage
    if coverage == before:
        raise CoverageOnlyRises(f"It is {before:g} already.", path=("coverage",))
    row = await change.write(
        session, experiment, [experiment.status], coverage=coverage
    )
    phase = await cover(session, row)
    await record(
        session,
        row,
        "experiment.raise_coverage",
        actor=intent.actor,
        environment_id=phase.environment_id,
        before={"coverage": before, "version": row.version - 1},
        after={"coverage": coverage, "version": row.version, "phase": phase.number},
    )
    return row


def check_share(coverage: float) -> None:
    """Refuse what is no share of the units.

    Raises:
        DesignInvalid: It is not in [0, 1].
    """
    if not 0 <= coverage <= 1:
        raise DesignInvalid("Coverage is 0 to 1.", path=("coverage",))


def check_rise(experiment: Experiment, coverage: float) -> None:
    """Refuse to cover less than before.

    Raises:
        CoverageOnlyRises: It would fall.
        DesignFrozen: The experiment is not live.
    """
    if experiment.status not in LIVE:
        raise DesignFrozen("Nobody is being assigned.", path=("coverage",))
    if coverage < experiment.coverage:
        raise CoverageOnlyRises(
            f"Coverage only rises from {experiment.coverage:g}; startNewPhase takes "
            "less, and randomises again.",
            path=("coverage",),
        )


async def cover(session: AsyncSession, experiment: Experiment) -> Phase:
    """Give the current phase the experiment's coverage.

    Raises:
        RampStepUnapproved: On the way is a step that waits for a reviewer.
    """
    current = await queries.current_phase(session, experiment.id)
    phase = await locked_phase(session, current.id)
    await skip_ahead(session, phase.id, experiment.coverage)
    phase.coverage = experiment.coverage
    await republish(session, phase)
    return phase
