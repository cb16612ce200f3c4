"""Registering documents from the command line."""

import hashlib
from pathlib import Path

from tests.cli.conftest import Hone

TEXT = "query ($s: SubjectInput!) { assignments(subject: $s) { etag } }\n"


def test_documents_are_registered_byte_for_byte(hone: Hone, tmp_path: Path) -> None:
    hone("projects", "create", "acme")
    file = tmp_path / "mine.graphql"
    file.write_bytes(TEXT.encode())
    for _ in range(2):
        made = hone("documents", "register", str(file), "--project", "acme")
        digest = hashlib.sha256(TEXT.encode()).hexdigest()
        assert made["documents"] == [{"file": str(file), "sha256": digest}]


def test_a_document_that_does_not_fit_is_refused(hone: Hone, tmp_path: Path) -> None:
    hone("projects", "create", "acme")
    file = tmp_path / "wrong.graphql"
    file.write_text("{ nothing }")
    fine = tmp_path / "fine.graphql"
    fine.write_text(TEXT)
    register = ("documents", "register", str(fine), str(file), "--project", "acme")
    refused = hone(*register, code=3)["error"]
    assert refused["code"] == "DOCUMENT_INVALID"
    assert refused["message"].startswith(f"{file}: ")
    file.write_bytes(b"\xff")
    assert str(file) in hone(*register, code=2)["error"]["message"]


def test_a_command_makes_no_database_where_there_is_none(
    hone: Hone, folder: Path
) -> None:
    file = folder / "mine.graphql"
    file.write_text(TEXT)
    for command in (
        ("documents", "register", str(file)),
        ("keys", "list"),
        ("members", "link", "ada@example.org"),
        ("environments", "create", "dev"),
    ):
        refused = hone(*command, "--project", "acme", code=3)["error"]
        assert refused["code"] == "NOT_FOUND"
        assert str(folder / "data" / "facts.sqlite") in refused["message"]
    assert not (folder / "data").exists()
