"""What the analysis refuses.

Problem
├── NotFound
│   └── SnapshotUnknown       no such snapshot in this project
└── Conflict
    ├── EffectHidden          the page does not show the effect either
    ├── NothingToAcknowledge  the results are not INVALID
    └── AlreadyAcknowledged   a reviewer has accepted this phase's results before
"""

from core.problems import Conflict, NotFound


class SnapshotUnknown(NotFound):
    """There is no such snapshot in this project."""

    def __init__(self, *, path: tuple[str, ...] = ()) -> None:
        super().__init__("The snapshot", path=path)


class EffectHidden(Conflict):
    """What was asked for would show an effect that is not to be seen yet."""

    code = "EFFECT_HIDDEN"

    def __init__(self) -> None:
        super().__init__("The effect is hidden: no look that may be seen was taken.")


class NothingToAcknowledge(Conflict):
    """Only INVALID results can be acknowledged."""

    code = "NOTHING_TO_ACKNOWLEDGE"

    def __init__(self) -> None:
        super().__init__("These results are not invalid.")


class AlreadyAcknowledged(Conflict):
    """One acknowledgement covers a phase."""

    code = "ALREADY_ACKNOWLEDGED"

    def __init__(self) -> None:
        super().__init__("The results of this phase were acknowledged before.")
