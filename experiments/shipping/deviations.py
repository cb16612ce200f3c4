"""Where an experiment went another way than its design said."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from experiments.analysis.results import Report
from experiments.lifecycle import PauseMode
from experiments.models import Phase

_PAUSED = {
    PauseMode.PAUSE_ENROLMENT.value: "Enrolment was",
    PauseMode.PAUSE_SERVING.value: "Serving was",
}


def deviations_of(
    phases: Sequence[Phase],
    report: Report | None,
    *,
    planned: Collection[float] = (),
) -> tuple[str, ...]:
    """What a reader must know of how it ran, each a sentence.

    `planned` are the coverages of the last phase's ramp: to come to them was planned.
    """
    found = []
    if len(phases) > 1:
        found.append(
            f"It was randomised {len(phases)} times; only the last phase is read."
        )
    for phase in phases[-1:]:
        names = dict(variant_names(phase))
        found += [
            f"{_PAUSED[pause['mode']]} paused from {_instant(pause['from'])} "
            f"to {_until(pause)}."
            for pause in phase.pauses
        ]
        found += [
            f"{names.get(each['variant'], each['variant'])} was dropped on "
            f"{_instant(each['at'])} by {each['by']}: {each['reason']}"
            for each in phase.dropped
        ]
        if phase.imported:
            found.append("Its units were assigned elsewhere.")
        before, after = phase.design["coverage"], phase.coverage
        if after > before and after not in planned:
            found.append(f"Coverage was raised from {before:g} to {after:g}.")
    if report is not None and report.health.matured < report.health.planned_units:
        ended = not phases or phases[-1].ended_at is not None
        found.append(
            f"It {'stopped' if ended else 'still goes on,'} at "
            f"{report.health.matured:,} of "
            f"{report.health.planned_units:,} planned units."
        )
    return tuple(found)


def variant_names(phase: Phase) -> tuple[tuple[str, str], ...]:
    """What each variant of a phase is called, by its key."""
    return tuple(
        (arm["key"], arm["name"] or arm["key"]) for arm in phase.design["arms"]
    )


def _until(pause: dict[str, str | None]) -> str:
    until = pause["until"]
    return "now" if until is None else _instant(until)


def _instant(text: str) -> str:
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"
