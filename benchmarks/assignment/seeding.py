"""A data folder of running experiments, of which a subject qualifies for some."""

from pathlib import Path
from typing import Any

from core import keys, migrate, tenancy
from core.audit import Actor, ActorKind
from core.database import AsyncSession, Database
from core.documents import register
from core.keys import KeyKind
from core.settings import Settings
from core.tenancy import Role
from experiments import service
from experiments.design import Direction, MetricKind, MetricRole
from experiments.drafts import Changes, HypothesisSpec, MeasureSpec, VariantSpec
from experiments.measurement import MetricSpec
from experiments.service.change import Intent
from experiments.treatments import TreatmentKind

QUALIFYING = 20


async def seed(folder: Path, experiments: int, document: str) -> str:
    """Fill a folder; returns a client key. Twenty of them target whoever is asked."""
    database = Database(Settings(data_dir=folder).facts_url)
    try:
        await migrate.upgrade(database)
        async with database.sessions.begin() as session:
            key = await _start(session, experiments, document)
    finally:
        await database.dispose()
    return key


async def _start(session: AsyncSession, experiments: int, document: str) -> str:
    project, environment = await tenancy.create_project(
        session, key="bench", name="Bench", secret="s" * 32
    )
    actor = Actor(ActorKind.OPERATOR, None, "benchmark")
    issued = await keys.issue(
        session,
        environment_id=environment.id,
        kind=KeyKind.CLIENT,
        role=Role.VIEWER,
        name="browser",
    )
    await register(session, environment_id=environment.id, text=document)
    await service.define_metric(
        session,
        project_id=project.id,
        actor=actor,
        key="paid",
        spec=MetricSpec(
            name="Paid",
            kind=MetricKind.CONVERSION,
            event_name="paid",
            direction=Direction.INCREASE,
        ),
    )
    for number in range(experiments):
        drafted = await service.draft(
            session,
            project_id=project.id,
            actor=actor,
            key=f"experiment-{number:04}",
            treatment=TreatmentKind.FEATURE,
            changes=_changes(number),
        )
        await service.start(
            session, Intent.on(drafted, actor), environment_id=environment.id
        )
    return issued.text


def _changes(number: int) -> Changes:
    targeting: dict[str, Any] = {"plan": "free", "country": {"$in": ["NO", "SE", "DK"]}}
    if number >= QUALIFYING:
        targeting = {"segment": f"segment-{number}"}
    return Changes(
        name=f"Experiment {number}",
        hypothesis=HypothesisSpec("More pay.", "paid", Direction.INCREASE, 0.01),
        variants=[
            VariantSpec(key, key, 0.5, key == "control", {"value": {"text": key}})
            for key in ("control", "treatment")
        ],
        measures=[MeasureSpec("paid", MetricRole.PRIMARY)],
        targeting=targeting,
        planned_units=10_000,
    )
