"""Whom a front-end asks about."""

from typing import cast

import strawberry

from api.graphql.scalars import JSON, has_more_values
from core.problems import Invalid
from core.subjects import SubjectContext

MAX_ID = 200
MAX_ATTRIBUTES = 100
MAX_VALUES = 5_000
"""Members, items, lists and objects in the attributes; OFREP takes as many."""


@strawberry.input(
    description="A person, an account, or both. One of the three ids is required; "
    "an OpenFeature targeting key is the user id."
)
class SubjectInput:
    """The subject of one request, with the attributes that rules may read."""

    user_id: str | None = strawberry.field(
        default=None, description="Your id of a signed-in user."
    )
    anonymous_id: str | None = strawberry.field(
        default=None, description="Your id of a visitor who has not signed in."
    )
    account_id: str | None = strawberry.field(
        default=None, description="Your id of the account that the person acts in."
    )
    attributes: JSON | None = strawberry.field(
        default=None, description="An object of attributes; stored traits complete it."
    )

    def context(self) -> SubjectContext:
        """The subject as the domains know it.

        Raises:
            Invalid: No id, one that is too long, or attributes that are no object.
        """
        ids = {
            "userId": self.user_id,
            "anonymousId": self.anonymous_id,
            "accountId": self.account_id,
        }
        if not any(ids.values()):
            raise _invalid("A subject has at least one id.")
        for name, value in ids.items():
            if value is not None and not 0 < len(value) <= MAX_ID:
                raise _invalid(f"An id has 1 to {MAX_ID} characters.", name)
        attributes: object = {} if self.attributes is None else self.attributes
        if not isinstance(attributes, dict) or len(attributes) > MAX_ATTRIBUTES:
            raise _invalid(
                f"Attributes are an object of at most {MAX_ATTRIBUTES}.", "attributes"
            )
        if has_more_values(attributes, MAX_VALUES):
            raise _invalid(
                f"Attributes have at most {MAX_VALUES:,} values.", "attributes"
            )
        return SubjectContext(
            user_id=self.user_id,
            anonymous_id=self.anonymous_id,
            account_id=self.account_id,
            attributes=cast(dict[str, object], attributes),
        )


def _invalid(message: str, *path: str) -> Invalid:
    return Invalid(message, code="BAD_INPUT", path=("subject", *path))
