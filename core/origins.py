"""Origins of pages: which ones may read what a client key is answered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.problems import Invalid

MAX_ORIGINS = 50
MAX_LENGTH = 255
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = rf"{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]{{2,45}}\]"
_ORIGIN = re.compile(
    rf"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<any>\*\.)?(?P<host>{_HOST})"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
_LABELS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_MAX_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Origins:
    """An environment's list, ready to be asked."""

    exact: frozenset[str]
    families: tuple[tuple[str, str], ...]
    """Of each entry with `*.`: what stands before the star, and what after it."""

    def allow(self, origin: str) -> bool:
        """Whether a page of this origin, as a browser names it, is on the list."""
        if origin in self.exact:
            return True
        return any(
            origin.startswith(start)
            and origin.endswith(end)
            and _LABELS.fullmatch(origin, len(start), len(origin) - len(end))
            for start, end in self.families
        )


@lru_cache(maxsize=1024)
def origins_of(listed: tuple[str, ...]) -> Origins | None:
    """A list that was checked; None, which is any origin, where it is empty."""
    if not listed:
        return None
    halves = [each.partition("*") for each in listed]
    return Origins(
        exact=frozenset(start for start, star, _ in halves if not star),
        families=tuple((start, end) for start, star, end in halves if star),
    )


def checked_origins(listed: Sequence[str], *, path: tuple[str, ...]) -> list[str]:
    """The list, each origin once.

    Raises:
        Invalid: One of them is none, or they are too many.
    """
    if len(listed) > MAX_ORIGINS:
        raise Invalid(f"An environment lists at most {MAX_ORIGINS} origins.", path=path)
    for place, origin in enumerate(listed):
        _check(origin, (*path, str(place)))
    return list(dict.fromkeys(listed))


def _check(origin: str, path: tuple[str, ...]) -> None:
    shaped = _ORIGIN.fullmatch(origin) if len(origin) <= MAX_LENGTH else None
    if shaped is None:
        raise Invalid(
            "An origin is scheme://host or scheme://host:port in small letters, without"
            " a path; `*.` before the host stands for all of its subdomains.",
            path=path,
        )
    scheme, host, port = shaped["scheme"], shaped["host"], shaped["port"]
    if port is not None and int(port) > _MAX_PORT:
        raise Invalid(f"A port is at most {_MAX_PORT}.", path=path)
    if port is not None and port == _DEFAULT_PORTS.get(scheme):
        raise Invalid("Browsers leave out a scheme's own port: so do you.", path=path)
    if shaped["any"] and not _has_subdomains(host):
        raise Invalid(
            "`*.` stands before a name with a dot in it, such as *.example.com.",
            path=path,
        )


def _has_subdomains(host: str) -> bool:
    """Not a whole top-level domain, and no address; a development machine's own is."""
    last = host.rpartition(".")[2]
    return host == "localhost" or ("." in host and last.isalpha() and host[0] != "[")
