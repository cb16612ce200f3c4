"""What feedback refuses.

Problem
├── Invalid
│   ├── TextInvalid         a comment's text is empty, too long or unreadable
│   ├── RuleInvalid         a rule could never match, or names what is not there
│   └── ReasonRequired      the step needs a reason that others can read
└── Conflict
    ├── SlugTaken           another tag of the project has the slug
    ├── RuleNameTaken       another rule of the kind has the name
    └── ExternalIdReused    the source's id came before with another text
"""

from core.problems import Conflict, Invalid


class TextInvalid(Invalid):
    """A comment's text is empty, too long or unreadable."""

    code = "INVALID_TEXT"


class RuleInvalid(Invalid):
    """A rule could never match, or names what is not there."""

    code = "INVALID_RULE"


class ReasonRequired(Invalid):
    """The step needs a reason that others can read."""

    code = "REASON_REQUIRED"

    def __init__(self, state: str) -> None:
        super().__init__(f"{state} needs a reason.", path=("reason",))


class SlugTaken(Conflict):
    """Another tag of the project has the slug."""

    code = "SLUG_TAKEN"

    def __init__(self, slug: str) -> None:
        super().__init__(f"The tag {slug} exists.", path=("slug",))


class RuleNameTaken(Conflict):
    """Another rule of the kind has the name."""

    code = "RULE_NAME_TAKEN"

    def __init__(self, name: str) -> None:
        super().__init__(f"A rule named {name} exists.", path=("name",))


class ExternalIdReused(Conflict):
    """The source's id came before with another text."""

    code = "EXTERNAL_ID_REUSED"

    def __init__(self, external_id: str) -> None:
        super().__init__(
            f"{external_id} came before with another text.", path=("externalId",)
        )
