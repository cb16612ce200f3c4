"""How many units get how far, and between which steps most are lost."""

from dataclasses import dataclass

from experiments.statistics.differences import Difference
from experiments.statistics.errors import InvalidArgument, TooFewUnits
from experiments.statistics.proportions import Interval, Proportion, compare, wilson


@dataclass(frozen=True, slots=True)
class Funnel:
    """One arm's units by step, of those exposed.

    Attributes:
        reached: Units that reached each step, in order and within the window; the
            first is exposure itself.

    Raises:
        TooFewUnits: Nobody was exposed.
        InvalidArgument: There are fewer than two steps, a count is negative, or more
            reach a step than the one before.
    """

    reached: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what no funnel can have."""
        if len(self.reached) < 2:
            raise InvalidArgument("reached", "needs at least two steps")
        pairs = zip(self.reached, self.reached[1:], strict=False)
        if self.reached[-1] < 0 or any(after > before for before, after in pairs):
            raise InvalidArgument("reached", "must not rise from step to step")
        if self.reached[0] == 0:
            raise TooFewUnits("reached", "nobody was exposed yet")


@dataclass(frozen=True, slots=True)
class Step:
    """One step after exposure.

    Attributes:
        reached: Units that reached it.
        from_exposure: Share of those exposed, with its interval; a fair comparison
            between arms.
        from_previous: Share of those who reached the step before, with its interval;
            None where nobody did. Descriptive only: who gets there depends on the
            variant.
    """

    reached: int
    from_exposure: Interval
    from_previous: Interval | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """One arm's way through a funnel.

    Attributes:
        steps: The steps after exposure.
        total: Share of those exposed who reached the last step.
        biggest_drop: The step, counted from 0 at exposure, before which the largest
            share of units is lost; None where nobody is lost.
    """

    steps: tuple[Step, ...]
    total: float
    biggest_drop: int | None


def conversion(funnel: Funnel, *, confidence: float) -> Conversion:
    """Describe one arm's way through a funnel.

    Args:
        funnel: Units by step.
        confidence: Coverage of each interval, in (0, 1), such as 0.95.

    Raises:
        InvalidArgument: `confidence` is not in (0, 1).

    Reference:
        E. B. Wilson (1927), "Probable inference, the law of succession, and
        statistical inference", JASA 22.

    Example:
        >>> found = conversion(Funnel((1000, 700, 350, 210)), confidence=0.95)
        >>> [step.from_previous.value for step in found.steps if step.from_previous]
        [0.7, 0.5, 0.6]
        >>> found.total, found.biggest_drop
        (0.21, 2)
    """
    exposed = funnel.reached[0]
    steps = tuple(
        Step(
            reached=after,
            from_exposure=wilson(Proportion(exposed, after), confidence=confidence),
            from_previous=(
                wilson(Proportion(before, after), confidence=confidence)
                if before
                else None
            ),
        )
        for before, after in zip(funnel.reached, funnel.reached[1:], strict=False)
    )
    kept = [1.0 if s.from_previous is None else s.from_previous.value for s in steps]
    least = min(kept)
    return Conversion(
        steps=steps,
        total=funnel.reached[-1] / exposed,
        biggest_drop=kept.index(least) + 1 if least < 1.0 else None,
    )


def compare_funnels(
    control: Funnel, treatment: Funnel, *, confidence: float
) -> tuple[Difference, ...]:
    """Compare the shares of those exposed who reach each step.

    Args:
        control: Units by step in the control arm.
        treatment: The same in the treatment arm.
        confidence: Coverage of each interval, in (0, 1), such as 0.95.

    Returns:
        One comparison for each step after exposure; the last is of the whole funnel.
        Shares of the step before are not compared: variants change who is in them.

    Raises:
        InvalidArgument: The arms have other numbers of steps, or `confidence` is not
            in (0, 1).
    """
    if len(control.reached) != len(treatment.reached):
        raise InvalidArgument("treatment", "must have the control's steps")
    return tuple(
        compare(
            Proportion(control.reached[0], first),
            Proportion(treatment.reached[0], second),
            confidence=confidence,
        )
        for first, second in zip(
            control.reached[1:], treatment.reached[1:], strict=True
        )
    )
