"""hone import refuses what it cannot send before sending any of it."""

from pathlib import Path

import pytest

from api.imports import client
from tests.cli.conftest import Hone
from tests.loop import table

NOBODY = "http://127.0.0.1:1"


def test_a_wrong_mapping_or_table_is_wrong_usage(hone: Hone, tmp_path: Path) -> None:
    made = table.write(tmp_path, units=20)
    arguments = ("import", str(made.data), "--url", NOBODY, "--key", "k")
    made.mapping.write_text("[experiment]\n")
    error = hone(*arguments, "--mapping", str(made.mapping), code=2)["error"]
    assert error["code"] == "MAPPING"
    made.mapping.write_text(table.MAPPING)
    made.data.write_text("person,form\np1,short\n")
    error = hone(*arguments, "--mapping", str(made.mapping), code=2)["error"]
    assert error["code"] == "TABLE"


def test_a_file_that_is_not_there_is_wrong_usage(hone: Hone, tmp_path: Path) -> None:
    made = table.write(tmp_path, units=20)
    absent = str(tmp_path / "absent.csv")
    error = hone("import", absent, "--mapping", str(made.mapping), code=2)["error"]
    assert error["code"] == "FILE"


def test_a_server_that_does_not_answer_is_asked_again_and_given_up(
    hone: Hone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.5)
    made = table.write(tmp_path, units=20)
    error = hone(
        *("import", str(made.data), "--mapping", str(made.mapping)),
        *("--url", NOBODY, "--key", "k"),
        code=4,
    )["error"]
    assert error["code"] == "UNREACHABLE"
    assert NOBODY in error["message"]
