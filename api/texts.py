"""Which texts every store can hold."""


def is_whole(text: str) -> bool:
    """Whether it has no NUL and no half of a character.

    A megabyte takes a tenth of a millisecond, where an expression takes four.
    """
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
