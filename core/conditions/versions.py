"""Version numbers in a form that sorts as text."""

from functools import lru_cache

MAX_VERSION = 1_000
_LINE_ENDS = "\n\r\u2028\u2029"
_NUMBER_WIDTH = 5
_RELEASE = "~"


@lru_cache(maxsize=512)
def padded(version: str) -> str:
    """A version whose text sorts by its numbers, with a release after its previews.

    A leading `v` and what follows `+` do not count.
    """
    version = version or "0"
    last_line = 1 + max(version.rfind(end) for end in _LINE_ENDS)
    build = version.find("+", last_line)
    if build >= 0:
        version = version[:build]
    parts = version.removeprefix("v").replace("-", ".").split(".")
    if len(parts) == 3:
        parts.append(_RELEASE)
    return "-".join(
        part.rjust(_NUMBER_WIDTH) if part.isascii() and part.isdigit() else part
        for part in parts
    )
