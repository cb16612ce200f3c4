"""Prerequisites: an experiment for those who have some variant of another one."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from core.database import AsyncSession
from experiments import queries
from experiments.design import UnitKind
from experiments.drafts import Draft, PrerequisiteSpec
from experiments.eligibility.values import told_apart
from experiments.errors import (
    DesignInvalid,
    PrerequisiteAmbiguous,
    PrerequisiteCycle,
    PrerequisiteInUse,
    PrerequisiteInvalid,
)
from experiments.lifecycle import HOLDING, ExperimentStatus
from experiments.models import Experiment
from experiments.treatments import served_value

MAX_PREREQUISITES = 10
_PATH = "prerequisites"


async def checked(
    session: AsyncSession,
    *,
    project_id: UUID,
    key: str,
    unit: UnitKind,
    specs: Sequence[PrerequisiteSpec],
) -> list[dict[str, Any]]:
    """What an experiment may require, as its row keeps it.

    Hold the project first, so that of two experiments that come to require each
    other the second one is refused.

    Raises:
        DesignInvalid: There are too many, or one is there twice.
        PrerequisiteInvalid: One names no experiment in use, or none of its variants.
        PrerequisiteCycle: The experiment would come to require itself.
        PrerequisiteAmbiguous: Another variant serves the same value.
    """
    keys = [spec.experiment_key for spec in specs[:MAX_PREREQUISITES]]
    around = await read_around(session, project_id, keys)
    return fitting(specs, around, key=key, unit=unit)


@dataclass(frozen=True, slots=True)
class Around:
    """What prerequisites are checked against: what is named, and who requires what."""

    parents: Mapping[str, Draft]
    needs: Mapping[str, Sequence[Mapping[str, Any]]]


async def read_around(
    session: AsyncSession, project_id: UUID, keys: Collection[str]
) -> Around:
    """Read it once for all that name these keys."""
    if not keys:
        return Around({}, {})
    in_use = frozenset(ExperimentStatus) - {ExperimentStatus.ARCHIVED}
    parents = await _drafts(session, project_id, keys)
    return Around(parents, await _needs(session, project_id, in_use))


def fitting(
    specs: Sequence[PrerequisiteSpec], around: Around, *, key: str, unit: UnitKind
) -> list[dict[str, Any]]:
    """The same, from what was read before.

    Raises:
        DesignInvalid, PrerequisiteInvalid: As `checked`.
    """
    if len(specs) > MAX_PREREQUISITES:
        raise DesignInvalid(f"At most {MAX_PREREQUISITES}.", path=(_PATH,))
    keys = [spec.experiment_key for spec in specs]
    for index, each in enumerate(keys):
        if each in keys[:index]:
            raise DesignInvalid(f"{each} is there twice.", path=(_PATH, str(index)))
    for index, spec in enumerate(specs):
        parent = around.parents.get(spec.experiment_key)
        _check(spec, parent, unit, (_PATH, str(index)))
    _check_cycle(around.needs, key, keys)
    return [
        {"experimentKey": spec.experiment_key, "variants": list(spec.variants)}
        for spec in specs
    ]


async def requiring(
    session: AsyncSession,
    *,
    project_id: UUID,
    key: str,
    statuses: Iterable[ExperimentStatus] = HOLDING,
) -> Mapping[str, Sequence[str]]:
    """The experiments that require one, with its variants: live ones or yet to start.

    `statuses` narrows that down.
    """
    return {
        dependent: each["variants"]
        for dependent, needs in (await _needs(session, project_id, statuses)).items()
        for each in needs
        if each["experimentKey"] == key
    }


async def check_variants_kept(session: AsyncSession, draft: Draft) -> None:
    """Refuse a change of variants that leaves others without what they require.

    Raises:
        PrerequisiteInUse: A required variant is gone, or another serves its value.
    """
    experiment = draft.experiment
    dependents = await requiring(
        session, project_id=experiment.project_id, key=experiment.key
    )
    for dependent, variants in dependents.items():
        spec = PrerequisiteSpec(experiment.key, variants)
        try:
            _check_variants(spec, draft, ())
        except (PrerequisiteInvalid, PrerequisiteAmbiguous) as error:
            raise PrerequisiteInUse(
                f"{dependent} requires {', '.join(variants)}. {error.message}",
                path=("variants",),
            ) from None


async def check_not_required(session: AsyncSession, experiment: Experiment) -> None:
    """Refuse to put away what others require.

    Raises:
        PrerequisiteInUse: Others require it.
    """
    dependents = await requiring(
        session, project_id=experiment.project_id, key=experiment.key
    )
    if dependents:
        keys = ", ".join(sorted(dependents)[:5])
        raise PrerequisiteInUse(f"It is required by {keys}.")


def _check(
    spec: PrerequisiteSpec,
    parent: Draft | None,
    unit: UnitKind,
    path: tuple[str, ...],
) -> None:
    if parent is None or parent.experiment.status is ExperimentStatus.ARCHIVED:
        raise PrerequisiteInvalid(
            f"No experiment in use has the key {spec.experiment_key}.",
            path=(*path, "experimentKey"),
        )
    if unit is UnitKind.ACCOUNT and parent.experiment.unit is not unit:
        raise PrerequisiteInvalid(
            "The users of one account could differ in it; require an experiment on "
            "accounts.",
            path=(*path, "experimentKey"),
        )
    _check_variants(spec, parent, (*path, "variants"))


def _check_variants(
    spec: PrerequisiteSpec, parent: Draft, path: tuple[str, ...]
) -> None:
    key, kind = parent.experiment.key, parent.experiment.treatment
    values = {v.key: served_value(kind, v.payload) for v in parent.variants}
    if not spec.variants or len(set(spec.variants)) < len(spec.variants):
        raise PrerequisiteInvalid("Name each variant that will do once.", path=path)
    if unknown := [each for each in spec.variants if each not in values]:
        raise PrerequisiteInvalid(f"{key} has no variant {unknown[0]}.", path=path)
    if not told_apart(values, spec.variants):
        raise PrerequisiteAmbiguous(
            f"Variants of {key} that serve the same value are one treatment: require "
            "all of them, or none.",
            path=path,
        )


def _check_cycle(
    needs: Mapping[str, Sequence[Mapping[str, Any]]], key: str, parents: Iterable[str]
) -> None:
    waiting: list[tuple[str, tuple[str, ...]]]
    waiting = [(parent, (key, parent)) for parent in parents]
    seen: set[str] = set()
    while waiting:
        here, trail = waiting.pop()
        if here == key:
            raise PrerequisiteCycle(
                f"It goes in a circle: {' > '.join(trail)}.", path=(_PATH,)
            )
        if here not in seen:
            seen.add(here)
            onward = [each["experimentKey"] for each in needs.get(here, ())]
            waiting += [(each, (*trail, each)) for each in onward]


async def _needs(
    session: AsyncSession, project_id: UUID, statuses: Iterable[ExperimentStatus]
) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    found = await session.exec(
        select(Experiment.key, Experiment.prerequisites).where(
            Experiment.project_id == project_id,
            col(Experiment.status).in_(tuple(statuses)),
        )
    )
    return {key: needs for key, needs in found.all() if needs}


async def _drafts(
    session: AsyncSession, project_id: UUID, keys: Collection[str]
) -> Mapping[str, Draft]:
    found = await session.exec(
        select(Experiment).where(
            Experiment.project_id == project_id, col(Experiment.key).in_(keys)
        )
    )
    drafts = await queries.drafts_of(session, found.all())
    return {draft.experiment.key: draft for draft in drafts.values()}
