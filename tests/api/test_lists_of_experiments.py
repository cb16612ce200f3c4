"""A list of experiments takes as many queries as one, whatever is asked of each."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type
from sqlalchemy import event

from api.graphql.schema import GRAPHQL
from core.audit import Actor, ActorKind
from core.database import AsyncSession
from core.ids import new_id
from core.subjects import SubjectKind
from experiments import service
from experiments.drafts import PrerequisiteSpec
from experiments.governance.ramps import RampStep
from experiments.lifecycle import DecisionOutcome
from experiments.plan import HarmAction
from experiments.service.shipping import ShipPlan
from tests.api.conftest import Edge
from tests.experiments.company import Company, step
from tests.experiments.governance import people
from tests.experiments.shipping import concluded

pytestmark = pytest.mark.stores

FIELDS = (
    "allowedTransitions",
    "steps { step allowed obstacle }",
    "review { number approvals assessments { note } }",
    "schedule { status dueAt }",
    "ramp { status steps { coverage } holds { reason } }",
    "alarms(first: 2) { edges { node { sentence } } pageInfo { hasNextPage } }",
    "invalidation { reason }",
    "launchChecks { code }",
    "launchReadiness { items { code status } }",
    "launchNotes { supportBriefed }",
    "phases { reviewed governance scheduledFor }",
    "decisionRecord { outcome }",
    "memo { version parts { question } }",
    "memoVersions(first: 2) { edges { node { version } } pageInfo { hasNextPage } }",
    "shipment { share remeasures { day } }",
    "overrides(first: 1) { edges { node { subjectId } } pageInfo { hasNextPage } }",
    "overlaps { experimentKey }",
    "power { total }",
    "layer { ranges { start } }",
    "prerequisites { experimentKey }",
    "plan { stopping }",
    "owner { name }",
    "hypothesis { statement }",
    "decision { outcome }",
    "variants { key value payload { __typename } }",
    "metrics { role metric { key } }",
    "results { headline }",
    "resultsHistory(first: 1) { edges { node { headline } } }",
)
SEGMENT = {"plan": {"$in": ["free"]}}
STEPS = (RampStep(0.1), RampStep(1.0))


@pytest.fixture
def statements(edge: Edge) -> Iterator[list[str]]:
    """What is sent to the facts database."""
    sent: list[str] = []
    engine = edge.database.engine.sync_engine

    def note(*given: Any) -> None:
        sent.append(given[2])

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


async def one_of_each(session: AsyncSession, company: Company, place: int) -> None:
    """One in review, one under way with alarms, and one that is shipped."""
    targeting = {"$savedGroup": {"id": f"segment-{place}"}}
    await service.create_segment(
        session,
        project_id=company.project_id,
        actor=company.actor,
        key=f"segment-{place}",
        name="Some",
        spec=service.SegmentSpec(condition=SEGMENT),
    )
    running = await company.draft(session, f"running-{place}")
    running = await service.plan_ramp(session, step(company, running), steps=STEPS)
    environment: dict[str, Any] = {"environment_id": company.environment_id}
    phase = await service.start(session, step(company, running), **environment)
    for subject in ("one", "two"):
        await service.override(
            session,
            project_id=company.project_id,
            experiment_id=running.id,
            actor=company.actor,
            kind=SubjectKind.USER,
            subject_id=subject,
            variant="short",
            reason="To see it.",
            **environment,
        )
    alarms = tuple(
        people.harm(key, HarmAction.ALERT, phase) for key in ("paid", "revenue")
    )
    await people.show(
        session, phase, people.report(phase, alarms=alarms, split=people.BROKEN)
    )
    assert await service.act_on_alarms(session, phase.id) == len(alarms) + 1
    waiting = await company.draft(
        session,
        f"waiting-{place}",
        targeting=targeting,
        prerequisites=[PrerequisiteSpec(running.key, ["short"])],
    )
    await service.submit(session, step(company, waiting))
    shipped = await company.draft(session, f"shipped-{place}")
    phase = await service.start(session, step(company, shipped), **environment)
    shipped = await service.stop(session, step(company, shipped), reason="Enough.")
    await concluded.show(session, phase, concluded.report())
    for _ in range(2):
        await service.generate_memo(
            session,
            project_id=company.project_id,
            experiment_id=shipped.id,
            actor=company.actor,
        )
    shipped = await service.decide(
        session,
        step(company, shipped),
        outcome=DecisionOutcome.SHIP,
        note="It works.",
        variant_key="short",
    )
    await concluded.ship(session, company, shipped, ShipPlan("short", steps=()))


def test_no_field_is_left_out() -> None:
    kind = GRAPHQL.type_map["Experiment"]
    assert isinstance(kind, GraphQLObjectType)
    parts = {
        name
        for name, field in kind.fields.items()
        if not is_leaf_type(get_named_type(field.type))
    }
    asked = {re.match(r"\w+", field).group() for field in FIELDS}  # type: ignore[union-attr]
    assert parts <= asked


async def test_every_field_is_read_together(edge: Edge, statements: list[str]) -> None:
    actor = Actor(ActorKind.MEMBER, new_id(), "ann")
    company = Company(edge.tenant.project.id, edge.tenant.environment.id, actor)
    async with edge.database.sessions.begin() as session:
        await company.metrics(session)
    counted: dict[str, list[int]] = {field: [] for field in FIELDS}
    answers: dict[str, Any] = {}
    for place in range(3):
        async with edge.database.sessions.begin() as session:
            await one_of_each(session, company, place)
        for field in FIELDS:
            document = "{ experiments(first: 50) { edges { node { key %s } } } }"
            needed = []
            # Whoever asks is looked up now and then: that is no part of the answer.
            for _ in range(3):
                statements.clear()
                answer = await edge.ask(document % field)
                assert "errors" not in answer, answer
                needed.append(len(statements))
            counted[field].append(min(needed))
            answers[field] = answer["data"]["experiments"]["edges"]
    grown = {field: found for field, found in counted.items() if found[1] != found[2]}
    assert grown == {}
    for field, name, total in (
        (FIELDS[5], "alarms", 3),
        (FIELDS[13], "memoVersions", 3),
        (FIELDS[15], "overrides", 1),
    ):
        pages = [each["node"][name] for each in answers[field]]
        full = [page for page in pages if page["edges"]]
        assert [len(page["edges"]) for page in full] == [min(total, 2)] * 3
        assert all(page["pageInfo"]["hasNextPage"] for page in full)
