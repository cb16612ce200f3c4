"""The import contracts hold, and each is seen to fail on a copy that breaks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "workers", "experiments", "surveys", "feedback", "core")


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-logo", "--no-cache", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages, without what is installed into them, and their contracts."""
    folder = tmp_path_factory.mktemp("copy")
    ignore = shutil.ignore_patterns("node_modules", "vendor", "__pycache__")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=ignore)
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def test_the_contracts_hold(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("layers", "core/intruder.py", "import surveys"),
        ("layers", "surveys/intruder.py", "import feedback"),
        ("layers", "feedback/intruder.py", "import experiments.design"),
        ("layers", "workers/intruder.py", "import api"),
        ("edge-to-workers", "api/intruder.py", "import workers.context"),
        ("domains-are-plain", "experiments/intruder.py", "import strawberry"),
        ("domains-are-plain", "surveys/intruder.py", "import redis"),
        ("domains-are-plain", "core/intruder.py", "import starlette"),
        ("pure-packages", "experiments/statistics/intruder.py", "import asyncio"),
        ("pure-packages", "experiments/statistics/intruder.py", "import sqlmodel"),
        (
            "pure-packages",
            "experiments/assignment/intruder.py",
            "from core import database",
        ),
        ("pure-kernel", "core/conditions/intruder.py", "import core.database"),
        ("inside-a-domain", "surveys/errors.py", "import surveys.models"),
        ("inside-a-domain", "feedback/errors.py", "import feedback.queries"),
        ("inside-a-domain", "experiments/errors.py", "import experiments.service"),
        (
            "inside-a-domain",
            "experiments/analysis/errors.py",
            "import experiments.analysis.models",
        ),
        ("service-and-queries", "surveys/intruder.py", "import surveys.queries"),
        ("service-and-queries", "feedback/intruder.py", "import feedback.service"),
    ],
)
def test_a_broken_contract_is_seen(
    copy: Path, contract: str, module: str, line: str
) -> None:
    path = copy / module
    before = path.read_text() if path.exists() else None
    path.write_text((before or "") + f"\n{line}\n")
    try:
        result = lint(copy, "--contract", contract)
        assert result.returncode == 1, result.stdout + result.stderr
        assert "BROKEN" in result.stdout
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
