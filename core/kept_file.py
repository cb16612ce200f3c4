"""Files that a restart can trust: whole, of this format, or as good as absent."""

import hashlib
import logging
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

_log = logging.getLogger("hone.kept")

ABANDONED_SECONDS = 60.0
"""No writer takes so long; one that did would fail, and write again."""

_MAX_HEADER = 1024
_UNFINISHED = ".new"


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hone: str
    format: str
    sha256: str
    written_at: float


_HEADER = msgspec.json.Decoder(_Header)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file holds, and when it was written by this machine's clock."""

    content: bytes
    written_at: float

    @property
    def age_seconds(self) -> float:
        """How old it is; a clock that was set back makes nothing younger than new."""
        return max(0.0, time.time() - self.written_at)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file: a line that describes it, then its content.

    Several processes may write it: each writes a file of its own and renames it, so
    a reader sees one of them whole. Blocking: call it in a thread.
    """

    path: Path
    kind: str
    format: str
    """Changes whenever what is written can no longer be read as before."""

    def write(self, content: bytes, *, again: bool = False) -> bool:
        """Replace the file, for the owner's eyes only; False where it is the same.

        With `again` the same content is written too, to renew its time.
        """
        digest = hashlib.sha256(content).hexdigest()
        if not again and self._digest() == digest:
            return False
        header = _Header(self.kind, self.format, digest, time.time())
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.path.parent, suffix=_UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(header) + b"\n" + content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        self._settle()
        return True

    def read(self) -> Kept | None:
        """The content, unless it is missing, torn, or something else."""
        try:
            line, _, content = self.path.read_bytes().partition(b"\n")
            header = _HEADER.decode(line)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._ignored(type(error).__name__)
            return None
        if (header.hone, header.format) != (self.kind, self.format):
            self._ignored("another format")
        elif hashlib.sha256(content).hexdigest() != header.sha256:
            self._ignored("not whole")
        else:
            return Kept(content, header.written_at)
        return None

    def _digest(self) -> str:
        try:
            with self.path.open("rb") as file:
                header = _HEADER.decode(file.readline(_MAX_HEADER))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return ""
        known = (header.hone, header.format) == (self.kind, self.format)
        return header.sha256 if known else ""

    def _ignored(self, why: str) -> None:
        _log.warning("kept_file_ignored: %s: %s", self.path.name, why)

    def _settle(self) -> None:
        """Let the rename itself survive a power cut."""
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sweep(folder: Path) -> None:
    """Remove what writers that were killed have left unfinished. Blocking."""
    for path in folder.glob(f"*{_UNFINISHED}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()
