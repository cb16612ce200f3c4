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


def score(counts: Iterable[tuple[int, int]]) -> Score:
    """Score (answer, how many) pairs of a 0 to 10 question."""
    detractors = passives = promoters = 0
    for answer, how_many in counts:
        if answer >= LOWEST_PROMOTER:
            promoters += how_many
        elif answer >= LOWEST_PASSIVE:
            passives += how_many
        else:
            detractors += how_many
    groups = Answers(detractors, passives, promoters)
    if groups.n == 0:
        return Score(groups, None)
    return Score(groups, net_promoter_score(groups, confidence=CONFIDENCE))
