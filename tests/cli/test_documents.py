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
    refused = hone("documents", "register", str(file), "--project", "acme", code=3)
    assert refused["error"]["code"] == "DOCUMENT_INVALID"
