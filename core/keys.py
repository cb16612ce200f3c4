"""API keys: shown once, stored as a hash, found by prefix, revocable."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field, SQLModel, select

from core.clock import now
from core.database import AsyncSession, enum_column, utc_column
from core.ids import new_id
from core.problems import Invalid, NotFound
from core.tenancy import Environment, Role

_PREFIX = re.compile(r"hk_[cs]_[0-9a-f]{8}(?=_)")
_ABSENT = "0" * 64


class KeyKind(StrEnum):
    """CLIENT keys are public and travel in browsers; SERVER keys are secret."""

    CLIENT = "CLIENT"
    SERVER = "SERVER"


class ApiKey(SQLModel, table=True):
    """One credential of an environment; only its hash is kept."""

    __tablename__ = "api_key"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    environment_id: UUID = Field(foreign_key="environment.id", index=True)
    kind: KeyKind = enum_column(KeyKind)
    role: Role = enum_column(Role)
    name: str = Field(max_length=200)
    prefix: str = Field(max_length=32, index=True, unique=True)
    secret_hash: str = Field(max_length=64)
    created_at: datetime = utc_column()
    revoked_at: datetime | None = utc_column(default=None)


@dataclass(frozen=True, slots=True, repr=False)
class IssuedKey:
    """A new key with its text, which is shown this once."""

    key: ApiKey
    text: str


async def issue(
    session: AsyncSession,
    *,
    environment_id: UUID,
    kind: KeyKind,
    role: Role,
    name: str,
) -> IssuedKey:
    """Make a key. A server key is never a reviewer; a client key has no role.

    Raises:
        Invalid: A server key was asked to be a reviewer.
    """
    if kind is KeyKind.SERVER and role is Role.REVIEWER:
        raise Invalid("A key reviews nothing; reviewers are people.", path=("role",))
    prefix = f"hk_{kind.value[0].lower()}_{secrets.token_hex(4)}"
    text = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        environment_id=environment_id,
        kind=kind,
        role=Role.VIEWER if kind is KeyKind.CLIENT else role,
        name=name,
        prefix=prefix,
        secret_hash=hash_secret(text),
        created_at=await now(session),
    )
    session.add(key)
    await session.flush()
    return IssuedKey(key, text)


async def find(session: AsyncSession, text: str) -> ApiKey | None:
    """The live key with this text; an unknown prefix takes as long as a known one."""
    prefix = prefix_of(text)
    key = (await session.exec(select(ApiKey).where(ApiKey.prefix == prefix))).first()
    stored = _ABSENT if key is None else key.secret_hash
    matches = hmac.compare_digest(stored, hash_secret(text))
    return key if matches and key is not None and key.revoked_at is None else None


def prefix_of(text: str) -> str:
    """The part of a key's text that may be shown; empty where it is no key's."""
    shaped = _PREFIX.match(text)
    return "" if shaped is None else shaped.group()


async def revoke(session: AsyncSession, *, project_id: UUID, key_id: UUID) -> ApiKey:
    """End a key's life; doing it again changes nothing.

    Raises:
        NotFound: The project has no such key.
    """
    found = await session.exec(
        select(ApiKey)
        .join(Environment, Environment.id == ApiKey.environment_id)  # type: ignore[arg-type]
        .where(ApiKey.id == key_id, Environment.project_id == project_id)
    )
    key = found.first()
    if key is None:
        raise NotFound("The key")
    if key.revoked_at is None:
        key.revoked_at = await now(session)
        session.add(key)
        await session.flush()
    return key


def hash_secret(text: str) -> str:
    """SHA-256 in hex: enough for a secret of 256 random bits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
