"""How an experiment will be analysed, written down before anyone is assigned."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

MAX_DIMENSIONS = 8
MAX_LEVELS = 20
MAX_STRATA_COLUMNS = 10
"""Dummies beside the pre-period value and its missing indicator: 12 covariates."""
MAX_LOOKBACK_DAYS = 90

OTHER = "other"
"""The level of every value that a dimension does not list."""
UNKNOWN = "unknown"
"""The level of units whose exposure does not carry the attribute."""


class StoppingRule(StrEnum):
    """When an effect may be read before the planned number of units is there."""

    FIXED_HORIZON = "FIXED_HORIZON"
    """Once, at the end."""
    OBRIEN_FLEMING = "OBRIEN_FLEMING"
    """Every day, against a boundary that is hard at first."""
    POCOCK = "POCOCK"
    """Every day, against a boundary that is nearly level."""


class Adjustment(StrEnum):
    """What the estimate is adjusted for."""

    NONE = "NONE"
    LIN = "LIN"
    """The value before exposure, whether there is one, and the strata (Lin 2013)."""


class MarginKind(StrEnum):
    """What a non-inferiority margin is a margin of."""

    ABSOLUTE = "ABSOLUTE"
    RELATIVE = "RELATIVE"
    """A share of the control's value, which is itself estimated."""


class HarmAction(StrEnum):
    """What happens when a guardrail's harm alarm rings."""

    ALERT = "ALERT"
    PAUSE_ENROLMENT = "PAUSE_ENROLMENT"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class Dimension:
    """An attribute at exposure, whose levels are fixed at launch.

    A value that is not listed is in the level `other`, a missing one in `unknown`.
    """

    key: str
    attribute: str
    levels: tuple[str, ...] = ()
    stratum: bool = False
    """Whether the estimate is adjusted for it."""
    segment: bool = True
    """Whether the effect is shown by level; registered, because it stands here."""


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """The choices that decide what a number means; part of the design hash."""

    stopping: StoppingRule = StoppingRule.OBRIEN_FLEMING
    alpha: float = 0.05
    """Two-sided error rate of the primary hypothesis, in (0, 0.5)."""
    power: float = 0.8
    look_hour: int = 6
    """Local hour of the daily cut, 0 to 23."""
    time_zone: str = "UTC"
    adjustment: Adjustment = Adjustment.LIN
    lookback_days: int = 28
    """Days before exposure whose value is a covariate; 0 uses none."""
    dimensions: tuple[Dimension, ...] = ()
    prior_deviation: float = 0.1
    """Standard deviation of the Bayesian reading's prior on the relative lift."""
    interim: bool = True
    """Whether the effect is shown at every look; else only at the end."""

    @property
    def strata(self) -> tuple[Dimension, ...]:
        """The dimensions that the estimate is adjusted for."""
        return tuple(each for each in self.dimensions if each.stratum)

    @property
    def segments(self) -> tuple[Dimension, ...]:
        """The dimensions by whose levels effects are shown."""
        return tuple(each for each in self.dimensions if each.segment)


def plan_of(document: Mapping[str, Any]) -> AnalysisPlan:
    """The plan that a document describes; what it leaves out has its default.

    Raises:
        ValueError: It is no plan.
    """
    try:
        return msgspec.convert(dict(document), AnalysisPlan)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def plan_document(plan: AnalysisPlan) -> dict[str, Any]:
    """The plan as JSON; `plan_of` reads it back."""
    document: dict[str, Any] = msgspec.to_builtins(plan)
    return document
