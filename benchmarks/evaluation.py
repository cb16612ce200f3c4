"""Evaluating in process: one experiment decided for one subject, per CPU-second.

Run `python -m benchmarks.evaluation [--subjects 1000] [--rounds 7]`. All engines run
the same 20 experiments, half of which have a condition of two comparisons; the rounds
take turns, and the medians are compared. Flagsmith's engine is measured where it is
installed (requirements-bench.lock). Then ours alone: with a holdout over everything
and a layer, and with 20, 200 and 2,000 experiments of which a subject qualifies for 20.
"""

import argparse
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any
from uuid import UUID

from growthbook.growthbook import GrowthBook

from core.hashing import position
from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    PhaseDefinition,
    Serving,
    Snapshot,
    VariantDefinition,
)
from experiments.assignment.evaluator import decide
from experiments.assignment.lowering import lowered
from experiments.design import UnitKind

EXPERIMENTS = 20
GROWTH = (20, 200, 2_000)
PLANS, COUNTRIES = ("free", "pro"), ("de", "us", "fr", "nl", "jp")
TARGETING = {"plan": "free", "country": {"$in": ["de", "fr", "nl"]}}

Subject = dict[str, Any]
Run = Callable[[Subject], object]


@dataclass(frozen=True, slots=True)
class Contender:
    """Something that evaluates a number of experiments for one subject."""

    name: str
    run: Run
    experiments: int
    subjects: Sequence[Subject]

    def seconds(self) -> float:
        """The CPU time of one subject."""
        begun = time.process_time()
        for subject in self.subjects:
            self.run(subject)
        return (time.process_time() - begun) / len(self.subjects)


def definition(number: int, **changes: Any) -> PhaseDefinition:
    """One experiment; every second one is targeted."""
    plain = PhaseDefinition(
        experiment_id=UUID(int=number),
        experiment_key=f"experiment-{number:04}",
        treatment="FEATURE",
        phase_id=UUID(int=number),
        number=1,
        version=1,
        unit=UnitKind.USER,
        seed=f"{number:016x}",
        coverage=1.0,
        condition=TARGETING if number % 2 else None,
        variants=(
            VariantDefinition("off", 0.5, is_control=True, payload={}, value="off"),
            VariantDefinition("on", 0.5, is_control=False, payload={}, value="on"),
        ),
        serving=Serving.SPLIT,
    )
    return replace(plain, **changes)


def subjects(count: int) -> list[Subject]:
    """People of all plans and countries."""
    return [
        {
            "id": f"user-{number}",
            "plan": PLANS[number % 2],
            "country": COUNTRIES[number % 5],
            "market": "market-0",
        }
        for number in range(count)
    ]


def ours(snapshot: Snapshot, label: str, people: Sequence[Subject]) -> list[Contender]:
    """One by one, and all at once."""
    phases, count = list(snapshot.phases.values()), len(snapshot.phases)

    def one_by_one(subject: Subject) -> object:
        return [decide(phase, subject) for phase in phases]

    return [
        Contender(f"decide{label}", one_by_one, count, people),
        Contender(f"decide_all{label}", snapshot.decide_all, count, people),
    ]


def growthbook(snapshot: Snapshot, people: Sequence[Subject]) -> Contender:
    """GrowthBook's Python SDK on the lowered rules; one client for all subjects."""
    logging.getLogger("growthbook").setLevel(logging.CRITICAL)
    client = GrowthBook(features=json.loads(json.dumps(lowered(snapshot)["features"])))
    keys = list(snapshot.phases)

    def run(subject: Subject) -> object:
        client.set_attributes(subject)
        return [client.eval_feature(key).value for key in keys]

    for subject in people[:100]:
        served = [each.value for each in snapshot.decide_all(subject)]
        assert run(subject) == served, "The two do not serve the same."
    return Contender("GrowthBook SDK", run, len(keys), people)


