"""What a resolver may reach: the caller, the stores and this request's loaders."""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import strawberry

from api.auth import Caller
from api.loaders import Loaders
from api.services import Services
from core.audit import Actor
from core.database import Database, Sessions
from core.settings import Settings
from experiments.events.log import EventLog


@dataclass(frozen=True)
class Context:
    """One request. Siblings run at once, so it holds session factories only."""

    caller: Caller
    services: Services
    request_id: str = ""
    subject_token: str = ""
    """What X-Hone-Subject said, not verified yet."""
    lasting: bool = False
    """A subscription's: what it loads for one event is not kept for the next."""

    @property
    def actor(self) -> Actor:
        """Who acts, for the audit trail."""
        return self.caller.actor

    @property
    def database(self) -> Database:
        """The facts."""
        return self.services.database

    @property
    def log(self) -> EventLog:
        """The event log."""
        return self.services.log

    @property
    def settings(self) -> Settings:
        """The operator's choices."""
        return self.services.settings

    @property
    def sessions(self) -> Sessions:
        """Write sessions: `async with context.sessions.begin() as session`."""
        return self.database.sessions

    @property
    def readers(self) -> Sessions:
        """Read sessions: `async with context.readers() as session`."""
        return self.database.readers

    @cached_property
    def loaders(self) -> Loaders:
        """This request's batches, made when first asked for."""
        return Loaders(self)


Info: TypeAlias = strawberry.Info[Context, None]
