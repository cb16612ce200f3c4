"""Global ids: a type name and a UUID, opaque to callers, and fail closed."""

import base64
import binascii
import re
from uuid import UUID

import strawberry

from core.problems import NotFound

_MAX_LENGTH = 128


def global_id(type_name: str, local: UUID) -> strawberry.ID:
    """The id that callers see."""
    return strawberry.ID(base64.urlsafe_b64encode(_text(type_name, local)).decode())


def parse_id(value: str) -> tuple[str, UUID]:
    """The type name and the UUID in a global id.

    Raises:
        NotFound: It is not an id that `global_id` could have made.
    """
    if len(value) <= _MAX_LENGTH and value.isascii():
        try:
            raw = base64.b64decode(value.encode(), altchars=b"-_", validate=True)
            type_name, separator, hexadecimal = raw.decode("ascii").partition(":")
            local = UUID(hex=hexadecimal)
        except (binascii.Error, ValueError):
            raise NotFound("The id") from None
        if separator and global_id(type_name, local) == value:
            return type_name, local
    raise NotFound("The id")


def local_id(value: str, type_name: str, *, path: tuple[str, ...] = ()) -> UUID:
    """The UUID in a global id of this type.

    Raises:
        NotFound: The id is malformed or names another type.
    """
    try:
        found, local = parse_id(value)
    except NotFound:
        found, local = "", UUID(int=0)
    if found != type_name:
        raise NotFound(f"The {_words(type_name)}", path=path)
    return local


def _words(type_name: str) -> str:
    """As people say it: a KillSwitch is a kill switch, an ApiKey an API key."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type_name).lower()
    return re.sub(r"\bapi\b", "API", words)


def _text(type_name: str, local: UUID) -> bytes:
    return f"{type_name}:{local.hex}".encode("ascii")
