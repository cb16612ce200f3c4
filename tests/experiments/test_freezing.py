"""What a start writes down, what its hash covers, and how old designs read."""

from dataclasses import replace
from typing import Any

import pytest

from core.database import AsyncSession, Sessions
from experiments import service
from experiments.design import MetricRole, design_hash
from experiments.drafts import MeasureSpec
from experiments.freezing import design_of
from experiments.models import Phase
from experiments.treatments import TreatmentKind
from tests.experiments.company import Company, step

pytestmark = pytest.mark.stores

NEWER = {"treatment", "targeting", "imported", "eligibility"}
"""Parts of a design that earlier ones were stored without."""


async def begun(session: AsyncSession, company: Company, **changes: Any) -> Phase:
    """A draft with these changes, started."""
    experiment = await company.draft(session, **changes)
    return await service.start(
        session,
        step(company, experiment),
        environment_id=company.environment_id,
    )


async def test_everything_that_is_registered_is_in_the_hash(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        phase = await begun(
            session,
            company,
            targeting={"plan": "free"},
            measures=(
                MeasureSpec("paid", MetricRole.PRIMARY),
                MeasureSpec("revenue", MetricRole.GUARDRAIL, margin=2.5),
            ),
        )
    design = design_of(phase)
    control, treatment = design.arms
    paid, revenue = design.metrics
    assert (design.treatment, revenue.margin) == (TreatmentKind.FEATURE, 2.5)
    assert design.targeting == {"plan": "free"}
    assert [arm.payload for arm in design.arms] == [{"value": 9}, {"value": 3}]
    others = (
        replace(design, targeting=None),
        replace(design, treatment=TreatmentKind.FREEMIUM_LIMIT),
        replace(design, arms=(control, replace(treatment, payload={"value": 4}))),
        replace(design, metrics=(paid, replace(revenue, margin=3.0))),
    )
    hashes = {design_hash(other) for other in others}
    assert len(hashes | {design_hash(design)}) == 5
    history = replace(design, imported=True, finished_import=True)
    assert design_hash(history) == design_hash(design) == phase.design_hash


async def test_a_design_written_before_a_part_was_frozen_still_reads(
    sessions: Sessions, company: Company
) -> None:
    async with sessions.begin() as session:
        phase = await begun(session, company)
        old = {k: v for k, v in phase.design.items() if k not in NEWER}
        arms = [{k: v for k, v in a.items() if k != "payload"} for a in old["arms"]]
        metrics = [
            {k: v for k, v in m.items() if k != "margin"} for m in old["metrics"]
        ]
        phase.design = {**old, "arms": arms, "metrics": metrics}
        design = design_of(phase)
    assert (design.treatment, design.targeting) == (None, None)
    assert design.eligibility is None
    assert design.primary.key == "paid"
