"""Layers on the stores: who has which slots, also when many want them at once."""

import asyncio
import hashlib
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.database import AsyncSession, Sessions
from core.ids import new_id
from core.problems import Problem, StaleVersion
from experiments import queries, service
from experiments.design import UnitKind
from experiments.drafts import Changes, LayerSpec
from experiments.eligibility.queries import taken_of
from experiments.eligibility.slots import overlap
from experiments.errors import (
    DesignInvalid,
    KeyReserved,
    KeyTaken,
    LayerInUse,
    LayerSlotTaken,
    LayerUnitMismatch,
    LayerUnknown,
    OutOfUse,
)
from experiments.models import Experiment, Layer, Phase
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores


async def layer(
    session: AsyncSession, company: Company, key: str = "free", **changes: Any
) -> Layer:
    """A layer of users."""
    parts: dict[str, Any] = {"name": "", "unit": UnitKind.USER} | changes
    return await service.create_layer(
        session,
        project_id=company.project_id,
        actor=company.actor,
        key=key,
        **parts,
    )


async def start(
    session: AsyncSession, company: Company, experiment: Experiment
) -> Phase:
    """Start it in production."""
    return await service.start(
        session, step(company, experiment), environment_id=company.environment_id
    )


async def test_a_layer_has_a_seed_of_its_own_for_ever(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)
    text = f"{company.project_id}::layer:free"
    assert made.seed == hashlib.sha256(text.encode()).hexdigest()[:16]


async def test_a_draft_takes_the_slots_that_it_names_or_the_first_that_fit(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)
        for key, spec in (
            ("one", LayerSpec("free", ranges=[[0.25, 0.5]])),
            ("two", LayerSpec("free", share=0.3)),
            ("three", LayerSpec("free", share=0.25)),
        ):
            await company.draft(session, key, layer=spec)
        taken = (await taken_of(session, [made.id]))[made.id]
    found = {each.experiment_key: each.ranges for each in taken}
    assert found == {
        "one": ((0.25, 0.5),),
        "two": ((0.5, 0.8),),
        "three": ((0.0, 0.25),),
    }


