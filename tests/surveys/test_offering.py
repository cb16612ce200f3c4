"""Who is offered a survey, and why not."""

import asyncio

import pytest

from core.database import Sessions
from core.subjects import SubjectContext
from surveys.eligibility import OfferReason
from surveys.offering import claim_display, surveys_for
from surveys.submission import Submission, submit
from tests.conftest import Tenant
from tests.surveys.builders import SCORE, published

pytestmark = pytest.mark.stores

ANN = SubjectContext(user_id="ann")


async def reasons(
    sessions: Sessions, tenant: Tenant, **attributes: object
) -> dict[str, OfferReason]:
    async with sessions() as session:
        offered = await surveys_for(
            session,
            project_id=tenant.project_id,
            environment_id=tenant.environment_id,
            subject=ANN,
            attributes=attributes,
        )
    return {one.survey.key: one.offer.reason for one in offered}


async def claim(sessions: Sessions, tenant: Tenant) -> bool:
    async with sessions.begin() as session:
        return await claim_display(
            session,
            project_id=tenant.project_id,
            environment_id=tenant.environment_id,
            subject=ANN,
            survey_key="all",
        )


async def test_targeting_a_showing_and_an_answer_decide(
    sessions: Sessions, tenant: Tenant
) -> None:
    async with sessions.begin() as session:
        await published(session, tenant, SCORE, key="all")
        await published(
            session, tenant, SCORE, key="admins", targeting={"role": "admin"}
        )
    eligible, kept_out = OfferReason.ELIGIBLE, OfferReason.NOT_TARGETED
    assert await reasons(sessions, tenant) == {"all": eligible, "admins": kept_out}
    assert await reasons(sessions, tenant, role="admin") == {
        "all": eligible,
        "admins": eligible,
    }
    assert await claim(sessions, tenant)
    assert (await reasons(sessions, tenant))["all"] is OfferReason.SHOWN_RECENTLY
    async with sessions.begin() as session:
        await submit(
            session,
            project_id=tenant.project_id,
            environment_id=tenant.environment_id,
            survey_key="all",
            submission=Submission("s1", 1, {"score": 9}, completed=True, subject=ANN),
        )
    assert (await reasons(sessions, tenant))["all"] is OfferReason.ANSWERED


async def test_of_many_tabs_one_shows_it(sessions: Sessions, tenant: Tenant) -> None:
    async with sessions.begin() as session:
        await published(session, tenant, SCORE, key="all")
    claimed = await asyncio.gather(*(claim(sessions, tenant) for _ in range(20)))
    assert sum(claimed) == 1
