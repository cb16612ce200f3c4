"""What the demo's people say: survey answers and tickets in many words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from api.demo.people import People
from api.demo.plan import DAYS

PROMOTERS, PASSIVES, DETRACTORS = 180, 140, 80
PARTIAL = 37
TICKETS = 500
SURVEY_DAYS = 45

_OPENINGS = (
    "Honestly,",
    "For our team",
    "Most weeks",
    "So far",
    "To be fair,",
    "Every Monday",
    "Since the spring",
    "From what I see,",
)
_TOPICS: Mapping[str, Sequence[str]] = {
    "export": (
        "the export to a spreadsheet drops my column order",
        "exporting a long report times out and I start again",
        "I cannot export more than one report at once",
        "the exported file has dates as plain numbers",
        "we export by hand because there is no schedule for it",
    ),
    "limit": (
        "we hit the report limit halfway through the month",
        "the limit on reports came as a surprise",
        "I delete old reports only to stay under the limit",
        "nobody told us how close to the limit we were",
    ),
    "setup": (
        "it took two calls to connect our data during set-up",
        "I did not know whom to invite when setting up the team",
        "the set-up steps ask for things that only our admin has",
        "getting started was harder than using it afterwards",
    ),
    "speed": (
        "dashboards are slow when the whole team looks at them",
        "the first page takes ages to load on my phone",
        "filters are slow once a report has many rows",
    ),
    "sharing": (
        "I wish I could share a report with people outside the company",
        "shared links stop working after a while",
        "comments on a shared report get lost",
    ),
    "billing": (
        "the invoice does not show which seats we pay for",
        "I could not find where to change our card",
        "the price per seat is hard to explain to my boss",
    ),
}
_PRAISE = (
    "building a report takes minutes instead of a morning",
    "my manager finally reads the numbers",
    "the weekly summary saves me an hour",
    "new colleagues understand it without me",
    "it does one thing and does it well",
    "the charts look good in a meeting without any work",
)
_CLOSINGS = (
    "",
    "Otherwise I am happy.",
    "Please look at that.",
    "That is my only wish.",
    "It comes up in every meeting.",
    "I would miss it if it were gone.",
)
_TICKET_ENDS = (
    "Can you help?",
    "This blocks our monthly review.",
    "It worked last week.",
    "Several colleagues see the same.",
    "No hurry, but it would be good to know.",
)
_CRITICAL_WEIGHTS = (0.30, 0.22, 0.18, 0.14, 0.09, 0.07)


@dataclass(frozen=True, slots=True)
class NpsAnswer:
    """One person's response to the survey."""

    number: int
    user: int
    score: int
    topic: str | None
    text: str
    day: float
    completed: bool


@dataclass(frozen=True, slots=True)
class Ticket:
    """One request for help, with its words."""

    number: int
    user: int
    text: str
    day: float
    closed_day: float | None


def nps_answers(people: People) -> Iterator[NpsAnswer]:
    """400 complete answers and 37 that stop after the score, in order of time."""
    random = np.random.default_rng([people.seed, 200])
    count = PROMOTERS + PASSIVES + DETRACTORS
    scores = random.permutation(
        np.concatenate(
            [
                random.integers(9, 11, PROMOTERS),
                random.integers(7, 9, PASSIVES),
                random.integers(0, 7, DETRACTORS),
            ]
        )
    )
    partial = random.integers(0, 11, PARTIAL)
    completed = random.permutation(np.arange(count + PARTIAL) < count)
    users = random.choice(people.users, count + PARTIAL, replace=False)
    days = np.sort(random.uniform(DAYS - SURVEY_DAYS, DAYS - 0.2, count + PARTIAL))
    full, cut = iter(scores), iter(partial)
    for number in range(count + PARTIAL):
        done = bool(completed[number])
        score = int(next(full) if done else next(cut))
        topic, text = _reason(random, score)
        yield NpsAnswer(
            number=number,
            user=int(users[number]),
            score=score,
            topic=topic if score <= 6 else None,
            text=text if done else "",
            day=float(days[number]),
            completed=done,
        )


def tickets(people: People) -> Iterator[Ticket]:
    """500 tickets in order of time, most of them closed."""
    random = np.random.default_rng([people.seed, 201])
    users = random.integers(people.users, size=TICKETS)
    days = np.sort(random.uniform(0, DAYS - 0.1, TICKETS))
    for number in range(TICKETS):
        _, complaint = _complaint(random)
        end = _TICKET_ENDS[random.integers(len(_TICKET_ENDS))]
        opened = float(days[number])
        closed = opened + float(random.exponential(6.0))
        yield Ticket(
            number=number + 1,
            user=int(users[number]),
            text=f"{complaint[0].upper()}{complaint[1:]}. {end}",
            day=opened,
            closed_day=closed if closed < DAYS - 0.1 else None,
        )


def topics() -> tuple[str, ...]:
    """What people complain about, the most frequent first."""
    return tuple(_TOPICS)


def _reason(random: np.random.Generator, score: int) -> tuple[str | None, str]:
    """Words that fit a score; the unhappy name a topic."""
    opening = _OPENINGS[random.integers(len(_OPENINGS))]
    closing = _CLOSINGS[random.integers(len(_CLOSINGS))] if score >= 7 else ""
    praise = _PRAISE[random.integers(len(_PRAISE))]
    topic, complaint = _complaint(random)
    if score >= 9:
        return None, f"{opening} {praise}. {closing}".strip()
    if score >= 7:
        return None, f"{opening} {praise}, but {complaint}. {closing}".strip()
    return topic, f"{opening} {complaint}."


def _complaint(random: np.random.Generator) -> tuple[str, str]:
    topic = topics()[random.choice(len(_TOPICS), p=_CRITICAL_WEIGHTS)]
    said = _TOPICS[topic]
    return topic, said[int(random.integers(len(said)))]
