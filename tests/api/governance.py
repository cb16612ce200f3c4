"""Documents and people that the tests of governance share."""

from dataclasses import dataclass
from typing import Any

from core.tenancy import Governance, Project, Role
from tests.api.conftest import Edge
from tests.api.experiments import DRAFT, make_metrics, mutate
from tests.api.test_auth import sign_in

EXPERIMENT = """
  id key status version coverage allowedTransitions
  steps { step target allowed obstacle because }
  review { number required approvals outcome designHash note submittedBy { name kind }
    assessments { verdict note counts revokedAt reviewer { name } } }
  schedule { localTime timeZone dueAt status refusalCode refusal }
  ramp { status step exposed holds { reason message }
    steps { number coverage holdHours minimumUnits needsApproval approvedBy { name } } }
  alarms { edges { node { id kind metricKey arm action done sentence dismissedBy } } }
  invalidation { reason stoodAt invalidatedBy { name } }
  phases { number coverage reviewed governance scheduledFor startedAt endedAt }
"""
ERROR = "... on Error { code message path } ... on TransitionError { from to }"
CHANGE = (
    "mutation ($input: %sInput!) { %s(input: $input) { __typename "
    "... on ExperimentPayload { replayed experiment { " + EXPERIMENT + " } } "
    "%s " + ERROR + " } }"
)
READ = "query ($by: ExperimentRef!) { experiment(by: $by) { " + EXPERIMENT + " } }"
PLAIN = {"withdrawReview", "unscheduleExperiment", "startExperiment"}
CHECKED = {"submitForReview", "scheduleExperiment", "startExperiment"}


@dataclass(frozen=True, slots=True)
class Person:
    """A member who is signed in."""

    edge: Edge
    token: str

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send one document."""
        response = await self.edge.client.post(
            "/graphql",
            json={"query": query, "variables": variables},
            headers={"cookie": f"hone_session={self.token}"},
        )
        answer: dict[str, Any] = response.json()
        return answer

    async def do(self, name: str, **given: Any) -> dict[str, Any]:
        """Take a step with the one experiment, as it is now."""
        return await step(self, name, **given)


async def member(edge: Edge, role: Role, name: str) -> Person:
    """A person who came in and signed in."""
    email = f"{name}@acme.test"
    _, token = await sign_in(edge.database, edge.tenant.project.id, role, email)
    return Person(edge, token)


async def govern(edge: Edge, preset: Governance) -> None:
    """Give the project a preset, whoever is in it."""
    async with edge.database.sessions.begin() as session:
        project = await session.get_one(Project, edge.tenant.project.id)
        project.governance = preset
        session.add(project)


async def drafted(edge: Edge, **changes: Any) -> None:
    """A draft that may start."""
    await make_metrics(edge)
    made = await mutate(edge, "createExperiment", {**DRAFT, **changes})
    assert made["__typename"] == "ExperimentPayload", made


async def read(by: Edge | Person) -> dict[str, Any]:
    """The one experiment, as this caller sees it."""
    answer = await by.ask(READ, by={"key": "short-form"})
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["experiment"]
    return found


async def step(by: Edge | Person, name: str, **given: Any) -> dict[str, Any]:
    """Send one change; the member of its union, or the refused request's code."""
    version = given.pop("expectedVersion", None) or (await read(by))["version"]
    kind = "TransitionExperiment" if name in PLAIN else name[0].upper() + name[1:]
    extra = "... on ChecklistError { items }" if name in CHECKED else ""
    sent = {
        "idempotencyKey": f"{name}-{version}-{sorted(given.items())}"[:200],
        "experiment": {"key": "short-form"},
        "expectedVersion": version,
        **given,
    }
    answer = await by.ask(CHANGE % (kind, name, extra), input=sent)
    if "errors" in answer:
        return {"code": answer["errors"][0]["extensions"]["code"]}
    found: dict[str, Any] = answer["data"][name]
    return found
