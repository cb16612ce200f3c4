"""Which reading each look allows, and what is missing before there may be one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from experiments.analysis.attempts import Attempt, Attempts
from experiments.analysis.cuts import boundary_plan
from experiments.analysis.estimates import Valid
from experiments.analysis.labels import HorizonState, ValidMethod
from experiments.analysis.readings import alpha_of, planned_pair
from experiments.analysis.sequence import always_sequence, at_boundary, unbiased
from experiments.analysis.taken import Kept, Line, Taken
from experiments.analysis.verdicts import missing
from experiments.design import MetricDesign, MetricRole, PhaseDesign
from experiments.plan import AnalysisPlan
from experiments.statistics.always_valid import ConfidenceSequence
from experiments.statistics.differences import Difference
from experiments.statistics.errors import StatisticsError
from experiments.statistics.evidence import Evidence
from experiments.statistics.multiplicity import holm

Allowed = dict[str, Evidence | None]
"""By treatment arm; None where its look may not conclude anything."""


def allowed(
    design: PhaseDesign,
    metric: MetricDesign,
    taken: Taken,
    lines: Mapping[str, Line],
    attempts: Mapping[str, Attempts],
) -> Allowed:
    """Each arm's readings at its deciding look, with the one that is valid there.

    Args:
        design: The frozen phase.
        metric: What is read.
        taken: All looks.
        lines: Each arm's deciding look.
        attempts: What each arm's look found.
    """
    plan = boundary_plan(design)
    primary = metric.role is MetricRole.PRIMARY
    if plan is None:
        return _fixed(design, attempts, family=primary)
    if primary:
        found = {
            arm: _stopped(design, taken.of(metric, arm), line, attempts[arm].decisive)
            for arm, line in lines.items()
        }
        return _shared(found, plan, _p_values_of_dropped(design, taken))
    fixed = _fixed(design, attempts, family=False)
    return {
        arm: fixed[arm]
        if line.horizon is HorizonState.AT
        else at_any_time(design, attempts[arm].decisive, line)
        for arm, line in lines.items()
    }


def lacking(
    design: PhaseDesign,
    metric: MetricDesign,
    found: Attempts,
    kept: Kept,
    *,
    method: ValidMethod | None,
) -> str | None:
    """What is missing before a reading under a rule may be concluded from, or None.

    Few accounts that were dealt anew are enough for a boundary and for a single look.
    An interval that holds at any time is made for many.
    """
    effect = found.decisive.effect
    dealt = effect is not None and effect.accounts is not None
    return missing(
        metric,
        design.unit,
        found.control,
        found.treatment,
        survival=kept.survival,
        dealt=dealt and method is not ValidMethod.ALWAYS_VALID,
    )


def shown_valid(evidence: Evidence | None, attempt: Attempt) -> Valid | None:
    """The reading that counts, as a report holds it."""
    if evidence is None or attempt.effect is None:
        return None
    found = evidence.reading
    return Valid(
        method=evidence.valid,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        critical=found.critical,
        relative=attempt.effect.relative(found.critical),
        level=evidence.level,
    )


def single(attempt: Attempt, method: ValidMethod, level: float) -> Evidence | None:
    """The reading at one planned look; None where the arms cannot be compared."""
    fixed = _difference(attempt, level)
    if fixed is None:
        return None
    return Evidence(fixed, None, None, None, method, level)


def at_any_time(design: PhaseDesign, attempt: Attempt, line: Line) -> Evidence | None:
    """The reading at a look that holds at every look, however often somebody looks."""
    alpha = alpha_of(design)
    fixed, sequence = _difference(attempt, alpha), _sequence(design, attempt, line)
    if fixed is None or sequence is None:
        return None
    return Evidence(fixed, None, sequence, None, ValidMethod.ALWAYS_VALID, alpha)


def _sequence(
    design: PhaseDesign, attempt: Attempt, line: Line
) -> ConfidenceSequence | None:
    previous = 1.0 if line.level is not None else line.p_value or 1.0
    return always_sequence(
        attempt,
        planned=planned_pair(design, line.arm),
        alpha=alpha_of(design),
        previous=previous,
    )


def _difference(attempt: Attempt, level: float) -> Difference | None:
    if attempt.effect is None:
        return None
    try:
        return attempt.effect.difference(1.0 - level)
    except StatisticsError:
        return None


def _stopped(
    design: PhaseDesign, lines: Sequence[Line], line: Line, attempt: Attempt
) -> Evidence | None:
    """A look at the boundary; after a crossing before its end, corrected for it."""
    fixed, group = _difference(attempt, alpha_of(design)), at_boundary(attempt, line)
    if fixed is None or group is None or line.level is None:
        return None
    early = line.horizon is HorizonState.BEFORE
    return Evidence(
        fixed=fixed,
        group_sequential=group,
        always_valid=_sequence(design, attempt, line),
        stopped=unbiased(lines, line.number) if early else None,
        valid=ValidMethod.GROUP_SEQUENTIAL,
        level=line.level,
    )


def _p_values_of_dropped(design: PhaseDesign, taken: Taken) -> list[float]:
    """What arms that were dropped count for in their family: their best, or nothing.

    To leave them out would make the others' p-values smaller by dropping an arm.
    """
    return [
        min((line.p_value or 1.0 for line in taken.of(design.primary, arm)), default=1)
        for arm in design.dropped_at
    ]


def _shared(found: Allowed, plan: AnalysisPlan, gone: Sequence[float]) -> Allowed:
    """Repeated p-values of several arms, adjusted as their boundaries were."""
    adjusted = holm([*_p_values(found), *gone], alpha=plan.alpha)
    return {
        arm: None if each is None else replace(each, family_p_value=judged.p_value)
        for (arm, each), judged in zip(found.items(), adjusted, strict=False)
    }


def _fixed(
    design: PhaseDesign, attempts: Mapping[str, Attempts], *, family: bool
) -> Allowed:
    """Readings at a single look.

    Several arms of the primary metric share one error rate by Holm's procedure, and
    each interval is drawn at the level at which its arm was judged, so that p and
    interval agree.
    """
    alpha = alpha_of(design)
    found: Allowed = {
        arm: single(each.decisive, ValidMethod.FIXED_HORIZON, alpha)
        for arm, each in attempts.items()
    }
    gone = [1.0] * len(design.dropped)
    if not family or len(found) + len(gone) == 1:
        return found
    judged = holm([*_p_values(found), *gone], alpha=alpha)
    for arm, adjusted in zip(list(found), judged, strict=False):
        each = single(attempts[arm].decisive, ValidMethod.HOLM, adjusted.alpha)
        if each is not None:
            each = replace(each, family_p_value=adjusted.p_value)
        found[arm] = each
    return found


def _p_values(found: Allowed) -> list[float]:
    return [1.0 if each is None else each.reading.p_value for each in found.values()]
