"""What a start freezes of whom the experiment is for, and what later changes touch."""

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.conditions import ConditionInvalid, compiled
from core.database import AsyncSession, Sessions
from core.problems import Problem
from experiments import service
from experiments.design import UnitKind, design_hash
from experiments.drafts import Changes
from experiments.errors import (
    DesignInvalid,
    Full,
    KeyReserved,
    KeyTaken,
    OutOfUse,
    ReasonMissing,
    SegmentCycle,
    SegmentInUse,
    SegmentInvalid,
    SegmentUnknown,
)
from experiments.freezing import design_of
from experiments.models import Experiment, Holdout, Phase, Segment
from experiments.service.segments import SegmentSpec
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

BETA = SegmentSpec(attribute="id", listed=["u1", "u2"])


async def holdout(
    session: AsyncSession, company: Company, key: str = "global", **changes: Any
) -> Holdout:
    """One twentieth of the users."""
    parts: dict[str, Any] = {"name": "", "unit": UnitKind.USER, "share": 0.05}
    return await service.create_holdout(
        session,
        project_id=company.project_id,
        actor=company.actor,
        key=key,
        **(parts | changes),
    )


async def segment(
    session: AsyncSession, company: Company, key: str, spec: SegmentSpec
) -> Segment:
    """A named group."""
    return await service.create_segment(
        session,
        project_id=company.project_id,
        actor=company.actor,
        key=key,
        name="",
        spec=spec,
    )


async def begun(
    session: AsyncSession, company: Company, key: str = "short-form", **changes: Any
) -> Phase:
    """A draft with these changes, started."""
    return await started(session, company, await company.draft(session, key, **changes))


async def started(
    session: AsyncSession, company: Company, experiment: Experiment
) -> Phase:
    """A phase in production."""
    return await service.start(
        session, step(company, experiment), environment_id=company.environment_id
    )


def held_out(phase: Phase) -> list[str]:
    """The keys of a phase's holdouts."""
    return [each["key"] for each in phase.eligibility["holdouts"]]


