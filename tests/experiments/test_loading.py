"""What an environment serves, read from its rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import SQLModel, col, select, update

from core.database import Sessions
from core.ids import new_id
from core.subjects import SubjectKind
from core.tenancy import create_environment
from experiments import service
from experiments.assignment.definitions import (
    HoldoutDefinition,
    LayerSlots,
    PhaseDefinition,
    Prerequisite,
    Serving,
)
from experiments.assignment.evaluator import Cause
from experiments.design import UnitKind
from experiments.models import (
    Experiment,
    KillSwitch,
    Layer,
    Override,
    Phase,
    StickyAssignment,
    SwitchScope,
    Variant,
)
from experiments.service import loading
from experiments.service.loading import load
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
ELIGIBILITY: dict[str, Any] = {
    "condition": {"plan": {"$eq": "free"}},
    "layer": {"key": "checkout", "seed": "5eed", "ranges": [[0.25, 0.5]]},
    "holdouts": [{"key": "global", "seed": "ba5e", "share": 0.05}],
    "prerequisites": [{"experimentKey": "earlier", "variants": ["b", "c"]}],
}


async def started(sessions: Sessions, company: Company) -> tuple[UUID, UUID]:
    """A running experiment; its id and its phase's."""
    async with sessions.begin() as session:
        experiment = await company.draft(session, targeting={"plan": "team"})
        phase = await service.start(
            session,
            step(company, experiment),
            environment_id=company.environment_id,
        )
        return experiment.id, phase.id


async def freeze(sessions: Sessions, phase_id: UUID, **columns: Any) -> None:
    async with sessions.begin() as session:
        await session.exec(
            update(Phase).where(col(Phase.id) == phase_id).values(**columns)
        )


async def add(sessions: Sessions, *rows: SQLModel) -> None:
    async with sessions.begin() as session:
        session.add_all(rows)


async def served(sessions: Sessions, company: Company) -> PhaseDefinition:
    async with sessions() as session:
        snapshot = await load(session, company.environment_id)
    return snapshot.phases["short-form"].definition


async def test_the_eligibility_that_the_start_froze_is_served(
    sessions: Sessions, company: Company
) -> None:
    _, phase_id = await started(sessions, company)
    await freeze(sessions, phase_id, eligibility=ELIGIBILITY)
    definition = await served(sessions, company)
    assert definition.condition == {"plan": {"$eq": "free"}}
    assert definition.layer == LayerSlots("checkout", "5eed", ((0.25, 0.5),))
    assert definition.holdouts == (HoldoutDefinition("global", "ba5e", 0.05),)
    assert definition.prerequisites == (Prerequisite("earlier", frozenset("bc")),)


async def test_a_phase_without_eligibility_has_the_targeting_of_its_design(
    sessions: Sessions, company: Company
) -> None:
    _, phase_id = await started(sessions, company)
    await freeze(sessions, phase_id, eligibility={})
    definition = await served(sessions, company)
    assert definition.condition == {"plan": "team"}
    assert (definition.layer, definition.holdouts) == (None, ())
    await freeze(sessions, phase_id, eligibility={**ELIGIBILITY, "condition": None})
    assert (await served(sessions, company)).condition is None


async def test_the_frozen_arms_are_served_whatever_becomes_of_the_variants(
    sessions: Sessions, company: Company
) -> None:
    experiment_id, _ = await started(sessions, company)
    async with sessions.begin() as session:
        variants = select(Variant).where(Variant.experiment_id == experiment_id)
        for variant in (await session.exec(variants)).all():
            variant.weight, variant.payload = 0.1, {"value": "other"}
    definition = await served(sessions, company)
    assert [(v.key, v.weight, v.value) for v in definition.variants] == [
        ("long", 0.5, 9),
        ("short", 0.5, 3),
    ]


@pytest.mark.parametrize("scope", list(SwitchScope))
async def test_a_kill_switch_holds_until_it_is_released(
    scope: SwitchScope, sessions: Sessions, company: Company
) -> None:
    experiment_id, phase_id = await started(sessions, company)
    await freeze(sessions, phase_id, eligibility=ELIGIBILITY)
    layers = {key: _layer(company, key) for key in ("checkout", "other")}
    await add(sessions, *layers.values())
    covered: dict[SwitchScope, tuple[UUID | None, UUID | None]] = {
        SwitchScope.EXPERIMENT: (experiment_id, new_id()),
        SwitchScope.LAYER: (layers["checkout"].id, layers["other"].id),
        SwitchScope.ALL: (None, None),
    }
    target, elsewhere = covered[scope]
    if elsewhere is not None:
        await add(sessions, _switch(company, scope, elsewhere))
        assert (await served(sessions, company)).serving is Serving.SPLIT
    thrown = _switch(company, scope, target)
    switch_id = thrown.id
    await add(sessions, thrown)
    assert (await served(sessions, company)).serving is Serving.KILLED
    async with sessions.begin() as session:
        await session.exec(
            update(KillSwitch)
            .where(col(KillSwitch.id) == switch_id)
            .values(released_at=AT)
        )
    assert (await served(sessions, company)).serving is Serving.SPLIT


