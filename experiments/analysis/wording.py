"""Numbers and names as a person would say them."""

import math
from dataclasses import dataclass
from datetime import date

from experiments.analysis.results import MetricResult, Relative, Unbiased, Valid
from experiments.design import Direction, UnitKind

_NOUNS = {UnitKind.USER: ("user", "users"), UnitKind.ACCOUNT: ("account", "accounts")}


@dataclass(frozen=True, slots=True)
class Scale:
    """How a metric's numbers are written: as percentages or in its own unit."""

    factor: float
    sign: str
    unit: str

    @classmethod
    def of(cls, metric: MetricResult) -> "Scale":
        """Percentages for shares, such as what a unit does or does not do."""
        if metric.share:
            return cls(factor=100.0, sign="%", unit="points")
        return cls(factor=1.0, sign="", unit=metric.unit)

    def level(self, value: float, decimals: int) -> str:
        """A level, such as 19.0% or 52.46."""
        return f"{fixed(value * self.factor, decimals)}{self.sign}"

    def change(self, value: float, decimals: int) -> str:
        """A difference, always with its sign."""
        return signed(value * self.factor, decimals)

    def amount(self, value: float, decimals: int) -> str:
        """A size with its unit and without a sign, such as 1.3 points."""
        text = fixed(abs(value) * self.factor, decimals)
        return f"{text} {self.unit}".rstrip()


def effect(
    metric: MetricResult, before: float, after: float, valid: Valid | Unbiased
) -> str:
    """Both levels and the interval, such as '19.0% -> 18.2% (-1.3 to -0.3 points)'."""
    scale = Scale.of(metric)
    decimals = _decimals(scale, before, after, valid)
    levels = f"{scale.level(before, decimals)} -> {scale.level(after, decimals)}"
    low = scale.change(valid.low, decimals)
    high = scale.change(valid.high, decimals)
    if metric.share:
        return f"{levels} ({low} to {high} points)"
    return f"{levels} {metric.unit}".rstrip() + f" ({low} to {high})"


def difference(
    metric: MetricResult, before: float, after: float, valid: Valid | Unbiased
) -> str:
    """The difference alone, as exact as its levels are said, such as '+0.4 points'."""
    scale = Scale.of(metric)
    decimals = _decimals(scale, before, after, valid)
    return f"{scale.change(after - before, decimals)} {scale.unit}".rstrip()


def _decimals(
    scale: Scale, before: float, after: float, valid: Valid | Unbiased
) -> int:
    """As many as the interval has, and one more where that tells the levels apart."""
    decimals = decimals_for(valid.low * scale.factor, valid.high * scale.factor)

    def told_apart(places: int) -> bool:
        return scale.level(before, places) != scale.level(after, places)

    more = not told_apart(decimals) and told_apart(decimals + 1)
    return decimals + 1 if more else decimals


def worst_case(metric: MetricResult, relative: Relative | None, valid: Valid) -> str:
    """How bad a guardrail could be, for an interval that holds 0.

    As a share of the control where that can be stated, else in the metric's unit.
    """
    falls = metric.direction is Direction.INCREASE
    way = "down" if falls else "up"
    name = capitalised(metric.name)
    if relative is not None and relative.low is not None and relative.high is not None:
        bound = relative.low if falls else relative.high
        decimals = decimals_for(relative.low * 100.0, relative.high * 100.0)
        amount = f"{fixed(abs(bound) * 100.0, decimals)}%"
    else:
        bound = valid.low if falls else valid.high
        scale = Scale.of(metric)
        decimals = decimals_for(valid.low * scale.factor, valid.high * scale.factor)
        amount = scale.amount(bound, decimals)
    return f"{name} could be {way} by up to {amount}"


def decimals_for(low: float, high: float) -> int:
    """Decimals that give an interval two digits and never round an end to 0.

    >>> decimals_for(-1.328, -0.312), decimals_for(-2613.0, 310.0)
    (1, 0)
    """
    width = high - low
    decimals = 1
    if width > 0.0:
        decimals = min(max(1 - math.floor(math.log10(width)), 0), 6)
    while decimals < 6 and any(
        end != 0.0 and round(end, decimals) == 0.0 for end in (low, high)
    ):
        decimals += 1
    return decimals


def fixed(value: float, decimals: int) -> str:
    """A number with thousands separated, and no minus on a zero."""
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    """A number that always shows its sign, except zero.

    >>> signed(0.0816, 1), signed(-1.3, 1), signed(-0.01, 1)
    ('+0.1', '-1.3', '0.0')
    """
    rounded = round(value, decimals)
    if rounded == 0.0:
        return fixed(0.0, decimals)
    return f"{rounded:+,.{decimals}f}"


def chance(p_value: float) -> str:
    """A p-value to two digits, never rounded to 0 or to 1.

    >>> chance(0.00857), chance(1e-40), chance(0.997), chance(1.0)
    ('p = 0.0086', 'p < 0.0001', 'p = 0.997', 'p > 0.999')
    """
    if p_value < 0.0001:
        return "p < 0.0001"
    if p_value > 0.9994:
        return "p > 0.999"
    decimals = 1 - math.floor(math.log10(p_value))
    if p_value >= 0.995:
        decimals = 3
    return f"p = {p_value:.{decimals}f}"


def dated(day: date) -> str:
    """A day as the console has it.

    >>> dated(date(2026, 5, 1))
    '1 May 2026'
    """
    return f"{day.day} {day:%b %Y}"


def planned(count: int, unit: UnitKind) -> str:
    """A planned count with its noun.

    >>> planned(20_000, UnitKind.USER)
    '20,000 planned users'
    """
    return f"{count:,} planned {_NOUNS[unit][0 if count == 1 else 1]}"


def listed(words: list[str]) -> str:
    """Words in a row, the last one after 'and'.

    >>> listed(["900", "1,100", "1,000"])
    '900, 1,100 and 1,000'
    """
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def capitalised(text: str) -> str:
    """The text with its first letter large and the rest as it is."""
    return text[:1].upper() + text[1:]


def contrast(treatment: str, control: str) -> str:
    """What was tried instead of what; of numbers without saying shared words twice.

    >>> contrast("Gate at level 40", "Gate at level 30")
    'Gate at level 40 instead of 30'
    >>> contrast("60 reports", "100 reports")
    '60 reports instead of 100'
    >>> contrast("Team first", "Data first")
    '“Team first” instead of “Data first”'
    """
    first, second = treatment.split(), control.split()
    limit = min(len(first), len(second))
    start = 0
    while start < limit and first[start] == second[start]:
        start += 1
    end = 0
    while end < limit - start and first[-1 - end] == second[-1 - end]:
        end += 1
    tried = first[start : len(first) - end]
    given_up = second[start : len(second) - end]
    if not (_is_amount(tried) and _is_amount(given_up)):
        return f"“{treatment}” instead of “{control}”"
    return f"{capitalised(treatment)} instead of {' '.join(given_up)}"


def _is_amount(words: list[str]) -> bool:
    return len(words) == 1 and words[0][:1].isdigit()
