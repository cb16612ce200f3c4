"""API keys: shown once, stored as a hash, found by prefix, revocable."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import false
from sqlmodel import Field, SQLModel, select

from core.clock import now
from core.database import AsyncSession, enum_column, utc_column
from core.ids import new_id
from core.problems import Invalid, NotFound
from core.tenancy import Environment, Role

_PREFIX = re.compile(r"hk_[cs]_[0-9a-f]{8}(?=_)")
_ABSENT = "0" * 64
_PAYLOAD_KEY_BYTES = 16


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
    payload_key: str | None = Field(default=None, max_length=32)
    """What the SDK payload is encrypted with: 128 bits in base64. Whoever evaluates
    has it too, so it is kept as it is."""
    remote_only: bool = Field(
        default=False, sa_column_kwargs={"server_default": false()}
    )
    """Whether it is for evaluation by the server, and is not given the definitions."""
    created_at: datetime = utc_column()
    revoked_at: datetime | None = utc_column(default=None)

    def facts(self) -> dict[str, Any]:
        """What the audit trail says of a new key: nothing that opens or decrypts."""
        return {
            "kind": self.kind.value,
            "role": self.role.value,
            "encrypted": self.payload_key is not None,
            "remoteOnly": self.remote_only,
        }


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
    encrypted: bool = False,
    remote_only: bool = False,
) -> IssuedKey:
    """Make a key. A server key is never a reviewer; a client key has no role.

    Raises:
        Invalid: A server key was asked to be a reviewer, or for what only client
            keys are; or there would be no payload to encrypt.
    """
    _check_options(kind, encrypted=encrypted, remote_only=remote_only)
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
        payload_key=_new_payload_key() if encrypted else None,
        remote_only=remote_only,
        created_at=await now(session),
    )
    session.add(key)
    await session.flush()
    return IssuedKey(key, text)


def _check_options(kind: KeyKind, *, encrypted: bool, remote_only: bool) -> None:
    path = ("encrypted",) if encrypted else ("remoteOnly",)
    if kind is KeyKind.SERVER and (encrypted or remote_only):
        raise Invalid("Only a client key opens the SDK payload.", path=path)
    if encrypted and remote_only:
        raise Invalid(
            "A key for remote evaluation only has no payload to encrypt.", path=path
        )


def _new_payload_key() -> str:
    return base64.b64encode(secrets.token_bytes(_PAYLOAD_KEY_BYTES)).decode()


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
