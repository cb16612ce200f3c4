"""Reviews, schedules, ramps, alarms and the project's rules through the edge."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from core.tenancy import Governance, Role
from experiments import service
from experiments.models import Phase
from experiments.plan import HarmAction
from tests.api.conftest import Edge, make_tenant
from tests.api.governance import Person, drafted, govern, member, read, step
from tests.experiments.governance.people import harm, report, show

pytestmark = pytest.mark.stores

UPDATE_PROJECT = """mutation ($input: UpdateProjectInput!) {
  updateProject(input: $input) { __typename ... on ProjectPayload { replayed project {
    name timeZone currency governance version } }
  ... on Error { code message path } } }"""
DISMISS = """mutation ($input: DismissAlarmInput!) { dismissAlarm(input: $input) {
  __typename ... on AlarmPayload { replayed alarm { dismissedBy dismissal } }
  ... on Error { code message path } } }"""


async def team(edge: Edge, preset: Governance = Governance.TEAM) -> tuple[Person, ...]:
    """Somebody who writes and two who review, under these rules, with a draft."""
    await drafted(edge)
    await govern(edge, preset)
    return (
        await member(edge, Role.EDITOR, "eve"),
        await member(edge, Role.REVIEWER, "rob"),
        await member(edge, Role.REVIEWER, "rita"),
    )


def allowed(found: dict[str, Any]) -> set[str]:
    """The steps that the caller may take."""
    return {each["step"] for each in found["steps"] if each["allowed"]}


async def test_a_design_goes_through_review_to_its_start(edge: Edge) -> None:
    eve, rob, _ = await team(edge)
    refused = await eve.do("startExperiment")
    assert refused["__typename"] == "TransitionError"
    assert (refused["code"], refused["from"]) == ("NOT_APPROVED", "DRAFT")
    found = (await eve.do("submitForReview", note="The form."))["experiment"]
    assert (found["status"], found["review"]["required"]) == ("IN_REVIEW", 1)
    assert found["review"]["submittedBy"]["kind"] == "MEMBER"
    assert (await eve.do("reviewExperiment", verdict="APPROVE"))["code"] == "FORBIDDEN"
    key = await step(edge, "reviewExperiment", verdict="APPROVE")
    assert key["code"] == "FORBIDDEN"
    yes = await rob.do("reviewExperiment", verdict="APPROVE", note="Fine.")
    assert yes["experiment"]["status"] == "APPROVED"
    (said,) = yes["experiment"]["review"]["assessments"]
    assert (said["verdict"], said["note"], said["counts"]) == ("APPROVE", "Fine.", True)
    run = (await eve.do("startExperiment"))["experiment"]
    assert run["status"] == "RUNNING"
    (phase,) = run["phases"]
    assert (phase["reviewed"], phase["governance"]) == (True, "TEAM")
    assert phase["scheduledFor"] is None
    assert run["review"]["outcome"] == "STARTED"


async def test_a_reviewer_who_wrote_does_not_approve(edge: Edge) -> None:
    _, rob, rita = await team(edge)
    changed = await rob.do("updateExperiment", plannedUnits=2_000)
    assert changed["__typename"] == "ExperimentPayload", changed
    await rob.do("submitForReview")
    refused = await rob.do("reviewExperiment", verdict="APPROVE")
    assert (refused["__typename"], refused["code"]) == (
        "ConflictError",
        "SELF_APPROVAL",
    )
    agreed = await rita.do("reviewExperiment", verdict="APPROVE")
    assert agreed["experiment"]["status"] == "APPROVED"


async def test_an_edit_of_what_was_approved_leaves_one_audit_row(edge: Edge) -> None:
    eve, rob, _ = await team(edge)
    await eve.do("submitForReview")
    await rob.do("reviewExperiment", verdict="APPROVE")
    trail = "{ auditLog(first: 50) { edges { node { action before after } } } }"
    before = (await edge.ask(trail))["data"]["auditLog"]["edges"]
    found = await eve.do("updateExperiment", coverage=0.5)
    assert found["experiment"]["status"] == "IN_REVIEW"
    assert found["experiment"]["review"]["approvals"] == 0
    assert found["experiment"]["review"]["assessments"][0]["revokedAt"] is not None
    after = (await edge.ask(trail))["data"]["auditLog"]["edges"]
    (row,) = after[: len(after) - len(before)]
    assert row["node"]["action"] == "experiment.update"
    assert row["node"]["before"]["status"] == "APPROVED"
    assert row["node"]["after"]["status"] == "IN_REVIEW"


async def test_what_is_sent_back_says_why(edge: Edge) -> None:
    eve, rob, _ = await team(edge)
    await eve.do("submitForReview")
    refused = await rob.do("reviewExperiment", verdict="REQUEST_CHANGES")
    assert (refused["code"], refused["path"]) == ("REASON_MISSING", ["note"])
    back = await rob.do("reviewExperiment", verdict="REQUEST_CHANGES", note="Split?")
    assert back["experiment"]["status"] == "DRAFT"
    assert back["experiment"]["review"]["outcome"] == "CHANGES_REQUESTED"
    await eve.do("submitForReview")
    withdrawn = (await eve.do("withdrawReview"))["experiment"]
    assert withdrawn["status"] == "DRAFT"
    assert (withdrawn["review"]["number"], withdrawn["review"]["outcome"]) == (
        2,
        "WITHDRAWN",
    )


async def test_what_is_not_ready_is_not_submitted_and_names_it(edge: Edge) -> None:
    await drafted(edge, hypothesis=None)
    answer = await step(edge, "submitForReview")
    assert answer["__typename"] == "ChecklistError"
    assert answer["items"]


async def test_steps_say_what_the_caller_may_do_and_why_not(edge: Edge) -> None:
    eve, rob, _ = await team(edge)
    seen = await read(eve)
    assert {"SUBMIT", "ARCHIVE"} <= allowed(seen)
    obstacles = {each["step"]: each["obstacle"] for each in seen["steps"]}
    assert obstacles["START"] == "NOT_APPROVED"
    assert obstacles["STOP"] == "STATE"
    await eve.do("submitForReview")
    assert "APPROVE" not in allowed(await read(eve))
    assert "APPROVE" in allowed(await read(rob))
    by_key = {each["step"]: each for each in (await read(edge))["steps"]}
    assert by_key["APPROVE"]["obstacle"] == "ROLE"
    assert "sign in" in by_key["APPROVE"]["because"]
    assert seen["allowedTransitions"] == ["IN_REVIEW", "ARCHIVED"]


async def test_a_start_is_scheduled_by_the_projects_clock_and_given_up(
    edge: Edge,
) -> None:
    await drafted(edge)
    day = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    given = {"startAt": f"{day}T09:00", "timeZone": "Asia/Kolkata"}
    found = (await step(edge, "scheduleExperiment", **given))["experiment"]
    assert found["status"] == "SCHEDULED"
    assert found["schedule"]["localTime"] == f"{day}T09:00:00"
    assert found["schedule"]["dueAt"].startswith(f"{day}T03:30")
    assert found["allowedTransitions"] == ["DRAFT", "RUNNING"]
    back = (await step(edge, "unscheduleExperiment"))["experiment"]
    assert (back["status"], back["schedule"]["status"]) == ("DRAFT", "CANCELLED")
    for given, path in (
        ({"startAt": "2020-01-01T09:00"}, "startAt"),
        ({"startAt": f"{day}T09:00Z"}, "startAt"),
        ({"startAt": f"{day}T09:00", "timeZone": "Mars"}, "timeZone"),
    ):
        refused = await step(edge, "scheduleExperiment", **given)
        assert (refused["code"], refused["path"]) == ("SCHEDULE_INVALID", [path])


async def test_a_ramp_is_planned_shown_and_started(edge: Edge) -> None:
    await drafted(edge)
    steps = [
        {"coverage": 0.1, "holdHours": 24, "minimumUnits": 500},
        {"coverage": 0.25, "holdHours": 24, "minimumUnits": 500},
        {"coverage": 0.5, "needsApproval": True},
    ]
    falling = await step(edge, "planRamp", steps=steps[::-1])
    assert (falling["code"], falling["path"]) == (
        "RAMP_INVALID",
        ["steps", "1", "coverage"],
    )
    planned = (await step(edge, "planRamp", steps=steps))["experiment"]["ramp"]
    assert (planned["status"], planned["step"]) == ("PLANNED", None)
    assert [each["coverage"] for each in planned["steps"]] == [0.1, 0.25, 0.5]
    run = (await step(edge, "startExperiment"))["experiment"]
    assert (run["coverage"], run["phases"][0]["coverage"]) == (0.1, 0.1)
    assert (run["ramp"]["status"], run["ramp"]["step"]) == ("UNDER_WAY", 1)
    assert run["phases"][0]["reviewed"] is False
    key = await step(edge, "approveRampStep", step=3)
    assert key["code"] == "FORBIDDEN"
    rob = await member(edge, Role.REVIEWER, "rob")
    said = (await rob.do("approveRampStep", step=3, note="Go."))["experiment"]
    assert said["ramp"]["steps"][2]["approvedBy"] is not None
    refused = await rob.do("approveRampStep", step=2)
    assert refused["code"] == "RAMP_INVALID"


async def alarmed(edge: Edge, action: HarmAction) -> dict[str, Any]:
    """A running experiment whose guardrail rang, as it is now."""
    guard = {"metricKey": "revenue", "role": "GUARDRAIL"}
    await drafted(edge, metrics=[{"metricKey": "paid", "role": "PRIMARY"}, guard])
    await step(edge, "startExperiment")
    async with edge.database.sessions.begin() as session:
        phase = (await session.exec(select(Phase))).one()
        alarm = harm("revenue", action, phase)
        await show(session, phase, report(phase, alarms=(alarm,)))
        await service.act_on_alarms(session, phase.id)
    return await read(edge)


async def test_an_alarm_is_read_and_dismissed_by_a_person(edge: Edge) -> None:
    found = await alarmed(edge, HarmAction.STOP)
    assert found["status"] == "STOPPED"
    (alarm,) = [each["node"] for each in found["alarms"]["edges"]]
    assert (alarm["kind"], alarm["metricKey"], alarm["arm"]) == (
        "HARM",
        "revenue",
        "short",
    )
    assert (alarm["action"], alarm["done"]) == ("STOP", "STOP")
    given = {"idempotencyKey": "d", "id": alarm["id"], "reason": "A tracking bug."}
    by_key = await edge.ask(DISMISS, input=given)
    assert by_key["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    rob = await member(edge, Role.REVIEWER, "rob")
    done = (await rob.ask(DISMISS, input=given))["data"]["dismissAlarm"]
    assert done["alarm"]["dismissal"] == "A tracking bug."
    again = (await rob.ask(DISMISS, input=given))["data"]["dismissAlarm"]
    assert again["replayed"] is True
    other = {**given, "idempotencyKey": "e"}
    twice = (await rob.ask(DISMISS, input=other))["data"]["dismissAlarm"]
    assert twice["code"] == "ALARM_DISMISSED"


async def test_another_project_sees_no_alarm(edge: Edge) -> None:
    found = await alarmed(edge, HarmAction.ALERT)
    (alarm,) = [each["node"] for each in found["alarms"]["edges"]]
    rival = await make_tenant(edge.database, "rival")
    query = "query ($id: ID!) { node(id: $id) { id } }"
    theirs = await edge.ask(query, key=rival.admin, id=alarm["id"])
    assert theirs["data"]["node"] is None
    assert theirs["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    own = await edge.ask(query, id=alarm["id"])
    assert own["data"]["node"] == {"id": alarm["id"]}


async def test_a_reviewer_takes_an_experiment_out_of_belief(edge: Edge) -> None:
    await drafted(edge)
    await step(edge, "startExperiment")
    eve = await member(edge, Role.EDITOR, "eve")
    rob = await member(edge, Role.REVIEWER, "rob")
    given = {"reason": "Bots."}
    assert (await eve.do("invalidateExperiment", **given))["code"] == "FORBIDDEN"
    found = (await rob.do("invalidateExperiment", **given))["experiment"]
    assert found["status"] == "INVALIDATED"
    assert (found["invalidation"]["reason"], found["invalidation"]["stoodAt"]) == (
        "Bots.",
        "RUNNING",
    )
    assert found["phases"][0]["endedAt"] is not None
    assert found["allowedTransitions"] == ["ARCHIVED"]
    assigned = await edge.ask(
        """query ($s: SubjectInput!) { assignments(subject: $s) {
          assignments { variant inExperiment } } }""",
        s={"userId": "u1"},
    )
    (served,) = assigned["data"]["assignments"]["assignments"]
    assert served == {"variant": "long", "inExperiment": False}


async def project(edge: Edge, key: str, **given: Any) -> dict[str, Any]:
    """Change the project's rules."""
    sent = {"idempotencyKey": key, **given}
    answer = await edge.ask(UPDATE_PROJECT, input=sent)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["updateProject"]
    return found


async def test_an_administrator_sets_the_rules(edge: Edge) -> None:
    refused = await project(edge, "a", expectedVersion=1, governance="TEAM")
    assert (refused["code"], refused["path"]) == ("REVIEWERS_MISSING", ["governance"])
    eve = await member(edge, Role.EDITOR, "eve")
    await member(edge, Role.REVIEWER, "rob")
    changed = await project(
        edge,
        "b",
        expectedVersion=1,
        governance="TEAM",
        timeZone="Europe/Paris",
        currency="EUR",
        name="Acme & Co",
    )
    assert changed["project"] == {
        "name": "Acme & Co",
        "timeZone": "Europe/Paris",
        "currency": "EUR",
        "governance": "TEAM",
        "version": 2,
    }
    lowered = await project(edge, "c", expectedVersion=2, governance="SOLO")
    assert lowered["code"] == "REASON_MISSING"
    stale = await project(edge, "d", expectedVersion=1, name="Old")
    assert stale["code"] == "STALE_VERSION"
    given = {"idempotencyKey": "e", "expectedVersion": 2, "name": "Eve's"}
    hers = await eve.ask(UPDATE_PROJECT, input=given)
    assert hers["errors"][0]["extensions"]["code"] == "FORBIDDEN"
