"""Every mutation of the schema, sent again and sent otherwise under the same key.

A mutation that is added without a case here fails the last test.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.graphql.ids import global_id
from api.graphql.schema import GRAPHQL
from core.database import Database
from core.delivery import Delivery, DeliveryStatus, Endpoint
from core.ids import new_id
from core.settings import Settings
from core.tenancy import Role
from experiments import queries, service
from experiments.analysis.models import CurrentSnapshot
from experiments.analysis.results import Outcome
from experiments.events.log import open_log
from experiments.models import Experiment, Phase
from experiments.plan import HarmAction
from feedback import backlog, tags
from tests.api.conftest import make_edge
from tests.api.experiments import DRAFT
from tests.api.governance import member
from tests.api.replays import Replays
from tests.api.surveys import ANSWERS
from tests.conftest import StoreUrls
from tests.experiments.governance import people
from tests.experiments.shipping import concluded

pytestmark = pytest.mark.stores

ITEMS = {"trackEvents", "recordExposures"}
"""Their items have ids of their own, and get a verdict anew each time."""
PAID = {"name": "Paid", "kind": "CONVERSION", "eventName": "paid"}
QUESTION = {"key": "score", "kind": "NPS", "prompt": "Would you recommend us?"}
TEXT = {"key": "why", "kind": "TEXT", "prompt": "Why?"}
HERE = {"key": "short-form"}
THREE = [
    {
        "key": key,
        "weight": weight,
        "isControl": not n,
        "payload": {"feature": {"value": n}},
    }
    for n, (key, weight) in enumerate((("a", 0.4), ("b", 0.3), ("c", 0.3)))
]


@pytest.fixture
async def replays(
    database: Database, settings: Settings, store_urls: StoreUrls
) -> AsyncIterator[Replays]:
    """An administrator who does everything twice."""
    log = open_log(store_urls.events)
    await log.open()
    async with make_edge(database, settings, log=log) as edge:
        yield Replays(await member(edge, Role.ADMIN, "ada"))
    await log.close()


async def metrics(replays: Replays) -> dict[str, Any]:
    """Two metrics; the answer of the first."""
    made = [
        await replays.once("createMetric", key=key, direction="INCREASE", **PAID)
        for key in ("paid", "revenue")
    ]
    return dict(made[0])


async def drafted(replays: Replays, key: str = "short-form", **changes: Any) -> None:
    """A draft with nothing left to do."""
    given = {name: each for name, each in DRAFT.items() if name != "idempotencyKey"}
    guardrail = {"metricKey": "revenue", "role": "GUARDRAIL"}
    measured = [*given["metrics"], guardrail]
    given |= {"key": key, "metrics": measured, **changes}
    await replays.once("createExperiment", **given)


async def phase_of(replays: Replays, key: str) -> tuple[Experiment, Phase]:
    """An experiment with its phase."""
    edge = replays.person.edge
    async with edge.database.readers() as session:
        row = await queries.experiment_by_key(
            session, project_id=edge.tenant.project.id, key=key
        )
        return row, await queries.current_phase(session, row.id)


async def the_company(replays: Replays) -> None:
    """Environments, keys, people, the project, documents, subjects."""
    staging = await replays.once("createEnvironment", key="staging", name="Staging")
    place = {"id": staging["environment"]["id"], "expectedVersion": 1}
    listed = ["https://app.example.com"]
    await replays.once("updateEnvironment", **place, allowedOrigins=listed)
    made = await replays.once("createApiKey", name="ci", kind="SERVER", role="EDITOR")
    key = made.get("apiKey") or made["key"]
    await replays.once("revokeApiKey", id=key["id"])
    came = await replays.once("inviteMember", email="bob@acme.test", role="REVIEWER")
    await replays.once("removeMember", id=came["member"]["id"])
    await replays.once("updateProject", expectedVersion=1, name="Acme")
    kept = await replays.once("registerDocument", text="query { project { name } }")
    await replays.once("removeDocument", sha256=kept["document"]["sha256"])
    await replays.once("rotateSubjectSecret")
    await replays.once("identify", subject={"userId": "u1"})
    await replays.once("linkIdentity", anonymousId="a1", userId="u1")


async def webhooks(replays: Replays) -> None:
    """A receiver, and a message that it never took."""
    made = await replays.once(
        "createWebhookEndpoint",
        url="https://93.184.216.34/hook",
        kinds=["backlog_item.created"],
    )
    local = made["endpoint"]["id"]
    await replays.once("setWebhookEndpointEnabled", id=local, enabled=False)
    edge = replays.person.edge
    async with edge.database.sessions.begin() as session:
        endpoint = Endpoint(
            project_id=edge.tenant.project.id,
            url="https://93.184.216.34/2",
            secret="whsec_x",
            kinds=["backlog_item.created"],
            created_at=datetime.now(UTC),
        )
        session.add(endpoint)
        await session.flush()
        dead = Delivery(
            project_id=edge.tenant.project.id,
            endpoint_id=endpoint.id,
            source_id=new_id(),
            kind="backlog_item.created",
            payload={},
            status=DeliveryStatus.DEAD,
            run_at=datetime.now(UTC),
            created_at=datetime.now(UTC),
        )
        session.add(dead)
        await session.flush()
        dead_id = global_id("WebhookDelivery", dead.id)
    await replays.once("replayWebhookDelivery", id=dead_id)


async def populations(replays: Replays) -> None:
    """Layers, holdouts, segments, kill switches."""
    layer = (await replays.once("createLayer", key="page"))["layer"]
    await replays.once("renameLayer", id=layer["id"], expectedVersion=1, name="Page")
    await replays.once("archiveLayer", id=layer["id"], expectedVersion=2)
    holdout = (await replays.once("createHoldout", key="q3", share=0.05))["holdout"]
    await replays.once(
        "endHoldout", id=holdout["id"], expectedVersion=1, reason="It is over."
    )
    listed = {"attribute": "plan", "values": ["free"]}
    segment = (await replays.once("createSegment", key="free", **listed))["segment"]
    await replays.once(
        "updateSegment", id=segment["id"], expectedVersion=1, name="Free plan"
    )
    await replays.once("archiveSegment", id=segment["id"], expectedVersion=2)
    thrown = await replays.once("throwKillSwitch", scope="ALL", reason="Errors.")
    await replays.once(
        "releaseKillSwitch", id=thrown["killSwitch"]["id"], reason="Mended."
    )


async def agreeing(replays: Replays) -> None:
    """From a metric to a start, with everything on the way."""
    made = await metrics(replays)
    changed = PAID | {"windowDays": 14, "direction": "INCREASE"}
    await replays.once(
        "updateMetric", id=made["metric"]["id"], expectedVersion=1, **changed
    )
    spare = await replays.once("createMetric", key="x", direction="INCREASE", **PAID)
    await replays.once("archiveMetric", id=spare["metric"]["id"], expectedVersion=1)
    await drafted(replays)
    change, key = replays.experiment, "short-form"
    await change("updateExperiment", key, plannedUnits=2_000)
    await change("noteLaunch", key, expectedVersion=0, decider="Ada")
    await change(
        "planRamp",
        key,
        steps=[
            {"coverage": 0.2},
            {"coverage": 0.4, "needsApproval": True},
            {"coverage": 1.0},
        ],
    )
    await change("submitForReview", key)
    await change("withdrawReview", key)
    await change("submitForReview", key)
    await change("reviewExperiment", key, verdict="APPROVE")
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    await change("scheduleExperiment", key, startAt=f"{day}T09:00")
    await change("unscheduleExperiment", key)
    await change("startExperiment", key)


async def template(replays: Replays) -> None:
    """A draft of a template, of which an item is let pass and is not."""
    await replays.once(
        "createExperimentFromTemplate",
        template="FEATURE",
        key="button",
        metric="paid",
        minimumEffect=0.02,
    )
    item = {"item": "METRICS"}
    await replays.experiment("waiveReadinessItem", "button", reason="By hand.", **item)
    await replays.experiment("withdrawReadinessWaiver", "button", **item)


async def running(replays: Replays) -> None:
    """What is done to one that runs, until it is stopped."""
    change, key = replays.experiment, "short-form"
    await change("approveRampStep", key, step=2)
    await change("raiseCoverage", key, coverage=0.5)
    named = await change(
        "overrideAssignment", key, subjectId="qa", variant="short", reason="QA"
    )
    await replays.once("removeOverride", id=named["override"]["id"], reason="Done.")
    await change("pauseExperiment", key, mode="PAUSE_ENROLMENT", reason="Holidays.")
    await change("resumeExperiment", key)
    await change("startNewPhase", key, coverage=0.4, reason="Less risk.")
    _, phase = await phase_of(replays, key)
    edge = replays.person.edge
    async with edge.database.sessions.begin() as session:
        rings = people.harm("revenue", HarmAction.ALERT, phase)
        await people.show(session, phase, people.report(phase, alarms=(rings,)))
        assert await service.act_on_alarms(session, phase.id) == 1
    asked = """query ($key: String!) { experiment(by: {key: $key}) {
      alarms { edges { node { id } } } } }"""
    answer = await replays.person.ask(asked, key=key)
    found = answer["data"]["experiment"]["alarms"]["edges"]
    await replays.once("dismissAlarm", id=found[0]["node"]["id"], reason="A bug.")
    await drafted(replays, "three", variants=THREE)
    await change("startExperiment", "three")
    await change("dropVariant", "three", variant="b", reason="Support is flooded.")
    await change("stopExperiment", key, reason="Enough.")


async def shipping(replays: Replays) -> None:
    """From the memo to the archive."""
    change, key, edge = replays.experiment, "short-form", replays.person.edge
    _, phase = await phase_of(replays, key)
    async with edge.database.sessions.begin() as session:
        shown = await session.get_one(CurrentSnapshot, phase.id)
        await session.delete(shown)
        await session.flush()
        await concluded.show(session, phase, concluded.report(matured=2_000))
    await change("generateMemo", key)
    await change("editMemo", key, expectedVersion=1, usersNotice="A shorter form.")
    decision = {"decision": "SHIP", "variant": "short"}
    await change("approveDecision", key, memoVersion=2, reason="Yes.", **decision)
    await change("decideExperiment", key, note="It works.", **decision)
    plan = {"variant": "short", "holdback": 0.05}
    seen = await change("previewShip", key, **plan)
    await change("shipVariant", key, token=seen["token"], **plan)
    await change("holdRollout", key, reason="Wait for support.")
    await change("advanceRollout", key)
    await change("rollBack", key, reason="Support is flooded.")
    await change("archiveExperiment", key, referencesGone=True)


async def elsewhere(replays: Replays) -> None:
    """An import, results that are INVALID, and an experiment that is."""
    change, edge = replays.experiment, replays.person.edge
    await drafted(replays, "import")
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    await change("startImport", "import", since=since)
    await change("finishImport", "import", units=100)
    await drafted(replays, "broken")
    await change("startExperiment", "broken")
    _, phase = await phase_of(replays, "broken")
    async with edge.database.sessions.begin() as session:
        said = concluded.report(outcome=Outcome.INVALID)
        await concluded.show(session, phase, said)
    found = await replays.person.ask(
        '{ experiment(by: {key: "broken"}) { results { id } } }'
    )
    shown = found["data"]["experiment"]["results"]["id"]
    await replays.once(
        "acknowledgeInvalidResults", snapshotId=shown, reason="We know why."
    )
    await change("invalidateExperiment", "broken", reason="A bug in the SDK.")


async def surveys(replays: Replays) -> None:
    """A survey from its draft to its end."""
    whole = {"title": "Why", "questions": [QUESTION, TEXT]}
    made = (await replays.once("createSurvey", key="nps-why", **whole))["survey"]

    async def change(name: str, **values: Any) -> None:
        nonlocal made
        given = {"id": made["id"], "expectedVersion": made["version"], **values}
        made = (await replays.once(name, **given))["survey"]

    await change("updateSurvey", **whole | {"title": "Why?"})
    await change("publishSurvey")
    answers = {name: each for name, each in ANSWERS.items() if name != "idempotencyKey"}
    await replays.once("submitResponse", **answers)
    subject = {"userId": "u9"}
    await replays.once("claimSurveyDisplay", surveyKey="nps-why", subject=subject)
    for name in ("pauseSurvey", "resumeSurvey", "closeSurvey"):
        await change(name)


async def voices(replays: Replays) -> None:
    """Comments with tags and rules, insights and the backlog."""
    await replays.once("createTag", slug="cart", name="Cart")
    await replays.once("createTagRule", tag="cart", phrases=["the cart"])
    body = "I cannot find the cart"
    said = await replays.once("recordFeedback", body=body, source="API")
    await replays.once("tagFeedback", feedbackId=said["feedbackId"], tag="cart")
    items = [{"body": f"{body}, really", "source": "IMPORT", "externalId": "1"}]
    await replays.once("importFeedback", items=items)
    await suggested(replays)
    await replays.once("createThresholdRule", name="many", minimum=5, windowDays=7)
    rule = {"name": "all", "title": "{statement}", "condition": {"kind": "MANUAL"}}
    await replays.once("createRoutingRule", **rule)
    await replays.once("createInsight", statement="The cart is hidden.")
    await routed(replays)
    asked = "{ backlogItems { edges { node { id version } } } }"
    found = await replays.person.ask(asked)
    item = found["data"]["backlogItems"]["edges"][0]["node"]
    await replays.once(
        "transitionBacklogItem",
        id=item["id"],
        expectedVersion=item["version"],
        to="TRIAGED",
    )


async def suggested(replays: Replays) -> None:
    """Judge what the rule found in a comment that nobody has tagged."""
    async with replays.person.edge.database.sessions.begin() as session:
        for comment in await tags.take_unread(session, limit=10):
            await tags.suggest_tags(session, comment)
    asked = "{ tagSuggestions { edges { node { id } } } }"
    found = (await replays.person.ask(asked))["data"]["tagSuggestions"]["edges"]
    await replays.once("reviewTagSuggestions", accept=[found[0]["node"]["id"]])


async def routed(replays: Replays) -> None:
    """Send the insight to the backlog, as a worker does."""
    async with replays.person.edge.database.sessions.begin() as session:
        for insight in await backlog.take_unrouted(session, limit=10):
            await backlog.route(session, insight)


STORIES = (
    the_company,
    webhooks,
    populations,
    agreeing,
    template,
    running,
    shipping,
    elsewhere,
    surveys,
    voices,
)


async def test_every_mutation_is_done_once_however_often_it_is_sent(
    replays: Replays,
) -> None:
    for story in STORIES:
        await story(replays)
    assert GRAPHQL.mutation_type is not None
    assert set(GRAPHQL.mutation_type.fields) - ITEMS == set(replays.done)
    assert replays.unchangeable == []
