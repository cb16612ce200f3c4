"""What shipping does beside serving a variant, by kind of treatment.

A kind registers what it has to warn of and whether it can be shipped from here; what a
kind does to accounts that are above a lower limit, say, is registered by that part.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from core.database import AsyncSession
from experiments.governance.approval import gives_less
from experiments.models import Phase
from experiments.shipping.errors import ShipRefused
from experiments.treatments import TreatmentKind


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a kind of treatment adds to a preview."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """By name, such as how many accounts are above the limit already."""
    warnings: tuple[str, ...] = ()
    """Each a sentence."""


class ShipEffect(Protocol):
    """What shipping one kind of treatment does. Nothing of it commits."""

    async def foresee(
        self, session: AsyncSession, phase: Phase, variant: Mapping[str, Any]
    ) -> Foreseen:
        """What shipping this payload would do."""

    async def ship(self, session: AsyncSession, phase: Phase, shipment: UUID) -> None:
        """Do it, in the transaction of the shipment."""

    async def roll_back(
        self, session: AsyncSession, phase: Phase, shipment: UUID
    ) -> None:
        """Take it back, in the transaction of the roll-back."""


class ServedOnly:
    """A treatment that is nothing but what is served."""

    async def foresee(
        self, session: AsyncSession, phase: Phase, variant: Mapping[str, Any]
    ) -> Foreseen:
        """Nothing beside it."""
        return Foreseen()

    async def ship(self, session: AsyncSession, phase: Phase, shipment: UUID) -> None:
        """Nothing beside it."""

    async def roll_back(
        self, session: AsyncSession, phase: Phase, shipment: UUID
    ) -> None:
        """Nothing beside it."""


class LimitRaised(ServedOnly):
    """A limit that nobody can be above once it is shipped."""

    async def foresee(
        self, session: AsyncSession, phase: Phase, variant: Mapping[str, Any]
    ) -> Foreseen:
        """Nothing beside it, for one that gives as much or more.

        Raises:
            ShipRefused: It gives less: whoever is above it needs a notice and a floor.
        """
        control = next(
            arm["payload"] for arm in phase.design["arms"] if arm["is_control"]
        )
        if gives_less(variant, control):
            raise ShipRefused(
                "A lower limit needs a notice, and a floor for whoever is above it; "
                "it cannot be shipped as a mere value."
            )
        return Foreseen()


EFFECTS: MutableMapping[TreatmentKind, ShipEffect] = {
    TreatmentKind.FEATURE: ServedOnly(),
    TreatmentKind.ONBOARDING_FLOW: ServedOnly(),
    TreatmentKind.FREEMIUM_LIMIT: LimitRaised(),
}
"""By kind; whoever does more for one puts its own in the place."""
