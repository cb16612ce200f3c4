"""The values of single units, for whatever a sum over units does not say."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np

from experiments.design import PhaseDesign
from experiments.events import definitions
from experiments.events.errors import UnknownMetric
from experiments.events.store import Session
from experiments.events.study_rows import Integers, Texts, integers, read, texts

ALONE = -1
"""The cluster of a unit that belongs to no account."""


@dataclass(frozen=True, slots=True)
class UnitValues:
    """The matured units of one metric, a row each, ordered by kind and id.

    Values are in steps and mean what they mean in `Sums`: x is cut at the metric's cap.
    Units that were refused are left out.
    """

    arms: tuple[str, ...]
    """The arms' keys in the design's order; `arm` counts in it."""
    ids: Texts
    arm: Integers
    exposed_at: Integers
    """UTC milliseconds since 1970."""
    y: Integers
    d: Integers
    capped_y: Integers
    x: Integers
    w: Integers
    m: Integers
    accounts: tuple[str, ...]
    """Accounts in order of id; `cluster` counts in it."""
    cluster: Integers
    """The account of each unit's person at exposure, or ALONE."""
    strata: Texts = field(default_factory=lambda: texts(()))
    """The combination of the strata's levels, as in `STRATA`; empty without strata."""

    def __len__(self) -> int:
        return len(self.arm)


async def unit_values(
    session: Session, phase_id: UUID, metric_id: UUID, *, limit: int
) -> UnitValues:
    """Read every matured unit of one metric.

    Raises:
        UnknownPhase: The phase was never published.
        UnknownMetric: It does not measure this metric.
        TooManyRows: More than `limit` units have matured.
    """
    design, _ = await definitions.find(session, phase_id)
    if all(metric.metric_id != metric_id for metric in design.metrics):
        raise UnknownMetric(metric_id)
    rows = await read(
        session,
        "study_unit_values",
        limit=limit,
        environment_id=design.environment_id,
        experiment_key=design.experiment_key,
        phase_id=phase_id,
        metric_id=metric_id,
    )
    columns = list(zip(*rows, strict=True)) if rows else [()] * 12
    arms = tuple(arm.key for arm in design.arms)
    place = {arm: index for index, arm in enumerate(arms)}
    accounts, cluster = _coded(columns[10])
    return UnitValues(
        arms=arms,
        ids=texts(columns[1]),
        arm=integers([place[arm] for arm in columns[2]]),
        exposed_at=integers(columns[3]),
        y=integers(columns[4]),
        d=integers(columns[5]),
        capped_y=integers(columns[6]),
        x=integers(columns[7]),
        w=integers(columns[8]),
        m=integers(columns[9]),
        accounts=accounts,
        cluster=cluster,
        strata=texts(_combinations(design, columns[11])),
    )


def _combinations(design: PhaseDesign, placed: Sequence[str]) -> list[str]:
    """The last part of the places in each dimension; see `fold_levels`."""
    if design.plan is None or not design.plan.strata:
        return []
    return [levels.rpartition(".")[2].replace("-", ".") for levels in placed]


def _coded(accounts: tuple[str | None, ...]) -> tuple[tuple[str, ...], Integers]:
    known = tuple(sorted({account for account in accounts if account is not None}))
    codes: dict[str | None, int] = {key: code for code, key in enumerate(known)}
    codes[None] = ALONE
    return known, np.array([codes[account] for account in accounts], dtype=np.int64)
