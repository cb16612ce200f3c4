"""Whether the arms got the units they should, and where a broken split comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.analysis.results import Check, SequentialCheck, SliceCheck
from experiments.analysis.wording import chance
from experiments.design import PhaseDesign
from experiments.events.study_slices import DAY, Slice
from experiments.statistics.errors import StatisticsError
from experiments.statistics.multiplicity import holm
from experiments.statistics.srm import (
    ChiSquare,
    sample_ratio,
    sequential_sample_ratio,
)

FAILS_BELOW = 0.001
"""A check of the split below this p-value makes the experiment INVALID."""

WARNS_BELOW = 0.01

LARGE = 1_000_000
"""Units past which a split may be off beyond doubt and still do no harm."""

NEGLIGIBLE = 0.001
"""Error of an arm's share, in parts of 1, that is harmless among so many units."""

MAX_SLICES = 200
"""Slices that are kept at most: those whose split is off most."""

FITS = "the units fit the planned split"
OFF = "the split is off"
_SMALL = "the split is off by less than 0.1 points"


@dataclass(frozen=True, slots=True)
class _Found:
    """One slice with its test."""

    check: SliceCheck
    test: ChiSquare | None

    @property
    def statistic(self) -> float:
        """How far off it is; nothing where it could not be tested."""
        return -1.0 if self.test is None else self.test.statistic


def check(test: ChiSquare, fits: str, differs: str) -> Check:
    """A test of the experiment itself, as a page shows it."""
    failed = test.p_value < FAILS_BELOW
    warned = failed or test.p_value < WARNS_BELOW
    return Check(test.p_value, warned, failed, differs if warned else fits)


def fixed_split(design: PhaseDesign, counts: Sequence[int]) -> Check:
    """Pearson's test of the units by arm: right when it is read once."""
    try:
        test = sample_ratio(counts, _weights(design))
    except StatisticsError as error:
        return Check(None, warned=False, failed=False, note=error.reason)
    found = check(test, FITS, OFF)
    if found.warned and _is_negligible(design, counts):
        return Check(test.p_value, warned=False, failed=False, note=_SMALL)
    return found


def sequential_split(design: PhaseDesign, counts: Sequence[int]) -> SequentialCheck:
    """The test that may be read at every refresh, on the counts now.

    The evidence at any instant keeps its error rate over all of them, so that no path
    has to be stored and the same counts always say the same.
    """
    try:
        path = sequential_sample_ratio([list(counts)], _weights(design))
    except StatisticsError as error:
        return SequentialCheck(
            None, None, warned=False, failed=False, note=error.reason
        )
    p_value, evidence = float(path.p_value[0]), float(path.log_evalue[0])
    failed = p_value < FAILS_BELOW
    warned = failed or p_value < WARNS_BELOW
    if warned and _is_negligible(design, counts):
        return SequentialCheck(p_value, evidence, False, False, _SMALL)
    note = OFF if warned else FITS
    return SequentialCheck(p_value, evidence, warned, failed, note)


def sliced(
    design: PhaseDesign, slices: Sequence[Slice]
) -> tuple[tuple[SliceCheck, ...], tuple[str, ...]]:
    """The split in every slice, the worst one first, and where it seems to come from.

    One error rate is kept over all slices by Holm's procedure. An attribute with one
    level says nothing and is left out.
    """
    counts = _counts(design, slices)
    found = [
        _slice(design, attribute, level, units)
        for attribute, levels in counts.items()
        if len(levels) > 1
        for level, units in levels.items()
    ]
    tested = [each for each in found if each.test is not None]
    judged = holm(
        [each.test.p_value for each in tested if each.test is not None],
        alpha=FAILS_BELOW,
    )
    rejected = {
        (each.check.attribute, each.check.level)
        for each, member in zip(tested, judged, strict=True)
        if member.p_value <= FAILS_BELOW
    }
    ranked = sorted(found, key=lambda each: -each.statistic)[:MAX_SLICES]
    checks = tuple(
        SliceCheck(
            each.check.attribute,
            each.check.level,
            each.check.counts,
            each.check.p_value,
            rejected=(each.check.attribute, each.check.level) in rejected,
        )
        for each in ranked
    )
    return checks, _diagnosis(design, checks, counts)


def _counts(
    design: PhaseDesign, slices: Sequence[Slice]
) -> dict[str, dict[str, list[int]]]:
    places = {arm.key: place for place, arm in enumerate(design.in_play)}
    counts: dict[str, dict[str, list[int]]] = {}
    for each in slices:
        if each.arm in places:
            levels = counts.setdefault(each.attribute, {})
            units = levels.setdefault(each.level, [0] * len(places))
            units[places[each.arm]] += each.units
    return counts


def _slice(
    design: PhaseDesign, attribute: str, level: str, counts: Sequence[int]
) -> _Found:
    try:
        test: ChiSquare | None = sample_ratio(counts, _weights(design))
    except StatisticsError:
        test = None
    p_value = None if test is None else test.p_value
    return _Found(SliceCheck(attribute, level, tuple(counts), p_value, False), test)


def _diagnosis(
    design: PhaseDesign,
    checks: Sequence[SliceCheck],
    counts: dict[str, dict[str, list[int]]],
) -> tuple[str, ...]:
    """Sentences on the worst slice; none where every slice fits alone."""
    worst = checks[0] if checks else None
    if worst is None or not worst.rejected or worst.p_value is None:
        return ()
    levels = counts[worst.attribute]
    every = sum(sum(units) for units in levels.values())
    inside = sum(worst.counts)
    shares = " to ".join(f"{units:,}" for units in worst.counts)
    name = "the day" if worst.attribute == DAY else worst.attribute
    sentence = (
        f"The split is off most where {name} is {worst.level}: {shares} units "
        f"({chance(worst.p_value)}), {inside / every:.0%} of all."
    )
    rest = [
        sum(units) - own
        for units, own in zip(
            zip(*levels.values(), strict=True), worst.counts, strict=True
        )
    ]
    elsewhere = fixed_split(design, rest)
    if elsewhere.p_value is None:
        return (sentence,)
    where = "is off too" if elsewhere.warned else "fits"
    return (sentence, f"Elsewhere it {where} ({chance(elsewhere.p_value)}).")


def _is_negligible(design: PhaseDesign, counts: Sequence[int]) -> bool:
    """Whether so many units prove an error that moves no conclusion."""
    total, weights = sum(counts), _weights(design)
    if total <= LARGE:
        return False
    return all(
        abs(units / total - weight / sum(weights)) < NEGLIGIBLE
        for units, weight in zip(counts, weights, strict=True)
    )


def _weights(design: PhaseDesign) -> list[float]:
    """Of the arms that are left: among them the split has not changed."""
    return [arm.weight for arm in design.in_play]
