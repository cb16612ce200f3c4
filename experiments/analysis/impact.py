"""What shipping would bring over everyone, and not only over those who were exposed.

Computed where a snapshot is made, from what it is made of: the reading that counts at
the look, and how many units were seen when the look was taken.
"""

from dataclasses import dataclass
from math import prod

from experiments.analysis.disclosure import shows_effect
from experiments.analysis.results import Comparison, Impact, MetricResult
from experiments.design import MetricKind, PhaseDesign
from experiments.eligibility.frozen import Eligibility

MONTH_DAYS = 30
"""Days whose distinct units stand for a month's."""

_ADDITIVE = frozenset(
    {
        MetricKind.CONVERSION,
        MetricKind.COUNT,
        MetricKind.SUM,
        MetricKind.RETENTION,
    }
)
_NOT_ADDITIVE = "values of this metric do not add up over units"
_IMPORTED = "who else was there is not known of an import"
_NOT_COUNTED = "nobody was counted beside those who were exposed"


@dataclass(frozen=True, slots=True)
class Reach:
    """How many units came by, as the log had it at a look."""

    look: int
    exposed: dict[str, int]
    """Units of the phase by arm."""
    seen: int
    """Distinct units seen in the environment since the phase began."""
    monthly: int
    """Distinct units seen in the last MONTH_DAYS days."""
    days: int
    """Over how many of those days the log has events."""


def impacts(
    design: PhaseDesign, primary: MetricResult, reach: Reach | None
) -> tuple[Impact, ...]:
    """What each variant would bring in the primary metric; none before a look."""
    return tuple(
        _impact(design, primary, comparison, reach)
        for comparison in primary.comparisons
        if comparison.look is not None and shows_effect(comparison)
    )


def trigger_rate(design: PhaseDesign, reach: Reach) -> float | None:
    """The share of the units seen that would meet the change, in [0, 1].

    The phase exposed only those whom its coverage, its slots of a layer and its
    holdouts left to it; shipped, the change meets the others as well.
    """
    share = participating(design) * design.units_in_play / max(design.planned_units, 1)
    if reach.seen == 0 or share <= 0.0:
        return None
    exposed = sum(reach.exposed.get(arm.key, 0) for arm in design.in_play)
    return min(1.0, exposed / (reach.seen * share))


def participating(design: PhaseDesign) -> float:
    """The share of units that could take part, in [0, 1]."""
    found = Eligibility.of(design.eligibility or {})
    slots = 1.0
    if found.layer is not None:
        slots = sum(high - low for low, high in found.layer.ranges)
    held = prod(1.0 - holdout.share for holdout in found.holdouts)
    return min(1.0, max(0.0, design.coverage * slots * held))


def _impact(
    design: PhaseDesign,
    primary: MetricResult,
    comparison: Comparison,
    reach: Reach | None,
) -> Impact:
    effect = _effect(comparison)
    if design.imported or reach is None:
        note = _IMPORTED if design.imported else _NOT_COUNTED
        return Impact(comparison.arm, None, None, None, None, None, note)
    rate = trigger_rate(design, reach)
    if rate is None:
        return Impact(comparison.arm, None, None, None, None, None, _NOT_COUNTED)
    if effect is None or primary.kind not in _ADDITIVE:
        note = comparison.reason if effect is None else _NOT_ADDITIVE
        return Impact(comparison.arm, rate, None, None, None, None, note)
    value, low, high = effect
    units = rate * reach.monthly
    return Impact(
        arm=comparison.arm,
        trigger_rate=rate,
        diluted_effect=rate * value,
        per_month=units * value,
        low=units * low,
        high=units * high,
        note=_note(reach),
        units_per_month=units,
        unbiased=comparison.unbiased is not None,
    )


def _effect(comparison: Comparison) -> tuple[float, float, float] | None:
    """The estimate and the interval that count: corrected after an early stop."""
    corrected, valid = comparison.unbiased, comparison.valid
    if corrected is not None:
        return corrected.value, corrected.low, corrected.high
    value = comparison.decisive.absolute
    if valid is None or value is None:
        return None
    return value, valid.low, valid.high


def _note(reach: Reach) -> str:
    if reach.days >= MONTH_DAYS:
        return ""
    unit = "day" if reach.days == 1 else "days"
    return f"the log knows {reach.days} {unit} of the month before the look"
