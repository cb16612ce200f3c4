"""The arms of a phase: as they were frozen, and those that were taken out since."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ArmDesign:
    """One variant: its share of the split, its payload, whether it is the control."""

    key: str
    name: str
    weight: float
    is_control: bool
    payload: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class DroppedArm:
    """An arm that was taken out of a phase under way; the others went on as before."""

    key: str
    at: datetime
