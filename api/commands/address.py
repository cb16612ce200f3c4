"""Where the server over a data folder listens, for commands that print links."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.settings import Settings


@contextmanager
def written_down(settings: Settings) -> Iterator[None]:
    """Keep a server's address beside its data as long as it serves."""
    file = _file(settings)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.write_text(settings.console_url)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def console_address(settings: Settings) -> str:
    """Where people reach the console: as set, else as a server here serves it."""
    file = _file(settings)
    if settings.public_url or not file.is_file():
        return settings.console_url
    return file.read_text()


def _file(settings: Settings) -> Path:
    return settings.data_dir / "address"
