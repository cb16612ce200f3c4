"""Regular expressions that take linear time, whatever the pattern and the text."""

from typing import Any

import re2

MAX_PATTERN = 1_000
MAX_SEARCHED = 50_000
MAX_WORK = 1_000_000
"""The longest text times the size of the pattern's program: a few milliseconds."""

_MEMORY = 1 << 19
_UNIT = 4
_HEX = frozenset("0123456789abcdefABCDEF")
_UNREADABLE = (
    b"missing ",
    b"unexpected ",
    b"no argument",
    b"trailing ",
    b"invalid character class",
)
_ESCAPED_LETTERS = frozenset("dDwWsSbBnrtfvxu")


class PatternRefused(ValueError):
    """The engine cannot run the pattern, in linear time or at all."""


class Pattern:
    """One expression, compiled once. It is safe to share."""

    __slots__ = ("_expression", "_longest")

    def __init__(self, source: str, *, ignoring_case: bool) -> None:
        """Compile it.

        Raises:
            PatternRefused: It is too long or too large, it is malformed, or it needs
                more than linear time.
        """
        if len(source) > MAX_PATTERN:
            raise PatternRefused(f"A pattern has at most {MAX_PATTERN} characters.")
        try:
            encoded = _in_engine_terms(source).encode()
            self._expression = re2.compile(encoded, _options(ignoring_case))
        except (re2.error, UnicodeEncodeError) as error:
            raise PatternRefused(_why(error)) from error
        size = max(1, self._expression.programsize)
        self._longest = min(MAX_SEARCHED, MAX_WORK // size)

    def found(self, text: str) -> bool | None:
        """Whether the text has a match anywhere; unknown where it is too long."""
        if len(text) > self._longest:
            return None
        try:
            encoded = text.encode()
        except UnicodeEncodeError:
            whole = text.encode("utf-16-le", "surrogatepass")
            encoded = whole.decode("utf-16-le", "replace").encode()
        return self._expression.search(encoded) is not None


def _why(error: Exception) -> str:
    """Whether nobody could read the pattern, or only an engine that may be slow."""
    told = error.args[0] if error.args else b""
    if isinstance(told, bytes) and told.startswith(_UNREADABLE):
        return f"This pattern cannot be read: {told.decode('utf-8', 'replace')}."
    return "This pattern cannot run in linear time."


def check_portable(source: str) -> None:
    """Refuse what the expressions of JavaScript, Python and the engine read apart.

    Raises:
        PatternRefused: It has such a part.
    """
    in_class = False
    position = 0
    while position < len(source):
        rest = source[position : position + 3]
        if rest[0] == "\\":
            _check_escape(rest)
            position += 2
            continue
        if in_class:
            if rest.startswith("[:"):
                raise PatternRefused("A named class is not the same everywhere.")
            in_class = rest[0] != "]"
        elif rest[0] == "[":
            if rest.startswith(("[]", "[^]")):
                raise PatternRefused("A class of characters has at least one.")
            in_class = True
        elif rest.startswith("(?") and rest != "(?:":
            raise PatternRefused(f"{rest} is not the same everywhere.")
        elif rest.startswith("{,"):
            raise PatternRefused("{, is not the same everywhere.")
        position += 1


def _check_escape(rest: str) -> None:
    letter = rest[1:2]
    if letter.isalnum() and letter not in _ESCAPED_LETTERS:
        raise PatternRefused(f"\\{letter} is not the same everywhere.")
    if rest == "\\x{":
        raise PatternRefused("\\x{ is not the same everywhere.")


def _options(ignoring_case: bool) -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    options.never_capture = True
    options.case_sensitive = not ignoring_case
    return options


def _in_engine_terms(source: str) -> str:
    r"""JavaScript writes a code unit as \u00e9 where the engine wants \x{00e9}."""
    written = []
    position = 0
    while position < len(source):
        taken = 2 if source[position] == "\\" else 1
        part = source[position : position + taken]
        digits = source[position + 2 : position + 2 + _UNIT]
        if part == "\\u" and len(digits) == _UNIT and _HEX.issuperset(digits):
            part = f"\\x{{{digits}}}"
            taken += _UNIT
        written.append(part)
        position += taken
    return "".join(written)
