"""What a run has found so far, in a file that only the same code goes on from."""

import hashlib
import pickle
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.verdicts.service import Found

ROOT = Path(__file__).parents[2]
FOLDERS = ("core", "experiments", "workers", "benchmarks/verdicts")
"""Whatever can change what is found."""
LIBRARIES = ("duckdb", "numpy", "scipy")


class OtherCode(Exception):
    """The file was written by other code, whose results are not to be mixed in."""


def code() -> str:
    """The code's version, from the content of every source file and what it runs on."""
    digest = hashlib.sha256()
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in {".py", ".sql"}:
                digest.update(f"{file.relative_to(ROOT)}\n".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def kept(file: Path, running: str) -> list[Found]:
    """What the same code found earlier.

    Raises:
        OtherCode: The file is of other code than what is running.
    """
    found: list[Found] = []
    for written_by, batch in _read(file):
        if written_by != running:
            raise OtherCode(f"{file} is of other code: keep what this finds elsewhere.")
        found += batch
    return found


def keep(file: Path, running: str, found: Sequence[Found]) -> None:
    """Add a batch."""
    with file.open("ab") as stream:
        pickle.dump((running, list(found)), stream)


def _read(file: Path) -> Iterator[tuple[str, list[Found]]]:
    if not file.exists():
        return
    with file.open("rb") as stream:
        while stream.peek(1):
            yield pickle.load(stream)  # noqa: S301 - written above
