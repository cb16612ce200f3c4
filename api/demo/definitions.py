"""What the demo's people set up: projects, codebook, survey and experiments."""

import secrets
from uuid import UUID

from api.demo.clock import HistoryClock
from api.demo.plan import EXPERIMENTS, METRICS, DemoExperiment
from core.audit import Actor, ActorKind
from core.database import AsyncSession
from core.tenancy import (
    Environment,
    Member,
    Project,
    Role,
    create_project,
    environment_by_key,
    invite,
    project_by_key,
)
from experiments import queries, service
from experiments.assignment.seeds import phase_seed
from experiments.lifecycle import DecisionOutcome
from feedback import rules, tags
from feedback.tags import NewRule
from surveys import service as surveys
from surveys.questions import Choice, Question, QuestionKind
from surveys.service import SurveyChange

PROJECT, PROJECT_ID = "lumen", UUID("01900000-0000-7000-8000-000000000001")
SECOND, SECOND_ID = "arcade", UUID("01900000-0000-7000-8000-000000000002")
ADMIN_EMAIL = "ada@lumen.example"
SURVEY = "nps-why"

PHRASES = {
    "export": ("Export", ("export*",), True),
    "limit": ("Report limit", ("report limit", "limit on reports", "the limit"), False),
    "setup": ("Set-up", ("set-up", "setting up", "getting started"), False),
    "speed": ("Speed", ("slow", "takes ages"), False),
    "sharing": ("Sharing", ("share*",), False),
    "billing": ("Billing", ("invoice", "our card", "price per seat"), False),
}
"""Tags by slug: the name, the phrases, and whether a match is accepted at once."""


async def tenants(session: AsyncSession) -> tuple[Project, Environment]:
    """Both projects with their rules and people; the first one is the company's."""
    for key, name, project_id in (
        (PROJECT, "Lumen Reports", PROJECT_ID),
        (SECOND, "Arcade", SECOND_ID),
    ):
        if await project_by_key(session, key) is None:
            await create_project(
                session,
                key=key,
                name=name,
                secret=secrets.token_urlsafe(32),
                project_id=project_id,
            )
            await rules.bootstrap(session, project_id)
            await invite(
                session,
                project_id=project_id,
                email=ADMIN_EMAIL,
                name="Ada",
                role=Role.ADMIN,
            )
    project = await session.get_one(Project, PROJECT_ID)
    environment = await environment_by_key(session, PROJECT_ID, "production")
    if environment is None:
        raise LookupError("The demo's project has lost its environment.")
    return project, environment


def person(member: Member) -> Actor:
    """A member as the one who acts."""
    return Actor(ActorKind.MEMBER, member.id, member.name)


async def codebook(session: AsyncSession, actor: Actor) -> None:
    """The tags, and the phrases that suggest them."""
    for slug, (name, phrases, accepts) in PHRASES.items():
        await tags.create_tag(
            session, project_id=PROJECT_ID, actor=actor, slug=slug, name=name
        )
        await tags.create_tag_rule(
            session,
            project_id=PROJECT_ID,
            actor=actor,
            slug=slug,
            rule=NewRule(phrases=phrases, accepts=accepts),
        )


async def survey(session: AsyncSession, actor: Actor) -> None:
    """How likely people are to recommend the product, and why."""
    choices = tuple(Choice(slug, name) for slug, (name, _, _) in PHRASES.items())
    questions = (
        Question(
            "score",
            QuestionKind.NPS,
            "How likely are you to recommend Lumen Reports to a colleague?",
            required=True,
        ),
        Question(
            "topics",
            QuestionKind.MULTI,
            "What should we work on first?",
            choices=choices,
            show_if={"score": {"$lte": 6}},
        ),
        Question("why", QuestionKind.TEXT, "What is the main reason for your score?"),
    )
    drafted = await surveys.draft(
        session,
        project_id=PROJECT_ID,
        actor=actor,
        key=SURVEY,
        change=SurveyChange("Would you recommend us?", questions, None, 90),
    )
    await surveys.publish(
        session,
        project_id=PROJECT_ID,
        survey_id=drafted.id,
        actor=actor,
        expected_version=drafted.version,
    )


async def experiments(
    session: AsyncSession, environment: Environment, actor: Actor, clock: HistoryClock
) -> None:
    """Metrics and experiments, each step on its day of the history."""
    for key, spec in METRICS.items():
        await service.define_metric(
            session, project_id=PROJECT_ID, actor=actor, key=key, spec=spec
        )
    for planned in sorted(EXPERIMENTS, key=lambda e: e.exposed_from):
        clock.move(planned.exposed_from - 1)
        drafted = await service.draft(
            session,
            project_id=PROJECT_ID,
            actor=actor,
            key=planned.key,
            treatment=planned.treatment,
            changes=planned.changes(),
        )
        clock.move(planned.exposed_from)
        await service.start(
            session,
            project_id=PROJECT_ID,
            environment_id=environment.id,
            experiment_id=drafted.id,
            expected_version=drafted.version,
            actor=actor,
        )
    stopped = [e for e in EXPERIMENTS if e.stopped_on is not None]
    for planned in sorted(stopped, key=lambda e: e.stopped_on or 0):
        await _conclude(session, planned, actor, clock)


def seeds() -> dict[str, str]:
    """The seed that each experiment will split people by."""
    return {e.key: phase_seed(PROJECT_ID, e.key, 1) for e in EXPERIMENTS}


async def has_experiments(session: AsyncSession) -> bool:
    """Whether the experiments were written down before."""
    metrics = await queries.metrics_by_keys(
        session, project_id=PROJECT_ID, keys=METRICS
    )
    return bool(metrics)


async def _conclude(
    session: AsyncSession, planned: DemoExperiment, actor: Actor, clock: HistoryClock
) -> None:
    experiment = await queries.experiment_by_key(
        session, project_id=PROJECT_ID, key=planned.key
    )
    clock.move(planned.stopped_on or 0)
    stopped = await service.stop(
        session,
        project_id=PROJECT_ID,
        experiment_id=experiment.id,
        expected_version=experiment.version,
        actor=actor,
        reason="Everybody who was planned has been observed.",
    )
    if planned.decided_on is None:
        return
    clock.move(planned.decided_on)
    await service.decide(
        session,
        project_id=PROJECT_ID,
        experiment_id=experiment.id,
        expected_version=stopped.version,
        actor=actor,
        outcome=DecisionOutcome.SHIP,
        note="More carts are finished, and nobody asks for help more often.",
        variant_key=planned.variants[1].key,
    )
