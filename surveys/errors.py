"""What surveys refuse.

Problem
├── Invalid
│   ├── DefinitionInvalid   a question cannot be published as it is written
│   └── AnswersInvalid      an answer does not fit its question
└── Conflict
    ├── SurveyKeyTaken      another survey of the project has the key
    ├── NothingToPublish    the draft says what the last version says
    ├── SurveyNotOpen       the survey takes no answers now
    ├── ResponseCompleted   a finished response is never changed
    └── RevisionReused      the revision number came before with other answers
"""

from core.problems import Conflict, Invalid


class DefinitionInvalid(Invalid):
    """A question cannot be published as it is written."""


class AnswersInvalid(Invalid):
    """An answer does not fit its question."""


class SurveyKeyTaken(Conflict):
    """Another survey of the project has the key."""

    code = "KEY_TAKEN"

    def __init__(self, key: str) -> None:
        super().__init__(f"The survey key {key} is taken.", path=("key",))


class NothingToPublish(Conflict):
    """The draft says what the last published version says."""

    code = "NOTHING_TO_PUBLISH"

    def __init__(self, number: int) -> None:
        super().__init__(f"The draft equals version {number}, which is published.")


class SurveyNotOpen(Conflict):
    """The survey takes no answers now."""

    code = "SURVEY_NOT_OPEN"

    def __init__(self, key: str, status: str) -> None:
        super().__init__(f"The survey {key} takes no answers: it is {status}.")


class ResponseCompleted(Conflict):
    """A finished response is never changed."""

    code = "RESPONSE_COMPLETED"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"The response was completed at revision {revision} and is final.",
            path=("revision",),
        )


class RevisionReused(Conflict):
    """The revision number came before with other answers."""

    code = "REVISION_REUSED"

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"Revision {revision} came before with other answers; send a higher one.",
            path=("revision",),
        )
