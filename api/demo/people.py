"""Who works at the demo's customers: accounts of all sizes and their members. Pure."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

ACCOUNTS = 2_400
USERS = 20_000
SEED = 20_260_301
COUNTRIES = ("DE", "FR", "GB", "US", "BR", "IN", "JP", "NG")
DEVICES = ("desktop", "phone", "tablet")


@dataclass(frozen=True)
class People:
    """Every account and user, by number."""

    seed: int = SEED
    accounts: int = ACCOUNTS
    users: int = USERS

    @cached_property
    def account_of(self) -> np.ndarray:
        """The account of each user: (users,) int64. Every account has a member."""
        random = np.random.default_rng([self.seed, 1])
        weights = random.lognormal(0.0, 0.6, self.accounts)
        extra = random.multinomial(self.users - self.accounts, weights / weights.sum())
        return np.repeat(np.arange(self.accounts), extra + 1)

    @cached_property
    def is_newcomer(self) -> np.ndarray:
        """Who joined within these 90 days and so meets the set-up: (users,) bool."""
        random = np.random.default_rng([self.seed, 2])
        return random.random(self.users) < 0.4

    @cached_property
    def country(self) -> np.ndarray:
        """An index into COUNTRIES for each user."""
        return np.random.default_rng([self.seed, 3]).integers(
            len(COUNTRIES), size=self.users
        )

    @cached_property
    def device(self) -> np.ndarray:
        """An index into DEVICES for each user."""
        shares = (0.7, 0.25, 0.05)
        random = np.random.default_rng([self.seed, 4])
        return random.choice(len(DEVICES), size=self.users, p=shares)

    def user_id(self, number: int) -> str:
        """The id that the company calls a user by."""
        return f"user-{number:05}"

    def account_id(self, number: int) -> str:
        """The id that the company calls an account by."""
        return f"account-{number:04}"

    def traits(self, number: int) -> dict[str, object]:
        """What is known of a user."""
        return {
            "plan": "free",
            "country": COUNTRIES[self.country[number]],
            "device": DEVICES[self.device[number]],
            "newcomer": bool(self.is_newcomer[number]),
        }
