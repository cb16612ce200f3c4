"""What a snapshot's alarms ask for, and the sentence that says why."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from experiments.analysis.documents import state_from
from experiments.analysis.models import HarmAlarm, Snapshot
from experiments.analysis.readings import decisive
from experiments.analysis.results import Alarm, MetricResult, Report
from experiments.analysis.wording import (
    Scale,
    capitalised,
    chance,
    decimals_for,
    fixed,
)
from experiments.design import MetricDesign, PhaseDesign
from experiments.events.state import Sums
from experiments.governance.models import AlarmKind
from experiments.plan import HarmAction, MarginKind

_WEIGHT = {HarmAction.ALERT: 0, HarmAction.PAUSE_ENROLMENT: 1, HarmAction.STOP: 2}


@dataclass(frozen=True, slots=True)
class Ringing:
    """One alarm, with what it asks for and why."""

    kind: AlarmKind
    metric_key: str
    arm: str
    action: HarmAction
    sentence: str

    @property
    def weight(self) -> int:
        """How far its action goes."""
        return _WEIGHT[self.action]


def report_of(snapshot: Snapshot) -> Report:
    """The whole body, also of an INVALID one: an alarm hides from nobody."""
    return msgspec.convert(snapshot.body, Report)


Levels: TypeAlias = Mapping[tuple[str, str], tuple[float, float]]
"""Of a metric and an arm: the control's mean and the arm's, when it rang."""


def levels_of(alarm: HarmAlarm, design: PhaseDesign) -> tuple[float, float] | None:
    """The means on which an alarm rang; None where an arm had nothing to divide by."""
    metric = next((m for m in design.metrics if m.metric_id == alarm.metric_id), None)
    if metric is None:
        return None
    arms = (state_from(alarm.state[name]) for name in ("control", "treatment"))
    control, treatment = (_mean(metric, decisive(state)) for state in arms)
    return None if control is None or treatment is None else (control, treatment)


def _mean(metric: MetricDesign, sums: Sums) -> float | None:
    by, steps = (sums.d, metric.denominator_steps) if metric.is_ratio else (sums.n, 1)
    return sums.y / metric.numerator_steps / (by / steps) if by else None


def ringing(
    report: Report, design: PhaseDesign, levels: Levels = MappingProxyType({})
) -> tuple[Ringing, ...]:
    """Every alarm of a snapshot, those that ask for most first.

    Of an arm that was dropped none asks for anything any more.
    """
    found = [
        Ringing(
            AlarmKind.HARM,
            alarm.metric_key,
            alarm.arm,
            alarm.action,
            harm_sentence(
                alarm, report, design, levels.get((alarm.metric_key, alarm.arm))
            ),
        )
        for alarm in report.alarms
        if alarm.arm not in design.dropped_at
    ]
    if not split_fits(report):
        found.append(Ringing(AlarmKind.SRM, "", "", HarmAction.ALERT, _split(report)))
    return tuple(sorted(found, key=lambda each: -each.weight))


def split_fits(report: Report) -> bool:
    """Whether the arms' sizes agree with the split, by either test."""
    sequential = report.health.sequential_ratio
    failed = sequential is not None and sequential.failed
    return not (report.health.sample_ratio.failed or failed)


def harm_sentence(
    alarm: Alarm,
    report: Report,
    design: PhaseDesign,
    levels: tuple[float, float] | None = None,
) -> str:
    """Such as 'Churn 4.0% -> 5.8%: +1.8 points, at least +0.95; margin 0.5'.

    Without the levels at which it rang, those that the snapshot shows.
    """
    metric = next((m for m in report.metrics if m.key == alarm.metric_key), None)
    if metric is None:
        return f"{alarm.metric_key} got worse in {alarm.arm}."
    scale = Scale.of(metric)
    bound = scale.change(alarm.bound, _decimals(alarm.bound * scale.factor))
    margin = _margin(design, metric, scale)
    if levels is None:
        levels = _shown(metric, alarm.arm)
    moved = None if levels is None else _moved(*levels, metric, scale)
    return (
        f"{moved or f'{capitalised(metric.name)} got worse'}, at least {bound}{margin}"
    )


def _shown(metric: MetricResult, arm: str) -> tuple[float, float] | None:
    comparison = next((c for c in metric.comparisons if c.arm == arm), None)
    if comparison is None:
        return None
    reading = comparison.decisive
    before, after = reading.control.mean, reading.treatment.mean
    return None if before is None or after is None else (before, after)


def _moved(before: float, after: float, metric: MetricResult, scale: Scale) -> str:
    change = after - before
    decimals = decimals_for(change * scale.factor, change * scale.factor)
    levels = f"{scale.level(before, decimals)} -> {scale.level(after, decimals)}"
    difference = f"{scale.change(change, decimals)} {scale.unit}".rstrip()
    return f"{capitalised(metric.name)} {levels}: {difference}"


def _margin(design: PhaseDesign, metric: MetricResult, scale: Scale) -> str:
    found: MetricDesign | None = next(
        (m for m in design.metrics if m.key == metric.key), None
    )
    if found is None or found.margin is None:
        return ""
    if found.margin_kind is MarginKind.RELATIVE:
        return f"; margin {found.margin * 100:g}% of the control"
    return f"; margin {found.margin * scale.factor:g}"


def _decimals(value: float) -> int:
    return max(decimals_for(value, value), 2)


def _split(report: Report) -> str:
    arms = [arm for arm in report.health.arms if arm.dropped_at is None]
    seen = " to ".join(f"{arm.exposed:,}" for arm in arms)
    planned = ":".join(fixed(arm.expected_share * 100, 0) for arm in arms)
    p_value = report.health.sample_ratio.p_value
    sequential = report.health.sequential_ratio
    if p_value is None and sequential is not None:
        p_value = sequential.p_value
    told = "" if p_value is None else f", {chance(p_value)}"
    return f"The split was planned {planned} and came to {seen}{told}."
