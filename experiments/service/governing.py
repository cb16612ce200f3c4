"""The project's own rules: who must agree, by which clock, in which money."""

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlmodel import col, select

from core import audit
from core.audit import Actor
from core.database import AsyncSession
from core.problems import StaleVersion
from core.subjects import Subject
from core.tenancy import Environment, Governance, Project
from experiments.errors import ReasonMissing
from experiments.governance import queries as governance
from experiments.governance.calendar import zone_of
from experiments.governance.errors import (
    CurrencyFixed,
    ProjectInvalid,
    ReviewersMissing,
    ScheduleInvalid,
)
from experiments.models import NAME_LENGTH, Phase

_CURRENCY = re.compile(r"[A-Z]{3}")
_STRICTER: Sequence[Governance] = (
    Governance.SOLO,
    Governance.TEAM,
    Governance.STRICT,
)


async def update_project(
    session: AsyncSession,
    *,
    project_id: UUID,
    expected_version: int,
    actor: Actor,
    name: str | None = None,
    time_zone: str | None = None,
    currency: str | None = None,
    preset: Governance | None = None,
    reason: str = "",
) -> Project:
    """Change what was given. Phases that began keep the clock that they began with.

    Raises:
        ProjectInvalid: The name, the zone or the currency breaks a rule.
        ReviewersMissing: Too few people could agree under the preset.
        ReasonMissing: The preset would ask for fewer people, and nobody says why.
        CurrencyFixed: Something was started, or an amount recorded, in another one.
        StaleVersion: Somebody changed it first.
    """
    project = await _held(session, project_id, expected_version)
    before = _facts(project)
    values = _columns(name, time_zone)
    if currency is not None and currency != project.currency:
        await _check_currency(session, project_id, currency)
        values["currency"] = currency
    if preset is not None and preset is not project.governance:
        await _check_preset(session, project, preset, reason)
        values["governance"] = preset
    await session.exec(
        update(Project)
        .where(col(Project.id) == project_id)
        .values(version=project.version + 1, **values)
        .execution_options(synchronize_session=False)
    )
    await session.refresh(project)
    await audit.record(
        session,
        actor=actor,
        project_id=project_id,
        action="project.update",
        subject="Project",
        subject_id=project_id,
        before=before,
        after=_facts(project),
        reason=reason.strip() or None,
    )
    return project


async def _held(session: AsyncSession, project_id: UUID, expected: int) -> Project:
    """The project at the version that the caller saw; who is in it waits meanwhile."""
    found = await session.exec(
        select(Project)
        .where(Project.id == project_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    project = found.one()
    if project.version != expected:
        raise StaleVersion(project.version)
    return project


def _facts(project: Project) -> dict[str, Any]:
    return {
        "name": project.name,
        "time_zone": project.time_zone,
        "currency": project.currency,
        "governance": project.governance,
        "version": project.version,
    }


def _columns(name: str | None, time_zone: str | None) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _checked_name(name)
    if time_zone is not None:
        values["time_zone"] = _checked_zone(time_zone)
    return values


def _checked_name(name: str) -> str:
    text = name.strip()
    if not 0 < len(text) <= NAME_LENGTH:
        raise ProjectInvalid(f"A name has 1 to {NAME_LENGTH} letters.", path=("name",))
    return text


def _checked_zone(name: str) -> str:
    try:
        return zone_of(name).key
    except ScheduleInvalid as problem:
        raise ProjectInvalid(problem.message, path=problem.path) from None


async def _check_currency(
    session: AsyncSession, project_id: UUID, currency: str
) -> None:
    path = ("currency",)
    if _CURRENCY.fullmatch(currency) is None:
        raise ProjectInvalid("A currency has three capitals (ISO 4217).", path=path)
    begun = await session.exec(
        select(Phase.id).where(Phase.project_id == project_id).limit(1)
    )
    paying = await session.exec(
        select(Subject.id)
        .join(Environment, col(Environment.id) == Subject.environment_id)
        .where(
            Environment.project_id == project_id,
            col(Subject.traits)["mrr_minor"].as_string().is_not(None),
        )
        .limit(1)
    )
    if begun.first() is not None or paying.first() is not None:
        raise CurrencyFixed("Amounts are there in the present one.", path=path)


async def _check_preset(
    session: AsyncSession, project: Project, preset: Governance, reason: str
) -> None:
    if _STRICTER.index(preset) < _STRICTER.index(project.governance):
        if not reason.strip():
            raise ReasonMissing
        return
    needed = governance.reviewers_needed(preset)
    if not await governance.can_agree(session, project.id, needed):
        people = "one member" if needed == 1 else f"{needed} members"
        raise ReviewersMissing(
            f"{preset} needs {people} who can review, beside one who writes.",
            path=("governance",),
        )
