"""Four subjects, where the hash puts them, and the words that the tables use."""

from typing import Any

import pytest

ANN, BEN, CAT, DAN = "u26", "u6", "u2", "u7"

EXPERIMENT, LAYER = "exp", "layer"

POSITIONS: list[tuple[str, str, int, float]] = [
    # seed, subject, version, position
    (EXPERIMENT, ANN, 2, 0.0844),
    (EXPERIMENT, BEN, 2, 0.4099),
    (EXPERIMENT, CAT, 2, 0.6559),
    (EXPERIMENT, DAN, 2, 0.8425),
    (LAYER, ANN, 2, 0.1955),
    (LAYER, BEN, 2, 0.3692),
    (LAYER, CAT, 2, 0.6851),
    (LAYER, DAN, 2, 0.8544),
    (EXPERIMENT, ANN, 1, 0.167),
    (EXPERIMENT, BEN, 1, 0.189),
    (EXPERIMENT, CAT, 1, 0.905),
    (EXPERIMENT, DAN, 1, 0.496),
    ("__space", ANN, 1, 0.776),
    ("__space", BEN, 1, 0.542),
    ("__space", CAT, 1, 0.138),
    ("__space", DAN, 1, 0.599),
]


HALVES = {"hashVersion": 2, "seed": "exp"}


def feature(*rules: Any, default: Any = "default") -> dict[str, Any]:
    return {"defaultValue": default, "rules": list(rules)}


def split(*variations: Any, **more: Any) -> dict[str, Any]:
    return {"variations": list(variations), **HALVES, **more}


def parent(name: str, wanted: Any, **more: Any) -> dict[str, Any]:
    return {"id": name, "condition": {"value": wanted}, **more}


def table(names: str, rows: dict[str, tuple[Any, ...]]) -> pytest.MarkDecorator:
    """A parametrised test whose rows have names."""
    return pytest.mark.parametrize(
        names.split(), [pytest.param(*row, id=name) for name, row in rows.items()]
    )
