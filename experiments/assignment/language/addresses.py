"""Web addresses: what they consist of, and whether an experiment targets them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from core.conditions.patterns import Pattern, PatternRefused
from experiments.assignment.language.reading import mapping, sequence, text

MAX_LENGTH = 16_384
MAX_PARAMETERS = 200
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_NOWHERE = "https://_"
_HOST_WITHOUT_SCHEME = re.compile(r"[^:/?]*\.")
_BEFORE_PATH = re.compile(r"^https?://")
_HOST = re.compile(r"^[^/]*/")

Matches = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address that targeting compares."""

    origin: str
    host: str
    path: str
    search: str
    fragment: str
    query: Mapping[str, str]
    """The first value of each parameter."""

    @property
    def below(self) -> str:
        """Everything after the host."""
        return self.path + self.search + self.fragment


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses where an experiment runs, or where it must not."""

    includes: bool
    matches: Callable[[Address], bool]


def matcher(source: object, *, ignore_case: bool = False) -> Matches:
    """A search that takes linear time; what cannot be compiled matches nothing."""
    if not isinstance(source, str):
        return lambda _: False
    try:
        pattern = Pattern(source, ignoring_case=ignore_case)
    except PatternRefused:
        return lambda _: False
    return lambda actual: pattern.found(actual) is True


def address(url: str) -> Address | None:
    """Take an address apart; a relative one belongs to an unknown host."""
    if len(url) > MAX_LENGTH:
        return None
    try:
        return _parts(urlsplit(_absolute(url)))
    except ValueError:
        return None


def _absolute(url: str) -> str:
    if url.startswith("//"):
        return f"https:{url}"
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", url):
        return url
    return f"{_NOWHERE}{'' if url.startswith(('/', '?', '#')) else '/'}{url}"


def _parts(split: SplitResult) -> Address:
    host = split.netloc.rpartition("@")[2].lower()
    host = host.removesuffix(_DEFAULT_PORTS.get(split.scheme, "\0"))
    query: dict[str, str] = {}
    for key, value in parse_qsl(
        split.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS
    ):
        query.setdefault(key, value)
    return Address(
        origin=f"{split.scheme}://{host}",
        host=host,
        path=split.path or "/",
        search=f"?{split.query}" if split.query else "",
        fragment=f"#{split.fragment}" if split.fragment else "",
        query=query,
    )


def targets(value: object) -> tuple[Target, ...]:
    """Read the address targets of an experiment."""
    return tuple(map(_target, sequence(value)))


def targeted(found: tuple[Target, ...], url: str) -> bool:
    """Whether no target forbids the address and, where any includes, one does."""
    actual = address(url)
    if not found or actual is None:
        return False
    if any(each.matches(actual) for each in found if not each.includes):
        return False
    including = [each for each in found if each.includes]
    return not including or any(each.matches(actual) for each in including)


def _target(value: object) -> Target:
    source = mapping(value)
    builders: dict[Any, Callable[[str], Callable[[Address], bool]]] = {
        "simple": _simple,
        "regex": _expression,
    }
    build = builders.get(text(source.get("type")))
    pattern = text(source.get("pattern"))
    return Target(
        includes=source.get("include") is not False,
        matches=build(pattern) if build else lambda _: False,
    )


def _expression(pattern: str) -> Callable[[Address], bool]:
    matches = matcher(pattern)
    return lambda actual: matches(actual.origin + actual.below) or matches(actual.below)


def _simple(pattern: str) -> Callable[[Address], bool]:
    """A pattern whose `*` stands for any text within one part of the address."""
    whole = f"https://{pattern}" if _HOST_WITHOUT_SCHEME.match(pattern) else pattern
    expected = address(whole)
    if expected is None:
        return lambda _: False
    anywhere = expected.origin == _NOWHERE
    host = _wildcards("*" if anywhere else expected.host)
    path = _wildcards(expected.path, is_path=True)
    fragment = _wildcards(expected.fragment or "*")
    query = [(key, _wildcards(value)) for key, value in expected.query.items()]
    return lambda actual: (
        host(actual.host)
        and path(actual.path)
        and fragment(actual.fragment)
        and all(matches(actual.query.get(key, "")) for key, matches in query)
    )


def _wildcards(pattern: str, *, is_path: bool = False) -> Matches:
    if is_path:
        pattern = pattern.removeprefix("/").removesuffix("/")
    escaped = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    optional = "/?" if is_path else ""
    return matcher(f"^{optional}{escaped}{optional}$", ignore_case=True)


def below_host(url: str) -> str:
    """An address without its scheme and host, as old expressions see it."""
    return _HOST.sub("/", _BEFORE_PATH.sub("", url))


def query_string_override(key: str, url: str, variations: int) -> int | None:
    """The variation that an address asks for by `?<key>=<index>`."""
    query = url[:MAX_LENGTH].partition("?")[2].partition("#")[0]
    for part in query.split("?")[0].split("&"):
        name, _, value = part.partition("=")
        if name == key:
            digits = value.isascii() and value.isdecimal() and len(value) < 10
            index = int(value) if digits else variations
            return index if index < variations else None
    return None
