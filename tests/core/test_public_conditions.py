"""The public cases of the language and of its hash, where a file has them.

Set HONE_SDK_CASES to the cases file of the published specification to run them.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from core.conditions import parsed
from core.hashing import bucket

_FILE = os.environ.get("HONE_SDK_CASES")

pytestmark = pytest.mark.skipif(
    _FILE is None, reason="HONE_SDK_CASES names no file of public cases"
)


def _cases(group: str) -> list[Any]:
    if _FILE is None:
        return []
    return list(json.loads(Path(_FILE).read_text(encoding="utf-8"))[group])


@pytest.mark.parametrize("case", _cases("evalCondition"), ids=lambda case: case[0])
def test_a_condition_of_the_published_language(case: list[Any]) -> None:
    _, condition, attributes, expected, *groups = case
    assert parsed(condition, *groups).holds(attributes) is expected


@pytest.mark.parametrize("case", _cases("hash"), ids=str)
def test_a_published_bucket(case: list[Any]) -> None:
    seed, value, version, expected = case
    assert bucket(value, seed, version) == expected
