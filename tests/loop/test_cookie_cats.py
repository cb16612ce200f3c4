"""The published experiment of docs/cookie-cats.md, read from the API."""

import os
from pathlib import Path

import pytest

from tests.loop.test_loop import INSIGHTS, ITEMS, nodes, start
from tests.processes import ROOT, Api, Installation

pytestmark = [pytest.mark.stores, pytest.mark.slow]

MAPPING = ROOT / "examples" / "cookie_cats.toml"
LIMIT_SECONDS = 60.0
READING = "absolute ciLow ciHigh pValue"
RESULTS = f"""
{{
  experiment(by: {{key: "first-gate"}}) {{
    results {{
      headline
      recommendation {{ outcome }}
      health {{ exposures {{ variant exposed }} srm {{ pValue warned failed }} }}
      metrics {{
        metric
        cap
        comparisons {{
          verdict
          raw {{ control {{ mean }} treatment {{ mean }} {READING} }}
          capped {{ {READING} }}
        }}
      }}
    }}
  }}
}}
"""


@pytest.fixture
def published() -> Path:
    """The table, which is not ours to ship."""
    path = Path(os.environ.get("COOKIE_CATS", "cookie_cats.csv"))
    if not path.exists():
        pytest.skip("COOKIE_CATS names no table")
    return path.resolve()


def test_the_published_experiment_is_read_from_the_api(
    installation: Installation, key: str, published: Path
) -> None:
    api = Api(start(installation), key)
    arguments = ["--mapping", str(MAPPING), "--url", api.url, "--key", key]
    report = installation.command("import", str(published), *arguments)
    assert report["units"] == 90_189
    assert report["seconds"] < LIMIT_SECONDS
    results = api.ask(RESULTS)["experiment"]["results"]
    check(results)
    assert len(nodes(api, INSIGHTS)) == 1
    assert len(nodes(api, ITEMS)) == 1
    again = installation.command("import", str(published), *arguments)
    assert again["accepted"] == 0
    assert api.ask(RESULTS)["experiment"]["results"] == results
    assert len(nodes(api, INSIGHTS)) == 1
    assert len(nodes(api, ITEMS)) == 1


def check(results: dict[str, object]) -> None:
    """The numbers that others computed from the same table."""
    health, metrics = results["health"], results["metrics"]
    assert isinstance(health, dict)
    assert isinstance(metrics, list)
    exposed = {e["variant"]: e["exposed"] for e in health["exposures"]}
    assert exposed == {"gate_30": 44_700, "gate_40": 45_489}
    assert health["srm"]["pValue"] == pytest.approx(0.0086, abs=5e-5)
    assert health["srm"]["warned"]
    assert not health["srm"]["failed"]
    by_metric = {metric["metric"]: metric for metric in metrics}
    (week,) = by_metric["retention_7"]["comparisons"]
    assert week["verdict"] == "LOSS"
    assert week["raw"]["control"]["mean"] == pytest.approx(0.19020, abs=5e-6)
    assert week["raw"]["treatment"]["mean"] == pytest.approx(0.18200, abs=5e-6)
    expect(week["raw"], -0.00820, -0.01328, -0.00312, 0.00156)
    (day,) = by_metric["retention_1"]["comparisons"]
    expect(day["raw"], -0.00591, -0.01239, 0.00058, 0.0744)
    (rounds,) = by_metric["rounds_played"]["comparisons"]
    assert by_metric["rounds_played"]["cap"] == 1_074
    expect(rounds["raw"], -1.15749, -3.71971, 1.40473, 0.37592)
    expect(rounds["capped"], -0.09558, -1.37351, 1.18236, 0.88346)


def expect(
    reading: dict[str, float], absolute: float, low: float, high: float, p_value: float
) -> None:
    """A reading, to the digits that are quoted."""
    found = [reading[name] for name in READING.split()]
    assert found[:3] == pytest.approx([absolute, low, high], abs=5e-6)
    assert found[3] == pytest.approx(p_value, abs=5e-5)
