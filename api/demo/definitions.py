"""What the demo's people set up: projects, codebook, survey and experiments."""

import secrets
from uuid import UUID

from api.demo.clock import HistoryClock
from api.demo.plan import (
    DRAFT,
    EXPERIMENTS,
    METRICS,
    OTHERS,
    DemoExperiment,
    draft,
)
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
from experiments.errors import ExperimentUnknown
from experiments.lifecycle import DecisionOutcome, ExperimentStatus
from experiments.service.change import Intent
from experiments.service.reporting import report_of
from experiments.shipping.agreement import is_known, unresolved
from experiments.treatments import TreatmentKind
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
    every = (*EXPERIMENTS, *OTHERS)
    for planned in sorted(every, key=lambda e: e.exposed_from):
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
            session, Intent.on(drafted, actor), environment_id=environment.id
        )
    stopped = [e for e in every if e.stopped_on is not None]
    for planned in sorted(stopped, key=lambda e: e.stopped_on or 0):
        await _stop(session, planned, actor, clock)


async def today(session: AsyncSession, actor: Actor) -> None:
    """What the demo's people made of what was found, and what they are writing now.

    Decisions wait for results. The draft is not part of the history: workers gather the
    evidence for it once the server runs.
    """
    for planned in (*EXPERIMENTS, *OTHERS):
        if planned.decision is not None:
            await _decide(session, planned, planned.decision, actor)
    try:
        await queries.experiment_by_key(session, project_id=PROJECT_ID, key=DRAFT)
    except ExperimentUnknown:
        await service.draft(
            session,
            project_id=PROJECT_ID,
            actor=actor,
            key=DRAFT,
            treatment=TreatmentKind.FEATURE,
            changes=draft(),
        )


def seeds() -> dict[str, str]:
    """The seed that each experiment will split people by."""
    every = (*EXPERIMENTS, *OTHERS)
    return {e.key: phase_seed(PROJECT_ID, e.key, 1) for e in every}


async def has_experiments(session: AsyncSession) -> bool:
    """Whether the experiments were written down before."""
    metrics = await queries.metrics_by_keys(
        session, project_id=PROJECT_ID, keys=METRICS
    )
    return bool(metrics)


async def _stop(
    session: AsyncSession, planned: DemoExperiment, actor: Actor, clock: HistoryClock
) -> None:
    experiment = await queries.experiment_by_key(
        session, project_id=PROJECT_ID, key=planned.key
    )
    clock.move(planned.stopped_on or 0)
    enough = planned.exposed_users is None
    await service.stop(
        session,
        Intent.on(experiment, actor),
        reason="Everybody who was planned has been observed."
        if enough
        else "The page is being redesigned.",
    )


async def _decide(
    session: AsyncSession, planned: DemoExperiment, outcome: DecisionOutcome, by: Actor
) -> None:
    experiment = await queries.experiment_by_key(
        session, project_id=PROJECT_ID, key=planned.key
    )
    if experiment.status is not ExperimentStatus.STOPPED:
        return
    phase = await queries.current_phase(session, experiment.id)
    report = await report_of(session, phase.id)
    variant = planned.variants[1].key if outcome is DecisionOutcome.SHIP else None
    if variant is not None and not is_known(report, variant):
        return
    unknown = () if variant is None else unresolved(report, variant)
    accepted = tuple((key, "At worst a few more questions.") for key in unknown)
    await service.decide(
        session,
        Intent.on(experiment, by),
        outcome=outcome,
        note=planned.note,
        variant_key=variant,
        reservations=service.Reservations(acceptances=accepted),
    )
