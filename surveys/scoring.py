"""Turn counted answers into scores with intervals."""

from collections.abc import Iterable
from dataclasses import dataclass

from experiments.statistics.nps import (
    Answers,
    NetPromoterScore,
    net_promoter_score,
)

CONFIDENCE = 0.95
LOWEST_PASSIVE, LOWEST_PROMOTER = 7, 9


@dataclass(frozen=True, slots=True)
class Score:
    """The groups behind a Net Promoter Score; no score without an answer."""

    groups: Answers
    points: NetPromoterScore | None


def points(answer: int) -> int:
    """What one answer of 0 to 10 adds to a score, which is the mean of all."""
    if answer >= LOWEST_PROMOTER:
        return 100
    return 0 if answer >= LOWEST_PASSIVE else -100


def score(counts: Iterable[tuple[int, int]]) -> Score:
    """Score (answer, how many) pairs of a 0 to 10 question."""
    detractors = passives = promoters = 0
    for answer, how_many in counts:
        match points(answer):
            case 100:
                promoters += how_many
            case 0:
                passives += how_many
            case _:
                detractors += how_many
    groups = Answers(detractors, passives, promoters)
    if groups.n == 0:
        return Score(groups, None)
    return Score(groups, net_promoter_score(groups, confidence=CONFIDENCE))
