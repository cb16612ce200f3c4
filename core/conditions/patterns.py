"""Regular expressions that take linear time, whatever the pattern and the text."""

import re2

MAX_PATTERN = 1_000
MAX_SEARCHED = 20_000
_MEMORY = 1 << 20
_ESCAPED_UNIT = 4


class PatternRefused(ValueError):
    """The engine cannot run the pattern, in linear time or at all."""


class Pattern:
    """One expression, compiled once."""

    __slots__ = ("_search",)

    def __init__(self, source: str, *, ignoring_case: bool) -> None:
        if len(source) > MAX_PATTERN:
            raise PatternRefused(f"A pattern has at most {MAX_PATTERN} characters.")
        options = re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        options.case_sensitive = not ignoring_case
        options.never_capture = True
        try:
            self._search = re2.compile(_translated(source), options).search
        except (re2.error, UnicodeEncodeError) as error:
            raise PatternRefused(f"This pattern is not supported: {source}") from error

    def found(self, text: str) -> bool | None:
        """Whether the text has a match anywhere; unknown where it is too long."""
        if len(text) > MAX_SEARCHED:
            return None
        try:
            return self._search(text) is not None
        except UnicodeEncodeError:
            whole = text.encode("utf-16-le", "surrogatepass")
            return self._search(whole.decode("utf-16-le", "replace")) is not None


def _translated(source: str) -> str:
    r"""JavaScript writes a code unit as \u00e9 where the engine wants \x{00e9}."""
    parts = source.split("\\")
    # After splitting, an empty part is an escaped backslash: it escapes no letter.
    escaping = False
    for index in range(1, len(parts)):
        escaping = not escaping
        part = parts[index]
        if not escaping:
            continue
        if not part:
            continue
        digits = part[1 : 1 + _ESCAPED_UNIT]
        if part[0] == "u" and _is_unit(digits):
            parts[index] = f"x{{{digits}}}{part[1 + _ESCAPED_UNIT :]}"
        escaping = False
    return "\\".join(parts)


def _is_unit(digits: str) -> bool:
    return len(digits) == _ESCAPED_UNIT and all(
        digit in "0123456789abcdefABCDEF" for digit in digits
    )
