"""The project's own rules, and who may agree under them."""

from typing import Any

import pytest
from sqlmodel import select

from core.audit import AuditRow
from core.clock import now
from core.database import Sessions
from core.problems import StaleVersion
from core.subjects import Subject, SubjectKind
from core.tenancy import Governance, Project, Role, invite
from experiments import service
from experiments.errors import ReasonMissing
from experiments.governance.errors import (
    CurrencyFixed,
    ProjectInvalid,
    ReviewersMissing,
)
from tests.experiments.company import Company
from tests.experiments.governance.people import started

pytestmark = pytest.mark.stores


async def change(
    sessions: Sessions, company: Company, version: int = 1, **given: Any
) -> Project:
    """Change the project in one transaction."""
    async with sessions.begin() as session:
        return await service.update_project(
            session,
            project_id=company.project_id,
            expected_version=version,
            actor=company.actor,
            **given,
        )


async def join(sessions: Sessions, company: Company, *roles: Role) -> None:
    """One person of each role comes in."""
    async with sessions.begin() as session:
        for number, role in enumerate(roles):
            await invite(
                session,
                project_id=company.project_id,
                email=f"p{number}@example.com",
                name="",
                role=role,
            )


@pytest.mark.parametrize(
    ("roles", "preset", "enough"),
    [
        ((), Governance.TEAM, False),
        ((Role.ADMIN,), Governance.TEAM, False),
        ((Role.ADMIN, Role.VIEWER, Role.RESEARCHER), Governance.TEAM, False),
        ((Role.EDITOR, Role.EDITOR), Governance.TEAM, False),
        ((Role.EDITOR, Role.REVIEWER), Governance.TEAM, True),
        ((Role.ADMIN, Role.ADMIN), Governance.TEAM, True),
        ((Role.ADMIN, Role.REVIEWER), Governance.STRICT, False),
        ((Role.EDITOR, Role.REVIEWER, Role.OPERATOR), Governance.STRICT, True),
    ],
)
async def test_more_people_must_be_there_before_more_must_agree(
    sessions: Sessions,
    company: Company,
    roles: tuple[Role, ...],
    preset: Governance,
    enough: bool,
) -> None:
    await join(sessions, company, *roles)
    if enough:
        project = await change(sessions, company, preset=preset)
        assert (project.governance, project.version) == (preset, 2)
    else:
        with pytest.raises(ReviewersMissing) as refused:
            await change(sessions, company, preset=preset)
        assert refused.value.path == ("governance",)


async def test_fewer_need_a_reason_that_is_kept(
    sessions: Sessions, company: Company
) -> None:
    await join(sessions, company, Role.ADMIN, Role.REVIEWER)
    await change(sessions, company, preset=Governance.TEAM)
    with pytest.raises(ReasonMissing):
        await change(sessions, company, version=2, preset=Governance.SOLO)
    await change(
        sessions, company, version=2, preset=Governance.SOLO, reason="Bob has left."
    )
    async with sessions() as session:
        found = await session.exec(
            select(AuditRow)
            .where(AuditRow.action == "project.update")
            .order_by(AuditRow.id)  # type: ignore[arg-type]
        )
        _, lowered = found.all()
    assert lowered.reason == "Bob has left."
    assert lowered.before is not None
    assert lowered.after is not None
    assert lowered.before["governance"] == "TEAM"
    assert lowered.after["governance"] == "SOLO"


async def test_two_changes_at_one_version_are_one(
    sessions: Sessions, company: Company
) -> None:
    await change(sessions, company, name="New", time_zone="Europe/Paris")
    with pytest.raises(StaleVersion):
        await change(sessions, company, name="Newer")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"name": " "}, ("name",)),
        ({"name": "x" * 201}, ("name",)),
        ({"time_zone": "Mars/Olympus"}, ("timeZone",)),
        ({"currency": "eur"}, ("currency",)),
        ({"currency": "EURO"}, ("currency",)),
    ],
)
async def test_what_is_no_name_zone_or_currency_is_refused(
    sessions: Sessions, company: Company, given: dict[str, Any], path: tuple[str, ...]
) -> None:
    with pytest.raises(ProjectInvalid) as refused:
        await change(sessions, company, **given)
    assert refused.value.path == path


async def test_money_stays_in_its_currency_once_something_was_started(
    sessions: Sessions, company: Company
) -> None:
    assert (await change(sessions, company, currency="EUR")).currency == "EUR"
    await started(sessions, company)
    with pytest.raises(CurrencyFixed):
        await change(sessions, company, version=2, currency="USD")
    again = await change(sessions, company, version=2, currency="EUR", name="Same")
    assert again.currency == "EUR"


async def test_money_stays_in_its_currency_once_somebody_pays(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        at = await now(session)
        for name, traits in (("a", {"plan": "free"}), ("b", {"mrr_minor": 900})):
            session.add(
                Subject(
                    environment_id=company.environment_id,
                    kind=SubjectKind.ACCOUNT,
                    external_id=name,
                    traits=traits,
                    first_seen_at=at,
                    updated_at=at,
                )
            )
    with pytest.raises(CurrencyFixed):
        await change(sessions, company, currency="EUR")
