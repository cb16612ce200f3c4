"""Settings, read once from the environment; docs/settings.md lists every one."""

from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _plain(name: str) -> AliasChoices:
    return AliasChoices(name, f"HONE_{name}")


class Settings(BaseSettings):
    """What an operator may choose. Every field has a default that works embedded."""

    model_config = SettingsConfigDict(
        env_prefix="HONE_", populate_by_name=True, extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        default=Path(".hone"),
        description="Folder of the embedded stores, the demo keys and the truth file.",
    )
    database_url: str = Field(
        default="",
        validation_alias=_plain("DATABASE_URL"),
        description="Facts: sqlite+aiosqlite:///path or postgresql+asyncpg://...; "
        "empty means facts.sqlite in the data folder.",
    )
    events_url: str = Field(
        default="",
        validation_alias=_plain("EVENTS_URL"),
        description="Event log: duckdb:///path or postgresql://...; "
        "empty means events.duckdb in the data folder.",
    )
    redis_url: str = Field(
        default="",
        validation_alias=_plain("REDIS_URL"),
        description="Wake-ups for separate workers (arq), and word of new definitions "
        "between servers; empty means in-process, and polling.",
    )
    host: str = Field(default="127.0.0.1", description="Address that serve binds.")
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port that serve binds."
    )
    public_url: str = Field(
        default="",
        description="Address that people reach the console by, for printed links; "
        "empty means http://host:port.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO",
        description="Least important records that are logged; at INFO one line of "
        "JSON for each request.",
    )
    production: bool = Field(
        default=False,
        description="Secure cookies, no demo administrator, no demo keys.",
    )
    demo_admin: bool = Field(
        default=False,
        description="Treat an uncredentialed loopback request as the demo's "
        "administrator; refused unless the bind address is loopback.",
    )
    session_days: int = Field(
        default=14, ge=1, le=365, description="Days until a console session expires."
    )
    sign_in_link_minutes: int = Field(
        default=30, ge=1, le=10_080, description="Minutes a sign-in link is valid."
    )
    keys_stale_seconds: int = Field(
        default=86_400,
        ge=0,
        le=2_592_000,
        description="How long known API keys open the door while the database is "
        "away; 0 means not at all.",
    )
    watermark_lag_seconds: int = Field(
        default=3600,
        ge=0,
        le=604_800,
        description="How far the watermark stays behind the database clock.",
    )
    sweep_seconds: float = Field(
        default=2.0, gt=0, le=60, description="Pause between sweeps for undone rows."
    )
    fold_batch: int = Field(
        default=200_000,
        ge=1,
        le=5_000_000,
        description="Events folded into the state in one transaction at most.",
    )
    outbound_allow: tuple[str, ...] = Field(
        default=(),
        description="Private networks (CIDR, JSON list) that webhooks may reach.",
    )
    outbound_timeout_seconds: float = Field(
        default=15.0, gt=0, le=60, description="Time that a webhook receiver has."
    )
    max_body_bytes: int = Field(
        default=1_048_576,
        ge=1024,
        le=67_108_864,
        description="Largest GraphQL request body.",
    )
    max_ingest_bytes: int = Field(
        default=4_194_304,
        ge=1024,
        le=67_108_864,
        description="Largest event batch body.",
    )
    rate_limit_client: float = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Requests a second that one client key may send, over the API and "
        "its neighbours alike; 0 is no limit.",
    )
    rate_limit_server: float = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="The same for one server key or one signed-in member.",
    )

    @property
    def facts_url(self) -> str:
        """The facts database, embedded unless one is named."""
        if self.database_url:
            return _async_driver(self.database_url)
        return f"sqlite+aiosqlite:///{self.data_dir / 'facts.sqlite'}"

    @property
    def log_url(self) -> str:
        """The event log, embedded unless one is named."""
        return self.events_url or f"duckdb:///{self.data_dir / 'events.duckdb'}"

    @property
    def console_url(self) -> str:
        """Where people reach the console."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def embedded(self) -> bool:
        """Whether the worker has to live in the server's own process."""
        return self.log_url.startswith("duckdb:")


def _async_driver(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    drivers = {"postgres": "postgresql+asyncpg", "postgresql": "postgresql+asyncpg"}
    drivers["sqlite"] = "sqlite+aiosqlite"
    return f"{drivers.get(scheme, scheme)}{separator}{rest}"
