"""The looks of a phase as a page lists them."""

from experiments.analysis.cuts import boundary_plan
from experiments.analysis.results import LookArm, LookSummary
from experiments.analysis.taken import Line, Taken
from experiments.design import PhaseDesign


def summarise(design: PhaseDesign, taken: Taken) -> tuple[LookSummary, ...]:
    """One entry per look, in order, with each arm's primary statistic."""
    primary = [
        line for line in taken.lines if line.metric_id == design.primary.metric_id
    ]
    by_number: dict[int, list[Line]] = {}
    for line in primary:
        by_number.setdefault(line.number, []).append(line)
    return tuple(_summary(design, lines) for _, lines in sorted(by_number.items()))


def _summary(design: PhaseDesign, lines: list[Line]) -> LookSummary:
    first = lines[0]
    plan = boundary_plan(design)
    spent = first.spent
    if plan is not None:
        spent = min(sum(line.spent for line in lines), plan.alpha)
    return LookSummary(
        number=first.number,
        cut=first.cut,
        at=first.at,
        information=first.fraction,
        alpha_spent=spent,
        horizon=first.horizon,
        arms=tuple(
            LookArm(
                arm=line.arm,
                statistic=line.statistic,
                boundary=line.boundary,
                information=line.information,
                crossed=line.crossed,
            )
            for line in lines
        ),
    )
