"""How a rollout grows: its steps, checked, and which phase compares the holdback."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from experiments.arms import ArmDesign
from experiments.assignment.phases import ShippedDefinition
from experiments.assignment.rollout import Rollout, rolled_out
from experiments.design import PhaseDesign
from experiments.errors import DesignInvalid

STEPS = (0.1, 0.5, 1.0)
HOLD_HOURS = 24
MAX_STEPS = 20
MAX_HOLD_HOURS = 24 * 90
DAYS = (14, 30, 90)
"""After how many days what was shipped is measured again."""


def checked_steps(steps: Sequence[float], ramp_to: float) -> list[float]:
    """The steps below the last share, and the last share.

    Raises:
        DesignInvalid: A share is none, or the steps do not rise.
    """
    if not 0.0 < ramp_to <= 1.0:
        raise DesignInvalid("It reaches more than 0 and at most 1.", path=("rampTo",))
    if len(steps) > MAX_STEPS or not all(0.0 < each <= 1.0 for each in steps):
        raise DesignInvalid(
            f"At most {MAX_STEPS} steps, each above 0 and at most 1.", path=("steps",)
        )
    if any(one >= other for one, other in pairwise(steps)):
        raise DesignInvalid("Each step reaches more than the last.", path=("steps",))
    return [each for each in steps if each < ramp_to] + [ramp_to]


def check_holdback(design: PhaseDesign, holdback: float) -> None:
    """Refuse to hold back more than had the control.

    Raises:
        DesignInvalid: It is no share, or more than the control's.
    """
    most = design.control.weight
    if not math.isfinite(holdback) or not 0.0 <= holdback <= most:
        raise DesignInvalid(
            f"The holdback is a part of the control's bucket: 0 to {most:g}.",
            path=("holdback",),
        )


def parts_of(
    design: PhaseDesign, *, variant: str, holdback: float, share: float
) -> Rollout:
    """Who is reached at a share of all units, and who is held back."""
    keys = [arm.key for arm in design.arms]
    return rolled_out(
        [arm.weight for arm in design.arms],
        design.coverage,
        control=keys.index(design.control.key),
        shipped=keys.index(variant),
        holdback=holdback,
        share=share,
    )


def shipped_definition(
    design: PhaseDesign, *, variant: str, holdback: float, share: float, measured: bool
) -> ShippedDefinition:
    """The same as the evaluator takes it."""
    parts = parts_of(design, variant=variant, holdback=holdback, share=share)
    return ShippedDefinition(
        variant=variant,
        held_back=(parts.held_back,) if holdback > 0.0 else (),
        kept=(parts.kept,) if parts.kept[1] > parts.kept[0] else (),
        added=parts.added,
        measured=measured and holdback > 0.0,
    )


def holdback_design(
    design: PhaseDesign,
    parts: Rollout,
    *,
    phase_id: UUID,
    number: int,
    variant: str,
    started_at: datetime,
) -> PhaseDesign:
    """The phase that compares those held back with those treated from the start.

    Its seed and its metrics are those of the phase that was decided on.
    """
    held_back, kept = (high - low for low, high in (parts.held_back, parts.kept))
    total = held_back + kept
    shares = {design.control.key: held_back / total, variant: kept / total}
    arms: list[ArmDesign] = [
        replace(arm, weight=shares[arm.key]) for arm in design.arms if arm.key in shares
    ]
    return replace(
        design,
        phase_id=phase_id,
        number=number,
        coverage=1.0,
        arms=tuple(arms),
        started_at=started_at,
        ended_at=None,
        gaps=(),
    )
