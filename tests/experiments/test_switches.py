"""Kill switches and overrides: what may change while a phase runs."""

import asyncio
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.ids import new_id
from core.problems import IllegalTransition, Problem
from core.subjects import SubjectKind
from experiments import service
from experiments.assignment.evaluator import Cause, decide
from experiments.design import UnitKind
from experiments.drafts import LayerSpec
from experiments.eligibility.live import listed_overrides, listed_switches, served_keys
from experiments.errors import (
    DesignInvalid,
    Full,
    OutOfUse,
    OverrideUnknown,
    ReasonMissing,
    SwitchUnknown,
)
from experiments.models import (
    Experiment,
    KillSwitch,
    Override,
    Phase,
    SwitchScope,
)
from experiments.service.loading import load
from experiments.service.switches import SwitchTarget
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

EVERYTHING = SwitchTarget(SwitchScope.ALL)


async def running(
    session: AsyncSession, company: Company, key: str, **changes: Any
) -> Experiment:
    """A started experiment."""
    experiment = await company.draft(session, key, **changes)
    await service.start(
        session,
        step(company, experiment),
        environment_id=company.environment_id,
    )
    await session.refresh(experiment)
    return experiment


async def throw(
    session: AsyncSession, company: Company, target: SwitchTarget, reason: str = "Fire."
) -> KillSwitch:
    """In production."""
    return await service.throw(
        session,
        project_id=company.project_id,
        environment_id=company.environment_id,
        actor=company.actor,
        target=target,
        reason=reason,
    )


async def causes(session: AsyncSession, company: Company) -> dict[str, Cause]:
    """Why one user gets what each experiment gives."""
    snapshot = await load(session, company.environment_id)
    return {
        key: decide(phase, {"id": "u1"}).cause for key, phase in snapshot.phases.items()
    }


async def name(
    session: AsyncSession, company: Company, experiment: Experiment, **changes: Any
) -> Override:
    """User u1 gets the short form."""
    parts: dict[str, Any] = {
        "kind": SubjectKind.USER,
        "subject_id": "u1",
        "variant": "short",
        "reason": "A demonstration.",
    } | changes
    return await service.override(
        session,
        project_id=company.project_id,
        environment_id=company.environment_id,
        experiment_id=experiment.id,
        actor=company.actor,
        **parts,
    )


async def test_a_switch_turns_off_what_it_covers_and_nothing_else(
    sessions: Sessions, company: Company
) -> None:
    half = LayerSpec("free", share=0.5)
    async with sessions.begin() as session:
        layer = await service.create_layer(
            session,
            project_id=company.project_id,
            actor=company.actor,
            key="free",
            name="",
            unit=UnitKind.USER,
        )
        alone = await running(session, company, "alone")
        await running(session, company, "one", layer=half)
        await running(session, company, "two", layer=half)
        for target, killed in (
            (SwitchTarget(SwitchScope.EXPERIMENT, alone.id, "alone"), {"alone"}),
            (SwitchTarget(SwitchScope.LAYER, layer.id, "free"), {"one", "two"}),
            (EVERYTHING, {"alone", "one", "two"}),
        ):
            covered = await served_keys(
                session,
                environment_id=company.environment_id,
                scope=target.scope,
                target_id=target.target_id,
            )
            assert set(covered) == killed
            switch = await throw(session, company, target)
            now = await causes(session, company)
            assert {k for k, cause in now.items() if cause is Cause.KILLED} == killed
            await service.release(
                session,
                environment_id=company.environment_id,
                switch_id=switch.id,
                actor=company.actor,
                reason="Put out.",
            )
            after = await causes(session, company)
            assert Cause.KILLED not in after.values()


async def test_a_switch_leaves_the_phase_alone(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await running(session, company, "one")
        (before,) = (await session.exec(select(Phase).order_by("id"))).all()
        kept = before.model_dump()
        await throw(session, company, EVERYTHING)
        await session.refresh(before)
    assert before.model_dump() == kept


async def test_thrown_twice_it_is_thrown_once(
    sessions: Sessions, company: Company
) -> None:
    async def once() -> KillSwitch:
        async with sessions.begin() as session:
            return await throw(session, company, EVERYTHING)

    thrown = await asyncio.gather(*(once() for _ in range(4)))
    assert len({switch.id for switch in thrown}) == 1
    async with sessions() as session:
        listed = await session.exec(
            listed_switches(company.environment_id, thrown=True)
        )
        audited = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "kill_switch.throw")
            .order_by("id")
        )
        (row,) = audited.all()
        assert len(listed.all()) == 1
    assert (row.reason, row.actor_name) == ("Fire.", "ada")