async def test_a_slot_that_another_one_has_is_refused(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await layer(session, company)
        await company.draft(session, "one", layer=LayerSpec("free", share=0.6))
        for spec in (
            LayerSpec("free", ranges=[[0.5, 0.7]]),
            LayerSpec("free", share=0.5),
        ):
            with pytest.raises(LayerSlotTaken) as refused:
                await company.draft(session, "two", layer=spec)
            assert refused.value.code == "LAYER_SLOT_TAKEN"
        await company.draft(session, "two", layer=LayerSpec("free", share=0.4))


async def test_slots_are_free_again_once_it_stopped_or_was_archived(
    sessions: Sessions, company: Company
) -> None:
    whole = LayerSpec("free", share=1)
    async with sessions.begin() as session:
        await layer(session, company)
        first = await company.draft(session, "first", layer=whole)
        archived = await service.archive(session, step(company, first))
        assert archived.layer_ranges == [[0.0, 1.0]]
        second = await company.draft(session, "second", layer=whole)
        await start(session, company, second)
        with pytest.raises(LayerSlotTaken):
            await company.draft(session, "third", layer=whole)
        await service.stop(session, step(company, second), reason="Enough.")
        await company.draft(session, "third", layer=whole)


async def test_a_draft_may_change_its_slots_and_leave_its_layer(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await layer(session, company)
        draft = await company.draft(session, layer=LayerSpec("free", ranges=[[0, 0.5]]))
        draft = await service.update(
            session,
            step(company, draft),
            changes=Changes(layer=LayerSpec("free", ranges=[[0.25, 0.75]])),
        )
        assert draft.layer_ranges == [[0.25, 0.75]]
        draft = await service.update(
            session, step(company, draft), changes=Changes(layer=LayerSpec(None))
        )
        assert (draft.layer_id, draft.layer_ranges) == (None, [])


async def test_a_layer_divides_units_of_one_kind(
    sessions: Sessions, company: Company
) -> None:
    half = LayerSpec("free", share=0.5)
    async with sessions.begin() as session:
        await layer(session, company)
        with pytest.raises(LayerUnitMismatch) as refused:
            await company.draft(session, unit=UnitKind.ACCOUNT, layer=half)
        assert refused.value.code == "LAYER_UNIT_MISMATCH"
        draft = await company.draft(session, layer=half)
        with pytest.raises(LayerUnitMismatch):
            await service.update(
                session, step(company, draft), changes=Changes(unit=UnitKind.ACCOUNT)
            )


async def test_a_start_keeps_the_slots_in_its_phase(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)
        draft = await company.draft(
            session, layer=LayerSpec("free", ranges=[[0.5, 1], [0, 0.25]])
        )
        phase = await start(session, company, draft)
    assert phase.eligibility["layer"] == {
        "key": "free",
        "seed": made.seed,
        "ranges": [[0.0, 0.25], [0.5, 1.0]],
    }


async def test_of_many_that_want_one_slot_at_once_one_has_it(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await layer(session, company)
        drafts = [await company.draft(session, f"e{n}") for n in range(6)]

    async def take(draft: Experiment) -> Experiment | Problem:
        try:
            async with sessions.begin() as session:
                return await service.update(
                    session,
                    step(company, draft),
                    changes=Changes(layer=LayerSpec("free", ranges=[[0.2, 0.4]])),
                )
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(*(take(draft) for draft in drafts))
    refused = [each for each in outcomes if isinstance(each, Problem)]
    assert len(refused) == 5
    assert all(isinstance(each, LayerSlotTaken) for each in refused)


async def test_shares_taken_at_once_never_overlap(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)

    async def take(number: int) -> bool:
        try:
            async with sessions.begin() as session:
                await company.draft(
                    session, f"e{number}", layer=LayerSpec("free", share=0.15)
                )
        except LayerSlotTaken:
            return False
        return True

    taken_by = await asyncio.gather(*(take(number) for number in range(9)))
    assert sum(taken_by) == 6
    async with sessions() as session:
        taken = (await taken_of(session, [made.id]))[made.id]
    for index, one in enumerate(taken):
        assert not any(overlap(one.ranges, other.ranges) for other in taken[:index])


async def test_of_two_starts_at_once_on_one_slot_one_runs(
    sessions: Sessions, company: Company
) -> None:
    """Drafts cannot share a slot; rows that do all the same are stopped here."""
    async with sessions.begin() as session:
        made = await layer(session, company)
        drafts = [await company.draft(session, key) for key in ("one", "two")]
        for draft in drafts:
            draft.layer_id, draft.layer_ranges = made.id, [[0.0, 0.5]]
            session.add(draft)

    async def begin(draft: Experiment) -> Phase | Problem:
        try:
            async with sessions.begin() as session:
                return await start(session, company, draft)
        except Problem as problem:
            return problem

    outcomes = await asyncio.gather(*(begin(draft) for draft in drafts))
    assert all(isinstance(each, LayerSlotTaken) for each in outcomes)


async def test_a_layer_in_use_is_not_archived_and_its_key_stays_reserved(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)
        with pytest.raises(KeyTaken):
            await layer(session, company)
        draft = await company.draft(session, layer=LayerSpec("free", share=0.5))
        target: dict[str, Any] = {
            "project_id": company.project_id,
            "layer_id": made.id,
            "actor": company.actor,
        }
        with pytest.raises(LayerInUse, match="short-form"):
            await service.archive_layer(session, expected_version=1, **target)
        await service.update(
            session, step(company, draft), changes=Changes(layer=LayerSpec(None))
        )
        renamed = await service.rename_layer(
            session, expected_version=1, name="Free plan", **target
        )
        assert (renamed.name, renamed.version) == ("Free plan", 2)
        with pytest.raises(StaleVersion):
            await service.archive_layer(session, expected_version=1, **target)
        await service.archive_layer(session, expected_version=2, **target)
        with pytest.raises(OutOfUse):
            await service.archive_layer(session, expected_version=3, **target)
        with pytest.raises(KeyReserved):
            await layer(session, company)
        with pytest.raises(OutOfUse):
            await company.draft(session, "two", layer=LayerSpec("free", share=0.5))


@pytest.mark.parametrize(
    ("spec", "error", "path"),
    [
        (LayerSpec("none", share=0.5), LayerUnknown, ("layer", "key")),
        (LayerSpec("free"), DesignInvalid, ("layer",)),
        (LayerSpec("free", [[0, 1]], 0.5), DesignInvalid, ("layer",)),
        (LayerSpec("free", share=0), DesignInvalid, ("layer", "share")),
        (LayerSpec("free", [[0, 2]]), DesignInvalid, ("layer", "ranges", "0")),
    ],
)
async def test_slots_that_cannot_be_read_are_refused_by_their_path(
    sessions: Sessions,
    company: Company,
    spec: LayerSpec,
    error: type[Problem],
    path: tuple[str, ...],
) -> None:
    async with sessions() as session:
        await layer(session, company)
        with pytest.raises(error) as refused:
            await company.draft(session, layer=spec)
    assert refused.value.path == path


async def test_another_projects_layer_is_unknown(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)
        with pytest.raises(LayerUnknown):
            await service.rename_layer(
                session,
                project_id=new_id(),
                layer_id=made.id,
                expected_version=1,
                actor=company.actor,
                name="Mine",
            )


async def test_what_happens_to_a_layer_is_audited(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await layer(session, company)
        draft = await company.draft(session, layer=LayerSpec("free", share=0.5))
        created = await session.exec(
            select(AuditRow).where(AuditRow.subject_id == made.id).order_by("id")
        )
        drafted = await session.exec(
            select(AuditRow).where(AuditRow.subject_id == draft.id).order_by("id")
        )
        (layer_row,), (draft_row,) = created.all(), drafted.all()
    assert (layer_row.action, layer_row.actor_name) == ("layer.create", "ada")
    assert draft_row.after is not None
    assert draft_row.after["layer"] == {"key": "free", "ranges": [[0.0, 0.5]]}


async def test_a_draft_shows_its_layer(sessions: Sessions, company: Company) -> None:
    async with sessions.begin() as session:
        await layer(session, company)
        experiment = await company.draft(session, layer=LayerSpec("free", share=0.5))
        draft = await queries.draft_of(session, experiment)
    assert draft.layer is not None
    assert draft.layer.key == "free"
