"""The golden experiments and subjects: what `arms.txt` was computed from, for ever."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

HERE = Path(__file__).parent
SUBJECTS = 10_000
NOBODY = "-"


@dataclass(frozen=True, slots=True)
class GoldenExperiment:
    """One experiment, and one character for each subject: its arm, or `-`."""

    definition: dict[str, Any]
    arms: str

    @property
    def key(self) -> str:
        """The experiment's key."""
        return str(self.definition["key"])

    def filters(self) -> list[dict[str, Any]]:
        """Layer and holdouts as filters of the rule language."""
        layer = self.definition.get("layer")
        slices = [(layer["seed"], layer["ranges"])] if layer else []
        for holdout in self.definition.get("holdouts", []):
            slices.append((holdout["seed"], [[holdout["share"], 1.0]]))
        return [
            {"attribute": "id", "seed": seed, "hashVersion": 2, "ranges": ranges}
            for seed, ranges in slices
        ]

    def feature(self) -> dict[str, Any]:
        """The experiment as an SDK receives it; who is out has the value -1."""
        definition = self.definition
        arms = range(len(definition["weights"]))
        rule = {
            "key": definition["key"],
            "seed": definition["seed"],
            "hashAttribute": "id",
            "hashVersion": 2,
            "variations": list(arms),
            "meta": [{"key": str(arm)} for arm in arms],
            "weights": definition["weights"],
            "coverage": definition["coverage"],
            "filters": self.filters(),
        }
        return {"defaultValue": -1, "rules": [rule]}


@cache
def subjects() -> tuple[str | int, ...]:
    """Ten thousand ids of eight kinds; `experiments.json` holds their digest."""
    return tuple(map(_subject, range(SUBJECTS)))


def digest(ids: tuple[str | int, ...]) -> str:
    """What tells that the subjects are the golden ones."""
    return hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest()


@cache
def experiments() -> tuple[GoldenExperiment, ...]:
    """The experiments with their arms."""
    known = json.loads((HERE / "experiments.json").read_text(encoding="utf-8"))
    return tuple(
        GoldenExperiment(definition, _arms()[definition["key"]])
        for definition in known["experiments"]
    )


def stored_digest() -> str:
    """The digest of the subjects that the arms belong to."""
    known = json.loads((HERE / "experiments.json").read_text(encoding="utf-8"))
    return str(known["subjects"])


@cache
def _arms() -> dict[str, str]:
    lines = (HERE / "arms.txt").read_text(encoding="utf-8").splitlines()
    arms: dict[str, str] = {}
    for line in lines:
        if line.startswith("= "):
            key = line[2:]
            arms[key] = ""
        elif line and not line.startswith("#"):
            arms[key] += line
    return arms


def _subject(number: int) -> str | int:
    digits = hashlib.sha256(f"golden {number}".encode()).digest()
    kinds: tuple[str | int, ...] = (
        f"user-{number}",
        str(UUID(bytes=digits[:16], version=4)),
        f"{digits[:3].hex()}.{number}@mail{digits[3] % 7}.example",
        number,
        f"Zoë.{number}@größe.example",
        f"客户-{number}",
        f"🦊{number}🧪",
        digits[:12].hex(),
    )
    return kinds[number % len(kinds)]
