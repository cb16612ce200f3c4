"""How often recommendations were right, beside what is promised of them."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, betaincinv

from benchmarks.verdicts.cases import Situation
from benchmarks.verdicts.outcomes import truth_of
from benchmarks.verdicts.service import Found
from experiments.analysis.results import Outcome
from experiments.design import UnitKind

WRONG = 0.025
"""SHIP where nothing is better, or where a guardrail was harmed, at most."""
RIGHT = 0.75
"""SHIP where the effect is the one that was designed for, at least."""
BIAS = 0.02
"""Median distance of the reported effect from the true one, as a share of it."""
TAIL = 0.025
"""Of the intervals shown: 95%, exact."""
FEWEST = 6
"""Effects that have an interval of 95% for their median: 2 / 2**6 are outside."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share of experiments with its exact interval (Clopper and Pearson 1934)."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        """The share; 0 of nothing."""
        return self.hits / self.of if self.of else 0.0

    @property
    def low(self) -> float:
        """The lower end."""
        if self.hits == 0:
            return 0.0
        return float(betaincinv(self.hits, self.of - self.hits + 1, TAIL))

    @property
    def high(self) -> float:
        """The upper end."""
        if self.hits == self.of:
            return 1.0
        return float(betaincinv(self.hits + 1, self.of - self.hits, 1.0 - TAIL))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    text: str
    promise: str
    found: str
    kept: bool | None
    """None where nothing is promised; False where chance does not explain it."""


def table(found: Sequence[Found]) -> tuple[Line, ...]:
    """What is promised, then what it is made of."""
    nothing = [f for f in found if f.case.situation is Situation.NO_EFFECT]
    designed = [f for f in found if f.case.situation is Situation.DESIGNED]
    harmed = [f for f in found if f.case.situation is Situation.HARMED]
    return (
        _at_most("SHIP, no effect or a harmed guardrail", [*nothing, *harmed], WRONG),
        _at_most("SHIP, no effect", nothing, WRONG),
        _at_most("SHIP, a harmed guardrail", harmed, WRONG),
        _at_least("SHIP, design effect", designed, RIGHT),
        _bias(designed),
        *_parts(nothing, designed),
        _counted("INVALID", found, lambda f: f.outcome is Outcome.INVALID),
        _counted(
            "of those that ship, a guardrail is said to be open",
            [f for f in found if f.ships],
            lambda f: f.open_guardrail,
        ),
    )


def rows(lines: Iterable[Line]) -> str:
    """The table in Markdown."""
    words = {None: "", True: "not broken", False: "broken"}
    head = "| what | promised | found | |\n|---|---|---|---|\n"
    return head + "\n".join(
        f"| {each.text} | {each.promise} | {each.found} | {words[each.kept]} |"
        for each in lines
    )


def shipped(found: Sequence[Found]) -> Share:
    """The share that is recommended to be shipped."""
    return Share(sum(each.ships for each in found), len(found))


def _at_most(text: str, found: Sequence[Found], limit: float) -> Line:
    share = shipped(found)
    kept = share.low <= limit
    return Line(text, f"at most {limit:.1%}", _said(share), kept)


def _at_least(text: str, found: Sequence[Found], limit: float) -> Line:
    share = shipped(found)
    kept = share.high >= limit
    return Line(text, f"at least {limit:.0%}", _said(share), kept)


def _bias(found: Sequence[Found]) -> Line:
    """The median of the reported effects, with an interval of order statistics."""
    shares = sorted(
        each.estimate / truth_of(each.case.kind).effect - 1.0
        for each in found
        if each.estimate is not None
    )
    text, promise = "reported effect, median bias", f"within {BIAS:.0%}"
    if len(shares) < FEWEST:
        return Line(text, promise, "too few", None)
    below = next(
        place for place in range(len(shares)) if bdtr(place, len(shares), 0.5) > TAIL
    )
    low, high = shares[below], shares[-1 - below]
    middle = statistics.median(shares)
    kept = low <= BIAS and high >= -BIAS
    found_text = f"{middle:+.1%} ({low:+.1%} to {high:+.1%})"
    return Line(text, promise, found_text, kept)


def _parts(nothing: Sequence[Found], designed: Sequence[Found]) -> list[Line]:
    """The same by what experiments are like."""
    ways: dict[str, Callable[[Found], bool]] = {
        "a conversion": lambda f: f.case.kind == "converted",
        "a capped sum": lambda f: f.case.kind == "spent",
        "a ratio": lambda f: f.case.kind == "ordered",
        "users": lambda f: f.case.unit is UnitKind.USER,
        "accounts": lambda f: f.case.unit is UnitKind.ACCOUNT,
        "a ramp": lambda f: f.case.coverage < 1.0,
        "no ramp": lambda f: f.case.coverage == 1.0,
    }
    lines = []
    for name, holds in ways.items():
        for text, group in (("no effect", nothing), ("design effect", designed)):
            share = shipped([each for each in group if holds(each)])
            lines.append(Line(f"SHIP, {text}, {name}", "", _said(share), None))
    days = [each.day for each in designed]
    if days:
        mean = float(np.mean(days))
        lines.append(Line("days to the end, design effect", "", f"{mean:.1f}", None))
    return lines


def _counted(text: str, found: Sequence[Found], holds: Callable[[Found], bool]) -> Line:
    share = Share(sum(holds(each) for each in found), len(found))
    return Line(text, "", _said(share), None)


def _said(share: Share) -> str:
    ends = f"{share.low:.1%} to {share.high:.1%}"
    return f"{share.value:.1%} ({ends}), {share.hits} of {share.of}"