def flagsmith(snapshot: Snapshot, people: Sequence[Subject]) -> Contender | None:
    """Flagsmith's engine; it hashes with MD5, so its arms are others."""
    try:
        from flag_engine.engine import get_evaluation_result
    except ImportError:
        print("flagsmith-flag-engine is not installed: skipped.")
        return None
    features = {}
    segments = {}
    for key, phase in snapshot.phases.items():
        arms = [
            {"value": v.value, "weight": v.weight * 100, "priority": place}
            for place, v in enumerate(phase.definition.variants)
        ]
        plain = {"key": key, "name": key, "enabled": True, "value": "off"}
        split = plain | {"variants": arms}
        features[key] = plain if phase.definition.condition else split
        if phase.definition.condition:
            segments[key] = {"key": key, "name": key, "overrides": [split]} | {
                "rules": [{"type": "ALL", "conditions": FLAGSMITH_TARGETING}]
            }

    def run(subject: Subject) -> object:
        identity = {"identifier": subject["id"], "key": subject["id"]}
        context: Any = {
            "environment": {"key": "production", "name": "Production"},
            "identity": identity | {"traits": subject},
            "features": features,
            "segments": segments,
        }
        return get_evaluation_result(context)

    return Contender("flagsmith-flag-engine", run, len(features), people)


FLAGSMITH_TARGETING = [
    {"property": "plan", "operator": "EQUAL", "value": "free"},
    {"property": "country", "operator": "IN", "value": ["de", "fr", "nl"]},
]


def hashes(snapshot: Snapshot, people: Sequence[Subject]) -> Contender:
    """The floor: nothing but the position of an encoded id, for each experiment."""
    seeds = [phase.definition.seed.encode() for phase in snapshot.phases.values()]

    def run(subject: Subject) -> object:
        key = subject["id"].encode("latin-1")
        return [position(seed, key) for seed in seeds]

    return Contender("the hash alone", run, len(seeds), people)


def plain(people: Sequence[Subject]) -> list[Contender]:
    """The same 20 experiments for every engine."""
    snapshot = Snapshot.of(1, map(definition, range(EXPERIMENTS)))
    found = [
        growthbook(snapshot, people),
        *ours(snapshot, "", people),
        hashes(snapshot, people),
        flagsmith(snapshot, people),
    ]
    return [each for each in found if each is not None]


def restricted(people: Sequence[Subject]) -> list[Contender]:
    """A holdout over all of them, and a layer that two share."""
    holdouts = (HoldoutDefinition("global", "decade00decade00", 0.05),)
    layer = LayerSlots("checkout", "5ca1ab1e5ca1ab1e", ((0.0, 0.5),))
    other = replace(layer, ranges=((0.5, 1.0),))
    layers = {0: layer, 2: other}
    snapshot = Snapshot.of(
        1,
        [
            definition(number, holdouts=holdouts, layer=layers.get(number))
            for number in range(EXPERIMENTS)
        ],
    )
    return ours(snapshot, ", holdout + layer", people)


def growing(people: Sequence[Subject]) -> list[Contender]:
    """More and more experiments, of which 20 are for the subjects' market."""
    found = []
    for count in GROWTH:
        definitions = [
            definition(
                number,
                condition={"market": f"market-{number % (count // EXPERIMENTS)}"},
            )
            for number in range(count)
        ]
        snapshot = Snapshot.of(1, definitions)
        assert len(snapshot.relevant(people[0]).places) == EXPERIMENTS
        for name, run in (
            ("decide_all", snapshot.decide_all),
            ("relevant", snapshot.relevant),
        ):
            found.append(Contender(f"{name} of {count:,}", run, count, people))
    return found


def measured(contenders: Sequence[Contender], rounds: int) -> list[float]:
    """Median CPU-seconds of one subject; the contenders take turns."""
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, found in zip(contenders, times, strict=True):
            found.append(contender.seconds())
    return [median(found) for found in times]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--subjects", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    people = subjects(options.subjects)
    same, alone, growth = plain(people), restricted(people), growing(people)
    times = measured([*same, *alone, *growth], options.rounds)
    base = times[0]
    print(f"{'engine':<32}{'evaluations / CPU-s':>22}{'x GrowthBook SDK':>18}")
    for contender, seconds in zip([*same, *alone], times, strict=False):
        rate = contender.experiments / seconds
        print(f"{contender.name:<32}{rate:>22,.0f}{base / seconds:>18.1f}")
    grown = times[-len(growth) :]
    print(f"\n{'a subject qualifies for 20':<32}{'us / subject':>22}{'x 20':>18}")
    for place, (contender, seconds) in enumerate(zip(growth, grown, strict=True)):
        print(
            f"{contender.name:<32}{seconds * 1e6:>22.1f}"
            f"{seconds / grown[place % 2]:>18.2f}"
        )


if __name__ == "__main__":
    main()
