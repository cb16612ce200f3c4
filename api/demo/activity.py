"""Ninety days of events: what people did, and what treatments made them do. Pure."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np

from api.demo.people import People
from api.demo.plan import DAYS, EXPERIMENTS, OTHERS, DemoExperiment
from core.hashing import bucket_after, fnv32a
from experiments.design import UnitKind
from experiments.events.log import EXPOSURE, NewEvent

DAY_MILLISECONDS = 86_400_000
LAST_MOMENT = DAYS * DAY_MILLISECONDS - 60_000
CHUNK = 20_000

AHA, ORDER = "report_shared", "checkout_completed"
MEMBER_DAYS = 2.0
UPGRADE_DAYS = (0.5, 27.0)
AHA_DAYS = (0.05, 6.5)
CHECKOUT_DAYS = (0.02, 6.5)
BACKGROUND = (("app_opened", 6.0), ("report_created", 2.5), ("help_requested", 0.8))
"""Events of a user in 90 days, on average and whatever the treatment."""


@dataclass(slots=True)
class _Stream:
    """Events of one kind as columns, until they are put in order."""

    name: str
    users: np.ndarray
    at: np.ndarray
    """Milliseconds since the history began."""
    values: np.ndarray | None = None
    exposures: tuple[str, list[str]] | None = None
    """Of exposures: the experiment, and the variant of each."""


@dataclass(frozen=True)
class History:
    """All that happened, given the seeds that the experiments were split by."""

    people: People
    began: datetime
    seeds: Mapping[str, str]
    """The stored seed of each experiment's phase, by the experiment's key."""
    arms: dict[str, np.ndarray] = field(default_factory=dict, init=False)
    """The variant index of every user in each experiment."""

    def __post_init__(self) -> None:
        for experiment in (*EXPERIMENTS, *OTHERS):
            self.arms[experiment.key] = self._split(experiment)

    def variants_of(self, user: int) -> dict[str, str]:
        """The variants that a user was in."""
        newcomer = bool(self.people.is_newcomer[user])
        return {
            e.key: e.variants[self.arms[e.key][user]].key
            for e in EXPERIMENTS
            if e.targeting is None or newcomer
        }

    def chunks(self) -> Iterator[list[NewEvent]]:
        """Every event in the order of its instant, in bounded lists."""
        streams = [*self._background(), *self._experiments()]
        at = np.concatenate([stream.at for stream in streams])
        source = np.repeat(np.arange(len(streams)), [len(s.at) for s in streams])
        place = np.concatenate([np.arange(len(s.at)) for s in streams])
        order = np.argsort(at, kind="stable")
        events = (
            self._event(number, streams[source[i]], int(place[i]))
            for number, i in enumerate(order)
        )
        while chunk := list(itertools.islice(events, CHUNK)):
            yield chunk

    def total(self) -> int:
        """How many events there are."""
        return sum(len(s.at) for s in [*self._background(), *self._experiments()])

    def _split(self, experiment: DemoExperiment) -> np.ndarray:
        """Each user's arm, by the hash that serves the experiment."""
        state = fnv32a(self.seeds[experiment.key])
        if experiment.unit is UnitKind.ACCOUNT:
            names = map(self.people.account_id, range(self.people.accounts))
            by_account = _halves(names, state)
            return np.take(by_account, self.people.account_of)
        names = map(self.people.user_id, range(self.people.users))
        return _halves(names, state)

    def _random(self, topic: int) -> np.random.Generator:
        return np.random.default_rng([self.people.seed, 100 + topic])

    def _background(self) -> Iterator[_Stream]:
        for topic, (name, mean) in enumerate(BACKGROUND):
            random = self._random(topic)
            users = np.repeat(
                np.arange(self.people.users), random.poisson(mean, self.people.users)
            )
            yield _Stream(name, users, _daytime(random, len(users)))

    def _experiments(self) -> Iterator[_Stream]:
        limit, flow, cart = EXPERIMENTS
        yield from self._limit(limit, self._random(10))
        newcomers = np.flatnonzero(self.people.is_newcomer)
        yield from self._converting(flow, self._random(11), newcomers, AHA, AHA_DAYS)
        everyone = np.arange(self.people.users)
        yield from self._converting(
            cart, self._random(12), everyone, ORDER, CHECKOUT_DAYS
        )
        for topic, other in enumerate(OTHERS, 13):
            yield self._passing_by(other, self._random(topic))

    def _passing_by(
        self, experiment: DemoExperiment, random: np.random.Generator
    ) -> _Stream:
        """Some users are exposed, and go on as they would have anyway."""
        some = experiment.exposed_users
        users = np.sort(random.choice(self.people.users, some, replace=False))
        at = _moments(random, experiment, len(users))
        return self._exposures(experiment, users, at)

    def _limit(
        self, experiment: DemoExperiment, random: np.random.Generator
    ) -> Iterator[_Stream]:
        """An account is exposed when its first member meets the limit's display."""
        people = self.people
        exposed = _moments(random, experiment, people.accounts)
        first = np.searchsorted(people.account_of, np.arange(people.accounts))
        yield self._exposures(experiment, first, exposed)
        users = np.arange(people.users)
        since = exposed[people.account_of]
        active = since + _spread(random, people.users, (0.01, MEMBER_DAYS))
        yield _Stream("member_active", users, active)
        upgrades = self._happens(experiment, random, users)
        later = since[upgrades] + _spread(random, len(upgrades), UPGRADE_DAYS)
        yield _Stream("plan_upgraded", upgrades, later)

    def _converting(
        self,
        experiment: DemoExperiment,
        random: np.random.Generator,
        users: np.ndarray,
        event: str,
        within: tuple[float, float],
    ) -> Iterator[_Stream]:
        exposed = _moments(random, experiment, len(users))
        yield self._exposures(experiment, users, exposed)
        converting = self._happens(experiment, random, users)
        since = exposed[np.searchsorted(users, converting)]
        at = since + _spread(random, len(converting), within)
        cents = np.round(random.lognormal(8.3, 0.7, len(converting)))
        yield _Stream(event, converting, at, cents if event == ORDER else None)

    def _happens(
        self,
        experiment: DemoExperiment,
        random: np.random.Generator,
        users: np.ndarray,
    ) -> np.ndarray:
        """The users whom the primary event happens to, in the order of `users`.

        Each arm has exactly its true share of them, so that what the analysis should
        say does not hang on one draw.
        """
        rates = (experiment.effect.control, experiment.effect.treatment)
        happens = np.zeros(len(users), dtype=bool)
        for arm, rate in enumerate(rates):
            members = np.flatnonzero(self.arms[experiment.key][users] == arm)
            count = round(rate * len(members))
            happens[random.choice(members, count, replace=False)] = True
        return np.compress(happens, users)

    def _exposures(
        self, experiment: DemoExperiment, users: np.ndarray, at: np.ndarray
    ) -> _Stream:
        chosen = self.arms[experiment.key][users]
        variants = [experiment.variants[index].key for index in chosen]
        return _Stream(EXPOSURE, users, at, exposures=(experiment.key, variants))

    def _event(self, number: int, stream: _Stream, place: int) -> NewEvent:
        user = int(stream.users[place])
        at = min(int(stream.at[place]), LAST_MOMENT)
        occurred_at = self.began + timedelta(milliseconds=at)
        key, variants = stream.exposures or (None, [])
        value = None if stream.values is None else Decimal(int(stream.values[place]))
        return NewEvent(
            id=str(_event_id(occurred_at, number)),
            name=stream.name,
            user_id=self.people.user_id(user),
            account_id=self.people.account_id(int(self.people.account_of[user])),
            occurred_at=occurred_at,
            value=value,
            experiment_key=key,
            variant_key=variants[place] if variants else None,
        )


def _halves(names: Iterable[str], seed_state: int) -> np.ndarray:
    """0 for the lower half of the buckets, 1 for the upper one."""
    return np.array([bucket_after(n, seed_state) >= 0.5 for n in names], dtype=np.int64)


def _event_id(at: datetime, number: int) -> UUID:
    """A time-ordered id that is the same each time the history is told."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | number)


def _moments(
    random: np.random.Generator, experiment: DemoExperiment, count: int
) -> np.ndarray:
    days = random.uniform(experiment.exposed_from, experiment.exposed_until, count)
    return (days * DAY_MILLISECONDS).astype(np.int64)


def _spread(
    random: np.random.Generator, count: int, days: tuple[float, float]
) -> np.ndarray:
    return (random.uniform(*days, count) * DAY_MILLISECONDS).astype(np.int64)


def _daytime(random: np.random.Generator, count: int) -> np.ndarray:
    """Instants over the whole history, mostly at work."""
    day = random.integers(DAYS, size=count)
    hour = np.clip(random.normal(13.0, 3.5, count), 0.0, 23.99)
    return ((day + hour / 24) * DAY_MILLISECONDS).astype(np.int64)
