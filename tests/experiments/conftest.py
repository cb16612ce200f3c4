"""Fixtures of the experiments domain."""

import pytest

from core.database import Sessions
from tests.conftest import Tenant
from tests.experiments.company import Company


@pytest.fixture
async def company(sessions: Sessions, tenant: Tenant) -> Company:
    """A project with two metrics."""
    company = Company(tenant.project_id, tenant.environment_id, tenant.actor)
    async with sessions.begin() as session:
        await company.metrics(session)
    return company