async def test_a_design_with_none_of_it_keeps_the_hash_that_it_had(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        phase = await begun(session, company, targeting={"plan": "free"})
    assert phase.eligibility == {
        "condition": {"plan": {"$eq": "free"}},
        "layer": None,
        "holdouts": [],
        "prerequisites": [],
    }
    design = design_of(phase)
    assert design.eligibility is None
    assert design.targeting == {"plan": "free"}
    hashes = {design_hash(design), phase.design_hash}
    assert len(hashes) == 1
    other = replace(design, eligibility={"holdouts": ["global"]})
    assert design_hash(other) not in hashes


async def test_everyone_is_in_where_nothing_is_said(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        phase = await begun(session, company)
    assert phase.eligibility["condition"] is None


async def test_a_phase_keeps_the_holdouts_that_were_in_force_at_its_start(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        first = await holdout(session, company, "first")
        running = await begun(session, company, "one")
        await holdout(session, company, "later", share=0.2)
        await service.end_holdout(
            session,
            project_id=company.project_id,
            holdout_id=first.id,
            expected_version=1,
            actor=company.actor,
            reason="Half a year is over.",
        )
        next_one = await begun(session, company, "two")
        await session.refresh(running)
    assert held_out(running) == ["first"]
    assert held_out(next_one) == ["later"]
    assert next_one.eligibility["holdouts"][0]["share"] == 0.2
    assert design_of(next_one).eligibility is not None
    assert design_hash(design_of(next_one)) == next_one.design_hash


async def test_a_holdout_is_of_an_area_and_of_a_unit(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await holdout(session, company, "global")
        await holdout(session, company, "billing", area="billing")
        await holdout(session, company, "accounts", unit=UnitKind.ACCOUNT)
        found = {
            key: held_out(await begun(session, company, key, **changes))
            for key, changes in (
                ("nowhere", {}),
                ("there", {"area": "billing"}),
                ("elsewhere", {"area": "search"}),
                ("whole", {"unit": UnitKind.ACCOUNT, "area": "billing"}),
            )
        }
    assert found == {
        "nowhere": ["global"],
        "there": ["billing", "global"],
        "elsewhere": ["global"],
        "whole": ["accounts"],
    }


async def test_who_leaves_the_holdouts_says_why(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        await holdout(session, company)
        with pytest.raises(ReasonMissing) as refused:
            await company.draft(session, exempt_from_holdouts=True)
        assert refused.value.path == ("exemptionReason",)
        phase = await begun(
            session,
            company,
            exempt_from_holdouts=True,
            exemption_reason="A fix of the law.",
        )
        found = await session.exec(
            select(AuditRow)
            .where(
                AuditRow.subject_id == phase.experiment_id,
                AuditRow.action == "experiment.draft",
            )
            .order_by("id")
        )
        row = found.one()
    assert held_out(phase) == []
    assert row.reason == "A fix of the law."
    assert row.after is not None
    assert row.after["exempt_from_holdouts"] is True


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"share": 0}, ("share",)),
        ({"share": 0.21}, ("share",)),
        ({"share": float("nan")}, ("share",)),
        ({"area": "a b"}, ("area",)),
        ({"key": "a b"}, ("key",)),
        ({"name": "x" * 201}, ("name",)),
    ],
)
async def test_a_holdout_out_of_bounds_is_refused(
    sessions: Sessions, company: Company, changes: dict[str, Any], path: tuple[str, ...]
) -> None:
    async with sessions() as session:
        with pytest.raises(DesignInvalid) as refused:
            await holdout(session, company, **changes)
    assert refused.value.path == path


async def test_a_holdout_ends_once_and_its_key_stays_reserved(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await holdout(session, company)
        with pytest.raises(KeyTaken):
            await holdout(session, company)
        target: dict[str, Any] = {
            "project_id": company.project_id,
            "holdout_id": made.id,
            "actor": company.actor,
        }
        with pytest.raises(ReasonMissing):
            await service.end_holdout(session, expected_version=1, reason=" ", **target)
        await service.end_holdout(session, expected_version=1, reason="Over.", **target)
        with pytest.raises(OutOfUse):
            await service.end_holdout(
                session, expected_version=2, reason="Over.", **target
            )
        with pytest.raises(KeyReserved):
            await holdout(session, company)


async def test_there_are_as_many_holdouts_as_there_may_be(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        for number in range(20):
            await holdout(session, company, f"h{number}")
        with pytest.raises(Full):
            await holdout(session, company, "one-more")


async def test_a_start_writes_its_segments_out(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        beta = await segment(session, company, "beta", BETA)
        small = SegmentSpec(
            condition={"seats": {"$lt": 5}, "id": {"$notInGroup": "beta"}}
        )
        await segment(session, company, "small", small)
        targeting = {"$savedGroup": {"id": "small"}, "plan": "free"}
        phase = await begun(session, company, targeting=targeting)
        await service.update_segment(
            session,
            project_id=company.project_id,
            segment_id=beta.id,
            expected_version=1,
            actor=company.actor,
            spec=SegmentSpec(attribute="id", listed=["u3"]),
        )
        await session.refresh(phase)
        second = await begun(session, company, "second", targeting=targeting)
    for each, out in ((phase, {"u1", "u2"}), (second, {"u3"})):
        condition = compiled(each.eligibility["condition"])
        assert condition.flaws == ()
        inside = {
            user
            for user in ("u1", "u2", "u3")
            if condition.holds({"id": user, "seats": 1, "plan": "free"})
        }
        assert inside == {"u1", "u2", "u3"} - out
    first, later = design_of(phase).eligibility, design_of(second).eligibility
    assert first is not None
    assert later is not None
    assert first["segments"] == [["beta", 1], ["small", 1]]
    assert later["segments"] == [["beta", 2], ["small", 1]]
    assert design_of(phase).targeting == targeting


async def test_a_segment_that_there_is_not_is_refused_at_draft_and_at_start(
    sessions: Sessions, company: Company
) -> None:
    targeting = {"id": {"$inGroup": "beta"}}
    async with sessions.begin() as session:
        with pytest.raises(SegmentUnknown) as refused:
            await company.draft(session, targeting=targeting)
        assert refused.value.code == "SEGMENT_UNKNOWN"
        assert refused.value.path == ("targeting", "id", "$inGroup")
        made = await segment(session, company, "beta", BETA)
        draft = await company.draft(session, targeting=targeting)
        target: dict[str, Any] = {
            "project_id": company.project_id,
            "segment_id": made.id,
            "expected_version": 1,
            "actor": company.actor,
        }
        with pytest.raises(SegmentInUse, match="short-form"):
            await service.archive_segment(session, **target)
        # As where the draft came to name it while it was put away.
        made.archived_at = made.created_at
        session.add(made)
        await session.flush()
        with pytest.raises(SegmentUnknown):
            await started(session, company, draft)
        with pytest.raises(SegmentUnknown):
            await service.update(
                session, step(company, draft), changes=Changes(targeting=targeting)
            )


async def test_a_running_phase_needs_its_segment_no_more(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await segment(session, company, "beta", BETA)
        await begun(session, company, targeting={"id": {"$inGroup": "beta"}})
        archived = await service.archive_segment(
            session,
            project_id=company.project_id,
            segment_id=made.id,
            expected_version=1,
            actor=company.actor,
        )
        assert archived.archived_at is not None
        with pytest.raises(KeyReserved):
            await segment(session, company, "beta", BETA)


async def test_segments_never_go_in_a_circle(
    sessions: Sessions, company: Company
) -> None:
    def naming(key: str) -> SegmentSpec:
        return SegmentSpec(condition={"$not": {"$savedGroup": {"id": key}}})

    async with sessions.begin() as session:
        with pytest.raises(SegmentCycle):
            await segment(session, company, "one", naming("one"))
        one = await segment(
            session, company, "one", SegmentSpec(condition={"plan": "free"})
        )
        await segment(session, company, "two", naming("one"))
        await segment(session, company, "three", naming("two"))
        with pytest.raises(SegmentCycle, match="one > three > two > one") as refused:
            await service.update_segment(
                session,
                project_id=company.project_id,
                segment_id=one.id,
                expected_version=1,
                actor=company.actor,
                spec=naming("three"),
            )
    assert refused.value.path[0] == "condition"


@pytest.mark.parametrize(
    ("spec", "error", "path"),
    [
        (SegmentSpec(), SegmentInvalid, ("attribute",)),
        (SegmentSpec("id", []), SegmentInvalid, ("values",)),
        (SegmentSpec("id", ["u"] * 3 + [""]), SegmentInvalid, ("values", "1")),
        (
            SegmentSpec("id", [str(n) for n in range(5_001)]),
            SegmentInvalid,
            ("values",),
        ),
        (SegmentSpec("$or", ["u"]), SegmentInvalid, ("attribute",)),
        (SegmentSpec(condition={}), SegmentInvalid, ("condition",)),
        (SegmentSpec("id", ["u"], {"plan": "free"}), SegmentInvalid, ()),
        (
            SegmentSpec(condition={"plan": {"$like": "f"}}),
            ConditionInvalid,
            ("condition", "plan", "$like"),
        ),
        (
            SegmentSpec(condition={"id": {"$inGroup": "none"}}),
            SegmentUnknown,
            ("condition", "id", "$inGroup"),
        ),
    ],
)
async def test_a_segment_that_cannot_be_read_is_refused_by_its_path(
    sessions: Sessions,
    company: Company,
    spec: SegmentSpec,
    error: type[Problem],
    path: tuple[str, ...],
) -> None:
    async with sessions() as session:
        with pytest.raises(error) as refused:
            await segment(session, company, "beta", spec)
    assert refused.value.path == path


async def test_a_list_of_five_thousand_is_a_segment(
    sessions: Sessions, company: Company
) -> None:
    listed = [f"user-{number}" for number in range(5_000)]
    async with sessions.begin() as session:
        await segment(session, company, "many", SegmentSpec("id", listed))
        phase = await begun(session, company, targeting={"id": {"$inGroup": "many"}})
    condition = compiled(phase.eligibility["condition"])
    assert condition.holds({"id": "user-4999"})
    assert not condition.holds({"id": "user-5000"})


async def test_a_list_stays_a_list(sessions: Sessions, company: Company) -> None:
    async with sessions.begin() as session:
        made = await segment(session, company, "beta", BETA)
        with pytest.raises(SegmentInvalid):
            await service.update_segment(
                session,
                project_id=company.project_id,
                segment_id=made.id,
                expected_version=1,
                actor=company.actor,
                spec=SegmentSpec(condition={"plan": "free"}),
            )


async def test_the_trail_knows_that_a_list_changed_but_nobody_in_it(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        made = await segment(session, company, "beta", BETA)
        await service.update_segment(
            session,
            project_id=company.project_id,
            segment_id=made.id,
            expected_version=1,
            actor=company.actor,
            spec=SegmentSpec(attribute="id", listed=["u1", "u3"]),
        )
        found = await session.exec(
            select(AuditRow).where(AuditRow.action == "segment.update").order_by("id")
        )
        row = found.one()
    assert row.before is not None
    assert row.after is not None
    assert (row.before["values"], row.after["values"]) == (2, 2)
    assert row.before["digest"] != row.after["digest"]
    assert "u1" not in str([row.before, row.after])
