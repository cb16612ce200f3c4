"""Texts that people write: bounded before they reach a column."""

from core.problems import Invalid


def bounded(value: str, name: str, limit: int, *, least: int = 1) -> str:
    """A text without its outer blanks.

    Raises:
        Invalid: It is shorter or longer than it may be; `path` is `name`.
    """
    trimmed = value.strip()
    if not least <= len(trimmed) <= limit:
        raise Invalid(f"`{name}` has {least} to {limit} characters.", path=(name,))
    return trimmed