async def test_a_switch_is_released_once(sessions: Sessions, company: Company) -> None:
    async with sessions.begin() as session:
        switch = await throw(session, company, EVERYTHING)
        target: dict[str, Any] = {
            "environment_id": company.environment_id,
            "switch_id": switch.id,
            "actor": company.actor,
        }
        with pytest.raises(ReasonMissing):
            await service.release(session, reason=" ", **target)
        await service.release(session, reason="Put out.", **target)
        with pytest.raises(IllegalTransition, match="It was released already"):
            await service.release(session, reason="Put out.", **target)
        with pytest.raises(SwitchUnknown):
            await service.release(
                session, reason="x", **{**target, "environment_id": new_id()}
            )
        again = await throw(session, company, EVERYTHING)
    assert again.id != switch.id


async def test_a_switch_has_a_target_that_fits_and_a_reason(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session:
        for target in (
            SwitchTarget(SwitchScope.ALL, new_id()),
            SwitchTarget(SwitchScope.LAYER),
        ):
            with pytest.raises(DesignInvalid):
                await throw(session, company, target)
        with pytest.raises(ReasonMissing):
            await throw(session, company, EVERYTHING, reason="")


async def test_a_named_subject_gets_its_variant_until_it_is_removed(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await running(
            session, company, "one", targeting={"plan": "nobody has this"}
        )
        row = await name(session, company, experiment)
        phase = (await load(session, company.environment_id)).phases["one"]
        decision = decide(phase, {"id": "u1"})
        assert (decision.variant.key, decision.cause) == ("short", Cause.OVERRIDDEN)
        assert not decision.in_experiment
        again = await name(session, company, experiment, variant="long")
        assert (again.id, again.variant_key) == (row.id, "long")
        target: dict[str, Any] = {
            "environment_id": company.environment_id,
            "override_id": row.id,
            "actor": company.actor,
            "reason": "Shown.",
        }
        assert await service.remove_override(session, **target) == experiment.id
        with pytest.raises(OverrideUnknown):
            await service.remove_override(session, **target)
        assert await causes(session, company) == {"one": Cause.NOT_TARGETED}
        listed = await session.exec(
            listed_overrides(company.environment_id).where(
                Override.experiment_id == experiment.id
            )
        )
        assert listed.all() == []
        audited = await session.exec(
            select(AuditRow)
            .where(
                AuditRow.action == "override.set",
                AuditRow.subject_id == experiment.id,
            )
            .order_by("id")
        )
        first, second = sorted(audited.all(), key=lambda each: each.id)
    assert first.before is None
    assert second.before is not None
    assert second.after is not None
    assert (second.before["variant"], second.after["variant"]) == ("short", "long")
    assert "u1" not in str([first.after, second.before, second.after])


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"variant": "other"}, ("variant",)),
        ({"kind": SubjectKind.ACCOUNT}, ("kind",)),
        ({"subject_id": ""}, ("subjectId",)),
        ({"subject_id": "x" * 257}, ("subjectId",)),
        ({"reason": " "}, ("reason",)),
    ],
)
async def test_a_name_that_makes_no_sense_is_refused(
    sessions: Sessions,
    company: Company,
    changes: dict[str, Any],
    path: tuple[str, ...],
) -> None:
    async with sessions() as session:
        experiment = await company.draft(session)
        with pytest.raises((DesignInvalid, ReasonMissing)) as refused:
            await name(session, company, experiment, **changes)
    assert refused.value.path == path


async def test_an_archived_experiment_names_nobody(
    sessions: Sessions, company: Company
) -> None:
    async with sessions() as session:
        experiment = await company.draft(session)
        await service.archive(
            session,
            step(company, experiment),
        )
        with pytest.raises(OutOfUse):
            await name(session, company, experiment)


async def test_there_are_as_many_names_as_there_may_be(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        experiment = await company.draft(session)
        for number in range(198):
            await name(session, company, experiment, subject_id=f"s{number}")

    async def one_more(number: int) -> Override | Problem:
        try:
            async with sessions.begin() as session:
                return await name(session, company, experiment, subject_id=f"t{number}")
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(*(one_more(number) for number in range(4)))
    assert sum(isinstance(each, Full) for each in outcomes) == 2
    async with sessions.begin() as session:
        await name(session, company, experiment, subject_id="s0", variant="long")
