"""What one look makes of every metric and arm: the lines that it writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from experiments.analysis.allowed import lacking
from experiments.analysis.attempts import Attempts, attempt_all, treatments
from experiments.analysis.comparing import compare
from experiments.analysis.cuts import boundary_plan
from experiments.analysis.inputs import look_hash
from experiments.analysis.labels import HorizonState, ValidMethod
from experiments.analysis.looks import DueLook, information
from experiments.analysis.readings import alpha_of, planned_pair
from experiments.analysis.sequence import (
    Point,
    always_sequence,
    judge_arms,
    points_of,
)
from experiments.analysis.taken import Kept, Line, Taken
from experiments.design import MetricDesign, MetricRole, PhaseDesign
from experiments.events.state import PhaseState
from experiments.statistics.errors import StatisticsError


@dataclass(frozen=True, slots=True)
class _Occasion:
    """One look at one phase."""

    design: PhaseDesign
    kept: Kept
    earlier: Taken
    due: DueLook
    fraction: float
    at: datetime

    def blank(self, metric: MetricDesign, arm: str) -> Line:
        """A line of this look, before anything is read."""
        return Line(
            number=self.due.number,
            metric_id=metric.metric_id,
            arm=arm,
            cut=self.due.cut,
            at=self.at,
            fraction=self.fraction,
            horizon=self.due.horizon,
            inputs_hash=look_hash(self.design, metric, self.kept, arm),
            spent=0.0,
        )


def take(
    design: PhaseDesign,
    state: PhaseState,
    kept: Kept,
    lines: Sequence[Line],
    *,
    due: DueLook,
    at: datetime,
) -> tuple[Line, ...]:
    """Read every metric in every treatment arm.

    Args:
        design: The frozen phase.
        state: The state that is read.
        kept: The same as the look keeps it.
        lines: What earlier looks made of it.
        due: Which look this is.
        at: The instant at which it is taken.
    """
    fraction = information(design, state)
    occasion = _Occasion(design, kept, Taken(tuple(lines)), due, fraction, at)
    found: list[Line] = []
    for metric in design.metrics:
        if boundary_plan(design) is None:
            found += _single(occasion, metric)
        elif metric.role is MetricRole.PRIMARY:
            found += _primary(occasion, metric)
        else:
            found += _other(occasion, metric)
    return tuple(found)


def _single(occasion: _Occasion, metric: MetricDesign) -> list[Line]:
    """The one look of a fixed horizon spends the whole error rate."""
    design = occasion.design
    blanks = [occasion.blank(metric, arm.key) for arm in treatments(design)]
    taken = Taken(tuple(blanks), {occasion.due.number: occasion.kept})
    return [
        replace(
            blank,
            spent=alpha_of(design),
            statistic=comparison.decisive.statistic,
            boundary=None if comparison.valid is None else comparison.valid.critical,
            estimate=comparison.decisive.absolute,
        )
        for blank, comparison in zip(
            blanks, compare(design, metric, taken), strict=True
        )
    ]


def _primary(occasion: _Occasion, metric: MetricDesign) -> list[Line]:
    """Every arm against its boundary, which ends at the horizon.

    One that was dropped is not read any more, and stays in the family: to drop an arm
    after a look must not buy the others an easier bound.
    """
    design, plan = occasion.design, boundary_plan(occasion.design)
    read = attempt_all(design, metric, occasion.kept)
    found = {
        arm: _scored(occasion, metric, each, arm, method=ValidMethod.GROUP_SEQUENTIAL)
        for arm, each in read.items()
    }
    for arm in design.dropped_at:
        found[arm] = occasion.blank(metric, arm)
    if plan is None or occasion.due.horizon is HorizonState.AFTER:
        return list(found.values())
    paths = {arm: _path(occasion, metric, line) for arm, line in found.items()}
    judged = judge_arms(plan, paths)
    return [
        replace(
            line,
            boundary=judged[arm].boundary,
            level=judged[arm].level,
            spent=judged[arm].spent,
            p_value=judged[arm].p_value,
        )
        for arm, line in found.items()
    ]


def _path(occasion: _Occasion, metric: MetricDesign, line: Line) -> list[Point]:
    earlier = occasion.earlier.of(metric, line.arm)
    return points_of([*earlier, line])


def _other(occasion: _Occasion, metric: MetricDesign) -> list[Line]:
    """Every arm at any time; the smallest p-value so far is kept."""
    design = occasion.design
    read: Mapping[str, Attempts] = attempt_all(design, metric, occasion.kept)
    found = []
    for arm, each in read.items():
        earlier = occasion.earlier.of(metric, arm)
        p_value = earlier[-1].p_value if earlier else None
        line = _scored(occasion, metric, each, arm, method=ValidMethod.ALWAYS_VALID)
        if line.statistic is not None:
            sequence = always_sequence(
                each.decisive,
                planned=planned_pair(design, arm),
                alpha=alpha_of(design),
                previous=p_value or 1.0,
            )
            p_value = p_value if sequence is None else sequence.p_value
        found.append(replace(line, p_value=p_value))
    return found


def _scored(
    occasion: _Occasion,
    metric: MetricDesign,
    found: Attempts,
    arm: str,
    *,
    method: ValidMethod,
) -> Line:
    """The normal score of a difference, and how much is known of it.

    None before the minimum sample: a look that may conclude nothing rejects nothing.
    """
    line, effect = occasion.blank(metric, arm), found.decisive.effect
    short = lacking(occasion.design, metric, found, occasion.kept, method=method)
    if effect is None or short is not None:
        return line
    try:
        statistic = effect.score()
        known = effect.standard_error**-2.0
    except (StatisticsError, OverflowError, ZeroDivisionError):
        return line
    return replace(line, statistic=statistic, information=known, estimate=effect.value)
