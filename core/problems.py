"""What a service may refuse, by kind. A domain's errors are subclasses of these.

Problem
├── Invalid            the input breaks a rule; `path` says where
├── NotFound           no such thing in this scope
├── Conflict           it clashes with what is there
│   ├── StaleVersion   somebody changed it since it was read
│   └── IllegalTransition   the state does not allow the step
└── Forbidden          the caller may never do this
"""


class Problem(Exception):
    """A refusal: an answer to the caller, never a crash."""

    code = "PROBLEM"

    def __init__(
        self, message: str, *, code: str | None = None, path: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        if code is not None:
            self.code = code


class Invalid(Problem):
    """The input breaks a rule."""

    code = "INVALID"


class NotFound(Problem):
    """There is no such thing in the caller's scope."""

    code = "NOT_FOUND"

    def __init__(self, what: str, *, path: tuple[str, ...] = ()) -> None:
        super().__init__(f"{what} was not found.", path=path)


class Conflict(Problem):
    """The change clashes with what is there."""

    code = "CONFLICT"


class StaleVersion(Conflict):
    """Somebody changed the row since the caller read it."""

    code = "STALE_VERSION"

    def __init__(self, current_version: int) -> None:
        super().__init__(
            f"The current version is {current_version}; read it and try again.",
            path=("expectedVersion",),
        )
        self.current_version = current_version


class IllegalTransition(Conflict):
    """The state does not allow this step."""

    code = "ILLEGAL_TRANSITION"

    def __init__(self, source: str, target: str, *, message: str = "") -> None:
        super().__init__(message or f"{source} cannot become {target}.")
        self.source = source
        self.target = target


class Forbidden(Problem):
    """The caller may never do this."""

    code = "FORBIDDEN"