async def test_a_kill_switch_of_another_environment_covers_nothing(
    sessions: Sessions, company: Company
) -> None:
    await started(sessions, company)
    async with sessions.begin() as session:
        elsewhere = await create_environment(
            session,
            project_id=company.project_id,
            key="staging",
            name="Staging",
            secret="s" * 32,
        )
    switch = _switch(company, SwitchScope.ALL, None)
    switch.environment_id = elsewhere.id
    await add(sessions, switch)
    assert (await served(sessions, company)).serving is Serving.SPLIT


async def test_overrides_and_links_are_served_by_the_kind_of_id(
    sessions: Sessions, company: Company
) -> None:
    experiment_id, phase_id = await started(sessions, company)
    await freeze(sessions, phase_id, eligibility={})
    override = _override(company, experiment_id)
    sticky = _sticky(company, phase_id)
    await add(
        sessions,
        override(SubjectKind.USER, "u1"),
        override(SubjectKind.ACCOUNT, "acme"),
        sticky(SubjectKind.USER, "u2", 0),
        sticky(SubjectKind.ANONYMOUS, "a2", 1),
    )
    async with sessions() as session:
        snapshot = await load(session, company.environment_id)
    definition = snapshot.phases["short-form"].definition
    assert definition.overrides == {
        "id": {"u1": "short"},
        "accountId": {"acme": "short"},
    }
    assert definition.sticky == {"id": {"u2": "long"}, "anonymousId": {"a2": "long"}}
    (named,) = snapshot.decide_all({"id": "u1"})
    (linked,) = snapshot.decide_all({"anonymousId": "a2", "plan": "team"})
    assert (named.cause, linked.cause) == (Cause.OVERRIDDEN, Cause.LINKED)


async def test_the_newest_links_are_kept_in_memory(
    sessions: Sessions, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "MAX_STICKY", 2)
    _, phase_id = await started(sessions, company)
    sticky = _sticky(company, phase_id)
    rows = [sticky(SubjectKind.USER, f"u{n}", n) for n in (3, 1, 2)]
    await add(sessions, *rows)
    definition = await served(sessions, company)
    assert definition.sticky == {"id": {"u3": "long", "u2": "long"}}
    await freeze(sessions, phase_id, ended_at=AT)
    assert (await served(sessions, company)).sticky == {}


async def test_an_imported_phase_is_not_served(
    sessions: Sessions, company: Company
) -> None:
    _, phase_id = await started(sessions, company)
    await freeze(sessions, phase_id, imported=True)
    async with sessions() as session:
        assert not (await load(session, company.environment_id)).phases


async def test_of_two_phases_the_later_one_is_served(
    sessions: Sessions, company: Company
) -> None:
    experiment_id, phase_id = await started(sessions, company)
    async with sessions.begin() as session:
        first = await session.get_one(Phase, phase_id)
        experiment = await session.get_one(Experiment, experiment_id)
        again = first.model_dump() | {"id": new_id(), "number": 2, "seed": "2" * 16}
        first.ended_at = AT
        session.add(Phase(**again))
        assert experiment.status == "RUNNING"
    definition = await served(sessions, company)
    assert (definition.number, definition.seed) == (2, "2" * 16)
    assert definition.serving is Serving.SPLIT


def _layer(company: Company, key: str) -> Layer:
    return Layer(
        project_id=company.project_id,
        key=key,
        name=key,
        unit=UnitKind.USER,
        seed="5eed",
        created_at=AT,
    )


def _switch(company: Company, scope: SwitchScope, target: UUID | None) -> KillSwitch:
    return KillSwitch(
        project_id=company.project_id,
        environment_id=company.environment_id,
        scope=scope,
        target_id=target,
        reason="It hurts.",
        thrown_by="Ada",
        thrown_at=AT,
    )


def _override(
    company: Company, experiment_id: UUID
) -> Callable[[SubjectKind, str], Override]:
    return lambda kind, subject_id: Override(
        project_id=company.project_id,
        environment_id=company.environment_id,
        experiment_id=experiment_id,
        kind=kind,
        subject_id=subject_id,
        variant_key="short",
        reason="A colleague.",
        created_at=AT,
    )


def _sticky(
    company: Company, phase_id: UUID
) -> Callable[[SubjectKind, str, int], StickyAssignment]:
    return lambda kind, subject_id, number: StickyAssignment(
        environment_id=company.environment_id,
        phase_id=phase_id,
        kind=kind,
        subject_id=subject_id,
        variant_key="long",
        exposed_id="a1",
        exposed_at=AT,
        created_at=AT,
        revision=number,
    )
