"""The command line in this process, over stores in a folder of the test's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from typer.testing import CliRunner

from api.cli import app

Hone: TypeAlias = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder."""
    for name in ("DATABASE_URL", "EVENTS_URL", "REDIS_URL", "HONE_PRODUCTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HONE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def hone(folder: Path) -> Hone:
    """Run a command with --json; its object, after checking the exit code."""

    def run(*arguments: str, code: int = 0) -> Any:
        result = CliRunner().invoke(app, [*arguments, "--json"])
        assert result.exit_code == code, (result.output, result.exception)
        return json.loads(result.stdout)

    return run
