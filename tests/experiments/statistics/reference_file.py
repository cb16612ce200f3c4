"""The file of cases computed by independent implementations, and its arms.

The file is not part of the repository: HONE_SHARED_DATA names its folder, or it lies
beside the repository.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.statistics.crossproducts import Moments
from experiments.statistics.moments import pair_sample, sample
from experiments.statistics.proportions import Proportion
from experiments.statistics.samples import PairSample, Sample

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("HONE_SHARED_DATA", ROOT.parent / "shared" / "data"))
FILE = FOLDER / "statistics" / "reference_cases.json"

ARMS = ("control", "treatment")

Case = dict[str, Any]


def read_cases() -> list[Case]:
    """Every case of the file; none where it is not at hand."""
    if not FILE.is_file():
        return []
    cases: list[Case] = json.loads(FILE.read_text())
    return cases


CASES = read_cases()


def close(case: Case, **found: float) -> None:
    """Every named number is the expected one, within the case's tolerance."""
    tolerance = {case["tol_kind"]: case["tol"]}
    for name, value in found.items():
        assert value == pytest.approx(case["expected"][name], **tolerance), name


def inputs_of(case: Case) -> dict[str, Any]:
    """A case's inputs, its own or those of the case that it names."""
    own: dict[str, Any] = case["inputs"]
    if "same_as" not in own:
        return own
    [other] = [found for found in CASES if found["id"] == own["same_as"]]
    return {**inputs_of(other), **own}


def mean_of(arm: dict[str, Any]) -> Sample:
    """An arm given by its raw sums."""
    return sample(n=arm["n"], total=arm["sum"], squares=arm["sumsq"], steps=1)


def pair_of(arm: dict[str, Any]) -> PairSample:
    """The post-period ratio o1/s1 of an arm given by its cross sums."""
    return pair_sample(
        n=arm["n"],
        numerator=arm["sum"]["o1"],
        numerator_squares=arm["cross"]["o1*o1"],
        denominator=arm["sum"]["s1"],
        denominator_squares=arm["cross"]["s1*s1"],
        products=arm["cross"]["o1*s1"],
        numerator_steps=1,
        denominator_steps=1,
    )


def moments_of(arm: dict[str, Any], *columns: str) -> Moments:
    """Columns of an arm given by its cross sums."""
    n, total, cross = arm["n"], arm["sum"], arm["cross"]

    def deviation(one: str, other: str) -> float:
        product = cross.get(f"{one}*{other}", cross.get(f"{other}*{one}"))
        return float(product - total[one] * total[other] / n)

    return Moments(
        n=n,
        mean=np.array([total[name] / n for name in columns]),
        deviations=np.array([[deviation(a, b) for b in columns] for a in columns]),
    )


def proportion_of(arm: dict[str, Any]) -> Proportion:
    """An arm given by its counts."""
    return Proportion(arm["n"], arm["x"])
