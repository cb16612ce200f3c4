"""Which experiments are simulated: what is true of each, and how it is run."""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np

from benchmarks.verdicts.outcomes import COMPLAINING, KINDS, truth_of
from experiments.design import UnitKind
from experiments.plan import StoppingRule
from experiments.readiness.questions import Question
from experiments.readiness.sizing import Size, sized

SEED = 20_260_302
WINDOWS = range(3, 8)
HARM_DEVIATIONS = 4.17
"""How far the planned units show a harm: as in 200 of 5,000 against 290 of 5,000."""
_ROUNDS = 50
"""Until a harm and its own standard error agree to the last digit."""
MARGIN_SHARE = 0.28
"""The registered margin as a share of the harm, as in that example."""


class Situation(StrEnum):
    """What is true of an experiment."""

    NO_EFFECT = "no effect"
    DESIGNED = "design effect"
    HARMED = "design effect, harmed guardrail"


@dataclass(frozen=True, slots=True)
class Case:
    """One experiment to be."""

    number: int
    situation: Situation
    kind: str
    unit: UnitKind
    window_days: int
    enrolment_days: int
    coverage: float
    """Of the first two days; then everyone."""
    margin: bool
    """Whether the guardrail's margin is registered."""
    history: bool
    """Whether the log knows what units did before."""

    @property
    def key(self) -> str:
        """The experiment's key."""
        return f"case-{self.number:04}"

    @property
    def size(self) -> Size:
        """The units that the service's own power analysis asks for."""
        return size_of(self.kind, self.enrolment_days)

    @property
    def harm(self) -> float:
        """How much likelier a complaint is where the guardrail is harmed."""
        units, before = self.size.per_arm[0], COMPLAINING * (1.0 - COMPLAINING)
        harm = 0.0
        for _ in range(_ROUNDS):
            worse = COMPLAINING + harm
            error = math.sqrt((before + worse * (1.0 - worse)) / units)
            harm = HARM_DEVIATIONS * error
        return harm

    def draws(self) -> np.random.Generator:
        """This case's own numbers, whatever else is run."""
        return np.random.default_rng([SEED, self.number])


@cache
def size_of(kind: str, enrolment_days: int) -> Size:
    """A size for 80% power with a look on every day after the first week."""
    truth = truth_of(kind)
    looks = max(enrolment_days - 3, 2)
    question = Question(
        truth.baseline,
        truth.effect,
        stopping=StoppingRule.OBRIEN_FLEMING,
        looks=looks,
    )
    return sized(question)


def cases(count: int) -> tuple[Case, ...]:
    """So many experiments, always the same ones: two in five have no effect."""
    draw = np.random.default_rng(SEED)
    situations = [
        Situation.NO_EFFECT,
        Situation.DESIGNED,
        Situation.NO_EFFECT,
        Situation.DESIGNED,
        Situation.HARMED,
    ]
    kinds = list(KINDS)
    return tuple(
        Case(
            number=number,
            situation=situations[number % len(situations)],
            kind=kinds[int(draw.integers(len(kinds)))],
            unit=UnitKind.ACCOUNT if draw.random() < 0.3 else UnitKind.USER,
            window_days=int(draw.choice(WINDOWS)),
            enrolment_days=int(draw.integers(8, 15)),
            coverage=0.25 if draw.random() < 0.5 else 1.0,
            margin=bool(draw.random() < 0.5),
            history=bool(draw.random() < 0.5),
        )
        for number in range(count)
    )
